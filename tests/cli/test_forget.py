"""Forgetting: the data is rebuilt without, models are marked, a receipt says so without names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import Message
from chatbot.ingest.organize.forgetting import ForgetRule, message_id, speaker_hash, with_aliases
from tests.retrieval.desks import write_desk

PERSONA = ("--set", "processed.preprocess.persona=하늘")


def fingerprint(project):
    return json.loads((project.root / "data/processed/stats.json").read_text())["fingerprint"]


def receipt(project):
    (path,) = (project.root / "data/raw").glob("forgotten_*.json")
    return path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_somebody_said_before_a_day_is_gone(trained, capsys):
    before = fingerprint(trained)
    assert trained.run("forget", "--before", "2025-03-08") == 0
    assert "messages are forgotten" in capsys.readouterr().err
    found = json.loads(receipt(trained))
    assert (found["data_before"], found["data_after"]) == (before, fingerprint(trained))
    assert found["n_messages"] > 0 and "checkpoints/main" in found["stale_runs"]
    for command in (["publish"], ["export", "--to", "hf", str(trained.root / "hf")]):
        assert trained.run(*command) == 2
        assert "are now forgotten" in capsys.readouterr().err
    assert trained.run("archive") == 0
    assert trained.run("preprocess") == 0 and trained.run("train") == 0
    assert fingerprint(trained) == found["data_after"]  # it does not come back
    assert trained.run("publish") == 0


@pytest.mark.slow
def test_purge_deletes_every_copy_that_is_here_and_nothing_else(trained, capsys):
    """Archives from before and after, the marked run, what was published of it."""
    assert trained.run("publish") == 0 and trained.run("archive") == 0
    assert trained.run("preprocess") == 0 and trained.run("train") == 0
    assert trained.run("publish") == 0
    assert trained.run("forget", "--before", "2025-03-08") == 0
    assert "1 archives hold them" in capsys.readouterr().err
    assert trained.run("archive") == 0
    assert trained.run("preprocess") == 0 and trained.run("train") == 0
    (before,) = [path for path in archives(trained) if (path / "STALE.json").exists()]
    assert trained.run("archive", "--restore", before.name) == 2
    assert "are now forgotten" in capsys.readouterr().err
    assert len(archives(trained)) == 2
    assert trained.run("forget", "--purge") == 0
    assert capsys.readouterr().err.count("deleted ") == 2
    assert not archives(trained) and trained.run("reply", "안녕") == 0
    assert trained.run("forget", "--purge") == 0
    assert "nothing here holds" in capsys.readouterr().err


def archives(project):
    return [path for path in (project.root / "data/archive").glob("*/") if path.is_dir()]


def test_forget_and_purge_in_one_command(trained, capsys):
    assert trained.run("publish") == 0 and trained.run("export", "--to", "hf") == 0
    assert trained.run("forget", "--before", "2025-03-08", "--purge") == 0
    assert "checkpoints/main" in capsys.readouterr().err
    assert not (trained.root / "checkpoints/main").exists()
    assert [path.name for path in (trained.root / "artifacts").iterdir()] == ["model_info.json"]
    assert trained.run("train") == 0


def test_a_receipt_names_nobody_whatever_names_are_tried(processed):
    assert processed.run("forget", "--speaker", "하늘", *PERSONA) == 0
    rules = (processed.root / "data/raw/forgotten.json").read_text()
    assert speaker_hash("하늘") in rules and speaker_hash("하늘") not in receipt(processed)


def test_nothing_named_is_a_sentence(processed, capsys):
    assert processed.run("forget") == 2
    assert "there is nothing to forget" in capsys.readouterr().err


def test_one_message_is_found_and_forgotten(processed, capsys):
    assert processed.run("forget", "--find", "ㅋㅋ") == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert processed.run("forget", "--message-id", row.split()[0]) == 0
    found = receipt(processed)
    assert json.loads(found)["n_messages"] == 1
    assert "하늘" not in found and "도윤" not in found


def test_the_search_index_goes_with_what_is_forgotten(processed, capsys):
    assert processed.run("forget", "--find", "ㅋㅋ") == 0
    listed_id, *_ = capsys.readouterr().out.splitlines()[1].split()
    assert processed.run("why", "ㅋㅋ") == 0
    index = processed.root / "data/processed/search"
    before = {path.name: path.read_bytes() for path in index.iterdir()}
    assert processed.run("forget", "--message-id", listed_id) == 0
    assert not index.exists()
    assert processed.run("why", "ㅋㅋ") == 0
    assert (index / "rows.bin").read_bytes() != before["rows.bin"]


def test_a_desk_answers_from_no_row_that_is_forgotten(project, capsys):
    write_desk(project.root, 60)
    settings = ("processed.tables=[data/qna_prompt_response.csv]", "processed.rooms=none")
    assert project.run("qna", "index", settings=settings) == 0
    assert "48 rows indexed, 12 later" in capsys.readouterr().err
    assert project.run("forget", "--find", "배송 문의드려요", settings=settings) == 0
    listed_id, *_ = capsys.readouterr().out.splitlines()[1].split()
    assert project.run("forget", "--message-id", listed_id, settings=settings) == 0
    assert "the index of the desk is removed" in capsys.readouterr().err
    assert not (project.root / "data/qna_index").exists()
    assert project.run("qna", "index", settings=settings) == 0
    assert "48 rows indexed, 11 later" in capsys.readouterr().err


def test_exports_that_were_put_aside_are_named_as_holding_what_is_forgotten(processed, capsys):
    assert processed.run("forget", "--purge") == 0
    assert capsys.readouterr().err.endswith("the exports in data/raw\n")
    aside = processed.root / "data/archive/split/x1234567-1.zip"
    aside.parent.mkdir(parents=True)
    aside.write_bytes(b"")
    assert processed.run("forget", "--purge") == 0
    assert "the exports in data/raw, data/archive/split\n" in capsys.readouterr().err


def test_nothing_to_forget_changes_nothing(processed, capsys):
    before = fingerprint(processed)
    for what in (["--speaker", "아무도 아님"], ["--message-id", "00"], ["--before", "2001-01-01"]):
        assert processed.run("forget", *what) == 2
        assert "no message matches" in capsys.readouterr().err
    assert processed.run("forget", "--before", "어제") == 2
    assert fingerprint(processed) == before
    assert not list((processed.root / "data/raw").glob("forgotten_*"))


@pytest.mark.parametrize(
    ("what", "settings"),
    [
        (["--speaker", "하늘"], ["--set", "processed.preprocess.persona=하늘"]),
        pytest.param(
            ["--speaker", "하늘"],
            ["--set", "processed.preprocess.min_context_turns=15"],
            marks=pytest.mark.slow,
        ),
        (["--before", "2100-01-01"], []),
    ],
)
def test_models_are_marked_though_nothing_trainable_is_left(trained, capsys, what, settings):
    """A room of two without one of them; what was learned from it must not go on."""
    assert trained.run("publish") == 0
    capsys.readouterr()
    assert trained.run("forget", *what, *settings) == 0
    shown = capsys.readouterr().err
    assert "nothing is left to train on" in shown and "messages are forgotten" in shown
    assert "trains no new one" in shown and "put another export into data/raw/inbox" in shown
    assert (trained.root / "checkpoints/main/STALE.json").exists()
    assert not (trained.root / "data/processed").exists()
    assert json.loads(receipt(trained))["data_after"] is None
    for command in (["publish"], ["export", "--to", "hf", str(trained.root / "hf")], ["train"]):
        assert trained.run(*command) == 2
    assert trained.run("preprocess", *settings) == 2  # the rule stands


def test_an_export_of_before_is_not_imported_without_a_warning(trained, capsys):
    assert trained.run("export", "--to", "hf", str(trained.root / "hf")) == 0
    assert trained.run("forget", "--before", "2025-03-08") == 0
    capsys.readouterr()
    assert trained.run("import", str(trained.root / "hf")) == 0
    assert "warning: messages were forgotten here" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_of_what_is_left_is_imported_without_a_warning(trained, capsys):
    assert trained.run("forget", "--before", "2025-03-08") == 0
    assert trained.run("archive") == 0
    for command in (["preprocess"], ["train"], ["export", "--to", "hf", str(trained.root / "hf")]):
        assert trained.run(*command) == 0
    capsys.readouterr()
    assert trained.run("import", str(trained.root / "hf")) == 0
    assert "forgotten" not in capsys.readouterr().err


def test_a_changed_export_is_noticed_before_anything_is_forgotten(trained, capsys):
    (path,) = (trained.root / "data/raw/organized").rglob("*.txt")
    path.write_bytes(path.read_bytes() + b"\n")
    before = fingerprint(trained)
    assert trained.run("forget", "--speaker", "하늘") == 2
    assert "has changed since it was filed" in capsys.readouterr().err
    assert fingerprint(trained) == before
    assert not (trained.root / "checkpoints/main/STALE.json").exists()


@pytest.mark.slow
def test_a_forget_that_was_killed_is_finished_by_the_same_command(trained, monkeypatch, capsys):
    from chatbot.privacy import forgetting

    def killed(*_):
        raise KeyboardInterrupt

    assert trained.run("publish") == 0
    monkeypatch.setattr(forgetting, "_receipt", killed)
    assert trained.run("forget", "--before", "2025-03-08") == 130
    assert (trained.root / "checkpoints/main/STALE.json").exists()
    monkeypatch.undo()
    assert trained.run("forget", "--before", "2025-03-08") == 0
    assert json.loads(receipt(trained))["n_messages"] > 0
    capsys.readouterr()
    published = ("--set", "dialogue.model=artifacts/model_latest.safetensors")
    assert trained.run("export", *published, "--to", "hf", str(trained.root / "hf")) == 2
    assert trained.run("encrypt-model") == 2
    assert capsys.readouterr().err.count("are now forgotten") == 2


def test_a_short_name_is_enough_where_one_fits_and_a_near_one_is_proposed(
    project, export, capsys, monkeypatch
):
    project.add_export("a.txt", export.replace("하늘".encode(), "하늘 [총무]".encode()))
    assert project.run("organize") == 0 and project.run("preprocess") == 0
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    capsys.readouterr()
    assert project.run("forget", "--speaker", "하느") == 2
    assert "did you mean" in capsys.readouterr().err
    assert project.run("forget", "--speaker", "하늘") == 0


def test_a_second_rule_is_counted_by_itself(processed, capsys):
    assert processed.run("forget", "--before", "2025-03-05") == 0
    assert processed.run("archive") == 0
    assert processed.run("forget", "--speaker", "아무도 아님") == 2
    assert "no message matches" in capsys.readouterr().err


@given(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5))
def test_another_name_of_a_speaker_brings_nothing_back(name, alias):
    rules = with_aliases([ForgetRule("speaker", speaker_hash(name))], [(name, alias)])
    assert any(rule.applies(Message(alias, "가", None)) for rule in rules)
    assert any(rule.applies(Message(name, "가", None)) for rule in rules)


def test_nothing_is_forgotten_while_a_trainer_reads_the_data(processed, capsys):
    from chatbot.training.folder import RunFolder, locked_run

    with locked_run(RunFolder(processed.root / "checkpoints/main")):
        assert processed.run("forget", "--before", "2025-03-08") == 2
    assert "is being trained" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[", '[{"kind": "all", "value": ""}]'])
def test_a_damaged_list_is_never_ignored(processed, text, capsys):
    (processed.root / "data/raw/forgotten.json").write_text(text)
    assert processed.run("preprocess") == 2
    assert "would come back" in capsys.readouterr().err


@given(st.text(max_size=10), st.text(max_size=20))
def test_a_rule_fits_its_speaker_and_message_alone(name, text):
    message, other = Message(name, text, None), Message(name + "x", text, None)
    assert ForgetRule("speaker", speaker_hash(name)).applies(message)
    assert not ForgetRule("speaker", speaker_hash(name)).applies(other)
    assert ForgetRule("message", message_id(message)).applies(message)
    assert not ForgetRule("before", "2020-01-01").applies(message)
