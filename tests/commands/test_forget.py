"""Forgetting: the data is rebuilt without, models are marked, a receipt says so without names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import Message
from chatbot.ingest.forgetting import ForgetRule, message_id, speaker_hash

FORGET = ["--speaker", "하늘"]


def fingerprint(project):
    return json.loads((project.root / "data/processed/stats.json").read_text())["fingerprint"]


def receipt(project):
    (path,) = (project.root / "data/raw").glob("forgotten_*.json")
    return path.read_text(encoding="utf-8")


def test_what_somebody_said_before_a_day_is_gone(trained, capsys):
    before = fingerprint(trained)
    assert trained.run("forget", "--before", "2025-03-08") == 0
    assert "messages are forgotten" in capsys.readouterr().err
    found = json.loads(receipt(trained))
    assert (found["data_before"], found["data_after"]) == (before, fingerprint(trained))
    assert found["n_messages"] > 0 and "main" in found["stale_runs"]
    for command in (["publish"], ["export", "--to", "hf", str(trained.root / "hf")]):
        assert trained.run(*command) == 2
        assert "forgotten since" in capsys.readouterr().err
    assert trained.run("archive") == 0
    assert trained.run("preprocess") == 0 and trained.run("train") == 0
    assert fingerprint(trained) == found["data_after"]  # it does not come back
    assert trained.run("publish") == 0


def test_one_message_is_found_and_forgotten(processed, capsys):
    assert processed.run("forget", "--find", "ㅋㅋ") == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert processed.run("forget", "--message-id", row.split()[0]) == 0
    found = receipt(processed)
    assert json.loads(found)["n_messages"] >= 1
    assert "하늘" not in found and "도윤" not in found


def test_nothing_to_forget_changes_nothing(processed, capsys):
    before = fingerprint(processed)
    for what in (["--speaker", "아무도 아님"], ["--message-id", "00"], ["--before", "2001-01-01"]):
        assert processed.run("forget", *what) == 2
        assert "no message fits" in capsys.readouterr().err
    assert processed.run("forget", "--before", "어제") == 2
    assert fingerprint(processed) == before
    assert not list((processed.root / "data/raw").glob("forgotten_*"))


def test_a_room_without_one_of_two_is_refused_and_stays(processed, capsys):
    before = fingerprint(processed)
    assert processed.run("forget", *FORGET) in (0, 2)
    if "no reply" in capsys.readouterr().err:
        assert fingerprint(processed) == before


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
