"""`chatbot blind`: a test for a friend, the code that comes back, and what it shows."""

import json

import pytest

from chatbot.evaluation.blind.code import Answer, Sheet, write_code
from chatbot.evaluation.blind.records import read_tests
from chatbot.publishing.page.lock import unlock
from tests.publishing.page.models import content_of


def make(project, *arguments):
    path = project.root / "blind.html"
    assert project.run("blind", "--file", str(path), *arguments) == 0
    return path


def code_of(test, judge, is_right=True):
    """The code of a friend who is always right, or always wrong."""
    answers = (Answer(True, second_is_bot == is_right) for second_is_bot in test.second_is_bot)
    return write_code(Sheet(test.id, judge, tuple(answers)))


def test_a_friends_code_is_counted_and_shown(trained, capsys):
    content = unlock(content_of(make(trained)), capsys.readouterr().out.strip())
    (test,) = read_tests(trained.config())
    assert len(json.loads(content)["questions"]) == len(test.second_is_bot)
    codes = [code_of(test, f"000{i}") for i in range(4)]
    assert trained.run("blind", "--score", *codes) == 0
    shown = capsys.readouterr()
    n = 4 * len(test.second_is_bot)
    assert f"together  {n}" in shown.out and "place: 0.00" in shown.out
    assert trained.run("blind") == 0
    assert capsys.readouterr().out == shown.out


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda code: code[:-1] + ("q" if code[-1] != "q" else "p"), "a letter is wrong"),
     (lambda code: code, "already counted")],
)  # fmt: skip
def test_a_code_that_cannot_be_counted_is_refused(trained, capsys, change, message):
    make(trained)
    code = code_of(read_tests(trained.config())[0], "0001")
    assert trained.run("blind", "--score", code) == 0
    capsys.readouterr()
    assert trained.run("blind", "--score", change(code)) == 2
    said = capsys.readouterr().err
    assert message in said and "hint: " in said


def test_a_file_that_anybody_can_read_is_asked_for(trained, capsys):
    content = content_of(make(trained, "--unencrypted", "--questions", "1"))
    assert len(json.loads(content)["questions"]) == 1
    assert "not encrypted" in capsys.readouterr().err


def test_nothing_private_is_stored_at_home(trained):
    make(trained, "--unencrypted")
    (stored,) = (trained.root / "checkpoints/main/blind").iterdir()
    assert stored.read_text(encoding="utf-8").isascii() and stored.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "has no blind test yet"),
        (("--unencrypted",), "is for --file"),
        (("--serve", "--questions", "81"), "80 questions"),
        (("--score", "blind1-qqqqq"), "not the code of a blind test"),
    ],
)
def test_what_cannot_be_done_is_told(trained, capsys, arguments, message):
    assert trained.run("blind", *arguments) == 2
    assert message in capsys.readouterr().err
