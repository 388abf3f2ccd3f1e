"""What may not be given away is refused at every door, and options that mean nothing are too."""

import dataclasses

import msgspec
import pytest

from chatbot.model.bundle import read_bundle, write_bundle
from chatbot.publishing.policy import require_private, review_privacy
from tests.conftest import TINY

DOORS = [
    ["publish"],
    ["export"],
    ["export", "--to", "page"],
    ["encrypt-model", "{published}", "--output", "{root}/x.enc"],
]
OTHER_PERSONA = (*TINY, "processed.preprocess.persona=하늘")


def refusal(project, command, settings, capsys):
    """The error of a command that refuses, "" if it does what it is told."""
    published = project.root / "artifacts/model_latest.safetensors"
    arguments = [part.format(root=project.root, published=published) for part in command]
    capsys.readouterr()
    status = project.run(*arguments, settings=settings)
    return capsys.readouterr().err if status == 2 else ""


@pytest.fixture
def published(trained, monkeypatch):
    monkeypatch.setenv("CHATBOT_MODEL_KEY", "invented words")
    assert trained.run("publish", settings=(*TINY, "publish.privacy.check=off")) == 0
    return trained


@pytest.mark.parametrize("command", DOORS, ids=" ".join)
def test_a_stale_model_is_refused_at_every_door(published, command, capsys):
    for folder, name in (
        ("checkpoints/main", "STALE.json"),
        ("artifacts", "model_latest.STALE.json"),
    ):
        (published.root / folder / name).write_text("{}")
    assert "are now forgotten" in refusal(published, command, TINY, capsys)


@pytest.mark.slow
def test_a_stale_model_is_not_decrypted_for_others_and_replies_with_a_warning(published, capsys):
    quiet = (*TINY, "publish.privacy.check=off")
    assert published.run("publish", "--encrypt", settings=quiet) == 0
    (published.root / "artifacts/model_latest.STALE.json").write_text("{}")
    command = ["decrypt-model", "{root}/artifacts/model_latest.enc", "--output", "{root}/plain"]
    assert "are now forgotten" in refusal(published, command, TINY, capsys)
    (published.root / "checkpoints/main/STALE.json").write_text("{}")
    assert published.run("reply", "안녕") == 0
    assert "warning: this model was trained" in capsys.readouterr().err


@pytest.mark.parametrize("command", DOORS, ids=" ".join)
def test_another_persona_is_refused_at_every_door(published, command, capsys):
    assert "trained with another persona" in refusal(published, command, OTHER_PERSONA, capsys)


@pytest.mark.parametrize("command", DOORS[:3], ids=" ".join)
def test_a_limit_that_refuses_holds_for_exports_too(published, command, capsys):
    limits = ("publish.privacy.check=refuse", "publish.privacy.max_membership_auc=0")
    assert "remembers more" in refusal(published, command, (*TINY, *limits), capsys)


@pytest.mark.slow
def test_any_other_file_may_be_encrypted(published, capsys):
    (published.root / "notes.txt").write_text("invented")
    command = ["encrypt-model", "{root}/notes.txt"]
    assert refusal(published, command, OTHER_PERSONA, capsys) == ""


def test_a_model_of_other_data_is_not_measured_and_says_so(published):
    bundle = read_bundle(published.root / "checkpoints/main/model.safetensors")
    about = msgspec.structs.replace(bundle.about, data_fingerprint="of other data")
    review = review_privacy(dataclasses.replace(bundle, about=about), published.config())
    assert review.report is None and "not measured" in review.notes[0]
    require_private(review, published.config("publish.privacy.check=refuse"))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--merged"], "--merged is for adapters"),
        (["--dtype", "fp16"], "is not supported"),
        (["--to", "gguf", "--dtype", "bf16"], "is not supported"),
        (["--to", "page", "--dtype", "fp32"], "is not supported"),
        (["--to", "page", "--merged"], "--merged is for adapters"),
    ],
)
def test_an_option_without_a_meaning_is_refused(published, options, problem, capsys):
    assert problem in refusal(published, ["export", *options], TINY, capsys)


def test_the_metadata_of_a_model_cannot_be_changed_unnoticed(published, capsys):
    path = published.root / "artifacts/model_latest.safetensors"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'\\"run_name\\":\\"main\\"', b'\\"run_name\\":\\"nain\\"'))
    assert path.read_bytes() != content
    settings = (*TINY, f"dialogue.model={path}")
    assert "is damaged" in refusal(published, ["reply", "안녕"], settings, capsys)


def test_a_model_written_again_is_the_same_file(published, tmp_path):
    path = published.root / "artifacts/model_latest.safetensors"
    write_bundle(tmp_path / "again.safetensors", read_bundle(path), "fp16")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("command", [["export", "--to", "page"], ["deploy"]], ids=" ".join)
def test_a_desk_is_not_given_away_without_its_rows(trained, command, capsys):
    settings = (*TINY, "qna.answering.enabled=true")
    assert "no rows to answer from" in refusal(trained, command, settings, capsys)
