"""The desk and the sources of a reply, as a user calls them."""

import json

import pytest

from chatbot.serving.auth import hash_password
from tests.conftest import TINY
from tests.retrieval.desks import SETTINGS, write_desk

ENABLED = (*SETTINGS, "qna.answering.enabled=true")


def lock(project):
    """Set a password that nobody at the terminal can type."""
    line = f"CHATBOT_PASSWORD_HASH='{hash_password('b')}'\n"
    (project.root / ".env").write_text(line, encoding="utf-8")
    (project.root / ".env").chmod(0o600)


@pytest.fixture
def desk(project):
    (project.root / ".env").unlink()
    write_desk(project.root)
    assert project.run("qna", "index", settings=SETTINGS) == 0
    return project


def test_indexing_says_what_it_promises(desk, capsys):
    assert desk.run("qna", "index", settings=SETTINGS) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("at most 20.0% of answers wrong, with 95% confidence: 0 wrong")
    assert "400 rows indexed, 100 later ones measured" in shown.err


def test_a_desk_without_enough_rows_says_so(project, capsys):
    write_desk(project.root, 40)
    assert project.run("qna", "index", settings=()) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("not enough to promise at most 5.0% of answers wrong")
    assert "everything is handed over" in shown.err


def test_a_reply_of_the_desk_cites_its_rows_or_hands_over(desk, capsys):
    assert desk.run("reply", "주차 문의드려요", settings=ENABLED) == 0
    answer, citation = capsys.readouterr().out.splitlines()
    assert answer == "지하에 자리가 있어요." and citation.startswith("[근거: ")
    assert desk.run("reply", "오늘 날씨 좋네", settings=ENABLED) == 0
    assert "담당자에게 전달" in capsys.readouterr().out


def test_a_chat_with_the_desk_needs_no_model(desk, capsys, monkeypatch):
    lines = iter(["주차 문의드려요", "/help", "/exit"])
    monkeypatch.setattr("builtins.input", lambda *_: next(lines))
    assert desk.run("chat", settings=ENABLED) == 0
    assert "[근거: " in capsys.readouterr().out


def test_the_desk_needs_the_password_that_is_set(desk, capsys):
    lock(desk)
    assert desk.run("reply", "주차 문의드려요", settings=ENABLED) == 2
    assert "password" in capsys.readouterr().err


def test_a_desk_without_an_index_names_the_command(project, capsys):
    (project.root / ".env").unlink()
    write_desk(project.root)
    assert project.run("reply", "주차", settings=ENABLED) == 2
    assert "chatbot qna index" in capsys.readouterr().err


def test_an_evaluation_writes_a_page_for_the_owner(desk, capsys):
    assert desk.run("qna", "eval", "--without-model", settings=SETTINGS) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("grounded")
    report = json.loads((desk.root / "data/desk.json").read_bytes())
    assert [system["name"] for system in report["systems"]] == ["rows alone", "grounded"]
    assert report["n_indexed"] == 400 and report["systems"][0]["hit_at_1"]["n"] == 50
    assert "지하에 자리가" in (desk.root / "data/desk.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in (desk.root / "data").iterdir() if "eval" in path.name) == []


@pytest.mark.slow
def test_an_evaluation_asks_the_model_too(trained, capsys):
    write_desk(trained.root)
    (trained.root / ".env").write_text("")
    gen = trained.root / "configs/gen.yaml"
    gen.parent.mkdir(exist_ok=True)
    gen.write_text("security:\n  require_password: false\n", encoding="utf-8")
    assert trained.run("qna", "eval", "--questions", "3", settings=(*TINY, *SETTINGS)) == 0
    assert "model alone" in capsys.readouterr().out


def test_why_shows_the_nearest_messages_behind_the_password(processed, capsys):
    lock(processed)
    assert processed.run("why", "오늘 뭐함") == 2
    assert "password" in capsys.readouterr().err
    (processed.root / ".env").unlink()
    assert processed.run("why", "오늘 뭐함") == 0
    assert "session" in capsys.readouterr().out
    assert processed.run("why", " ") == 2
