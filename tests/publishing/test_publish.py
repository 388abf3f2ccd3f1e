"""Published and archived: what is written is what was, and nothing is deleted."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from chatbot.crypto.age_keys import new_passphrase
from chatbot.publishing.archive import archive, plan_archive
from chatbot.storage.files import sha256_of


def test_published_model_answers_as_the_run_does(trained, capsys):
    seeded = ("--set", "sampling.seed=1")
    assert trained.run("reply", *seeded, "오늘 뭐함") == 0
    before = capsys.readouterr().out
    assert trained.run("publish") == 0
    info = json.loads((trained.root / "artifacts/model_info.json").read_text())
    path = trained.root / "artifacts" / info["file"]
    assert (info["sha256"], info["size_bytes"]) == (sha256_of(path), path.stat().st_size)
    (trained.root / "checkpoints/main/best.pt").unlink()
    capsys.readouterr()
    assert trained.run("reply", *seeded, "오늘 뭐함") == 0
    assert capsys.readouterr().out == before


@pytest.mark.parametrize(
    "dtype", ["fp32", *(pytest.param(dtype, marks=pytest.mark.slow) for dtype in ("fp16", "int8"))]
)
def test_publishing_an_unchanged_model_again_gives_the_same_file(trained, dtype):
    """An encrypted one differs each time, and must: a key is never used twice."""
    digests = set()
    for _ in range(2):
        assert trained.run("publish", "--set", f"publish.dtype={dtype}") == 0
        digests.add(sha256_of(trained.root / "artifacts/model_latest.safetensors"))
        digests.add(json.loads((trained.root / "artifacts/model_info.json").read_text())["sha256"])
    assert len(digests) == 1


def test_published_model_holds_no_name(trained):
    assert trained.run("publish") == 0
    content = (trained.root / "artifacts/model_latest.safetensors").read_bytes()
    assert "도윤".encode() not in content and str(Path.home()).encode() not in content


def test_archive_moves_everything_and_its_manifest_tells_where(trained):
    config = trained.config()
    before = {
        p.name: sha256_of(p) for p in (trained.root / "checkpoints").rglob("*") if p.is_file()
    }
    target = archive(plan_archive(config, datetime(2026, 11, 20)), config)
    moved = json.loads((target / "manifest.json").read_text())["files"]
    assert all(sha256_of(trained.root / item["to"]) == item["sha256"] for item in moved)
    assert before.items() <= {Path(item["to"]).name: item["sha256"] for item in moved}.items()
    assert not list((trained.root / "checkpoints").iterdir())
    assert (trained.root / "data/raw/manifest.json").exists()


def test_an_archive_comes_back_as_it_was(trained, capsys):
    def state():
        folders = [trained.root / name for name in ("data/processed", "checkpoints")]
        return {p: sha256_of(p) for folder in folders for p in folder.rglob("*") if p.is_file()}

    before = state()
    assert trained.run("archive", "--restore") == 2  # there is none yet
    assert trained.run("archive") == 0 and state() == {}
    assert trained.run("archive", "--restore", "2001-01-01_000000") == 2
    (trained.root / "data/processed").mkdir(exist_ok=True)
    (trained.root / "data/processed/stats.json").write_text("{}")
    assert trained.run("archive", "--restore") == 2  # newer ones are in the way
    assert "in use by newer ones" in capsys.readouterr().err
    (trained.root / "data/processed/stats.json").unlink()
    assert trained.run("archive", "--restore") == 0
    assert state() == before and not list((trained.root / "data/archive").iterdir())
    assert trained.run("publish") == 0


def test_dry_archive_moves_nothing(trained):
    before = sorted(trained.root.rglob("*"))
    assert trained.run("archive", "--dry") == 0
    assert sorted(trained.root.rglob("*")) == before


def ask(project, *arguments, capsys):
    """What a seeded reply says, or the error."""
    capsys.readouterr()
    status = project.run("reply", "--set", "sampling.seed=1", *arguments, "오늘 뭐함")
    shown = capsys.readouterr()
    return shown.out if status == 0 else shown.err


def forget_plain(project):
    for path in project.root.rglob("*.safetensors"):
        path.unlink()


@pytest.mark.slow
def test_an_encrypted_model_answers_as_the_plain_one(trained, capsys):
    fp32 = ("--set", "publish.dtype=fp32")
    before = ask(trained, capsys=capsys)
    (trained.root / ".env").write_text(
        "CHATBOT_PASSWORD=a\nCHATBOT_MODEL_KEY=아무도 모르는 여섯 낱말 비밀\n"
    )
    assert trained.run("publish", "--encrypt", *fp32) == 0
    files = {path.name for path in (trained.root / "artifacts").iterdir()}
    assert files - {".gitkeep"} == {"model_latest.enc", "model_info.json"}
    forget_plain(trained)
    assert ask(trained, capsys=capsys) == before
    assert trained.run("decrypt-model") == 0
    (trained.root / "artifacts/model_latest.enc").unlink()
    assert ask(trained, capsys=capsys) == before


@pytest.mark.slow
def test_without_the_key_an_encrypted_model_stays_shut(trained, capsys, monkeypatch):
    assert trained.run("publish", "--encrypt") == 2
    shown = capsys.readouterr().err
    assert "CHATBOT_MODEL_KEY is not set" in shown and "measuring" not in shown
    monkeypatch.setenv("CHATBOT_MODEL_KEY", "낱말")
    assert trained.run("publish", "--encrypt", "--weak-key") == 0
    forget_plain(trained)
    monkeypatch.setenv("CHATBOT_MODEL_KEY", "다른 낱말")
    assert "the key does not open this file" in ask(trained, capsys=capsys)
    assert trained.run("decrypt-model") == 2
    monkeypatch.delenv("CHATBOT_MODEL_KEY")
    assert "CHATBOT_MODEL_KEY is not set" in ask(trained, capsys=capsys)
    assert not list(trained.root.rglob("*.safetensors"))


@pytest.mark.parametrize("kind", [(), ("--post-quantum",)], ids=["X25519", "post-quantum"])
def test_a_drawn_key_pair_shares_with_one_person(trained, kind, capsys, monkeypatch):
    assert trained.run("keygen", *kind) == 0
    shown = capsys.readouterr()
    line, public = shown.out.strip(), shown.err.split()[-1]
    assert trained.run("publish", "--encrypt", "--to", public) == 0
    assert trained.run("publish", "--to", public) == 2
    forget_plain(trained)
    monkeypatch.setenv(*line.split("="))
    assert not ask(trained, capsys=capsys).startswith("error")


@pytest.mark.parametrize("command", [("publish", "--encrypt"), ("encrypt-model", "{plain}")])
def test_a_passphrase_that_can_be_guessed_is_refused_unless_asked_for(
    trained, command, tmp_path, capsys, monkeypatch
):
    (tmp_path / "plain").write_bytes(b"x")
    command = [part.format(plain=tmp_path / "plain") for part in command]
    monkeypatch.setenv("CHATBOT_MODEL_KEY", "1234")
    assert trained.run(*command) == 2
    shown = capsys.readouterr().err
    assert "CHATBOT_MODEL_KEY can be guessed: it has at most 7 bits, 60 are needed" in shown
    assert "keygen --passphrase" in shown and "--weak-key" in shown and "1234" not in shown
    assert not list(trained.root.rglob("*.enc"))
    assert trained.run(*command, "--weak-key") == 0


@pytest.mark.slow
def test_a_drawn_passphrase_is_offered_and_kept(trained, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert trained.run("publish", "--encrypt") == 0
    kept = (trained.root / ".env").read_text().splitlines()[-1]
    assert kept.startswith("CHATBOT_MODEL_KEY=") and kept.split("=")[1] in capsys.readouterr().err
    monkeypatch.setattr("builtins.input", lambda _: "n")
    (trained.root / ".env").write_text("CHATBOT_PASSWORD=a\n")
    assert trained.run("publish", "--encrypt") == 2


def test_a_kill_while_encrypting_leaves_no_file(trained, monkeypatch):
    monkeypatch.setenv("CHATBOT_MODEL_KEY", new_passphrase())

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("chatbot.publishing.artifact.encrypt", stopped)
    assert trained.run("publish", "--encrypt") == 130
    assert not list((trained.root / "artifacts").glob("model*"))
