"""Skills at the terminal: what they answer, and what they leave to the bot."""

import pytest

from chatbot.cli.skills import TerminalSkills, open_terminal_skills

ENABLED = "skills.enabled=[reset, help, clock, keyboard]"


@pytest.fixture
def skills(project):
    return open_terminal_skills(project.config(ENABLED))


def left(skills, *lines):
    """What the bot reads of lines, and how often it forgets."""
    forgotten = []
    return [skills.left(line, lambda: forgotten.append(1)) for line in lines], len(forgotten)


def test_a_request_is_answered_and_not_left_to_the_bot(skills, capsys):
    assert left(skills, "오늘 무슨 요일이야?") == ([None], 0)
    assert capsys.readouterr().out.startswith("bot> 오늘은 ")


def test_a_yes_leaves_what_was_meant(skills, capsys):
    assert left(skills, "dkssud", "응", "응") == ([None, "안녕", "응"], 0)
    assert "‘안녕’이라고 말씀하신 게 맞을까요?" in capsys.readouterr().out


def test_a_reset_forgets_the_conversation(skills):
    assert left(skills, "초기화") == ([None], 1)


def test_commands_and_ordinary_lines_are_left_as_they_are(skills):
    assert left(skills, "/undo", "밥 먹었어?") == (["/undo", "밥 먹었어?"], 0)


def test_without_skills_every_line_is_the_bots():
    assert left(TerminalSkills(None), "지금 몇 시야?") == (["지금 몇 시야?"], 0)


def test_chat_answers_a_request_between_replies(trained, capsys, monkeypatch):
    typed = iter(["안녕", "초기화", "/exit"])
    monkeypatch.setattr("builtins.input", lambda _: next(typed))
    assert trained.run("chat", "--set", ENABLED) == 0
    assert "지금까지의 대화를 잊었어요" in capsys.readouterr().out
