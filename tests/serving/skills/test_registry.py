"""Which skills the settings enable, those of other packages among them."""

from importlib.metadata import EntryPoint

import pytest

from chatbot.errors import AccessError, ConfigError
from chatbot.serving.skills import registry
from chatbot.serving.skills.interface import Match
from chatbot.serving.skills.registry import SKILLS, open_assistant
from tests.conftest import REPOSITORY

LOCAL = "skills.enabled=[reset,help,manners,clock,lotto,keyboard,weather]"


class Dice:
    """A skill of another package."""

    @staticmethod
    def recognizes(text):
        return Match("ko") if text == "주사위" else None

    @staticmethod
    def answer(match, context):
        return str(context.randomness.randint(1, 6))


@pytest.fixture
def installed(monkeypatch):
    """Entry points of other packages; loading any other than dice fails."""
    points = [
        EntryPoint("dice", "tests.serving.skills.test_registry:Dice", registry.GROUP),
        EntryPoint("broken", "no_such_module_at_all", registry.GROUP),
        EntryPoint("empty", "tests.serving.skills.test_registry:LOCAL", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)


def test_no_skill_is_enabled_by_default(project):
    assert open_assistant(project.config()) is None


def test_all_skills_of_the_program_can_be_enabled(project):
    (project.root / ".env").write_text("CHATBOT_STOCK_KEY=key\n", encoding="utf-8")
    names = ",".join(SKILLS)
    assistant = open_assistant(project.config(f"skills.enabled=[{names}]"))
    assert "삼성전자 주가" in assistant.answer(assistant.take("도움말"))


def test_a_skill_of_another_package_answers_when_it_is_named(project, installed):
    assistant = open_assistant(project.config("skills.enabled=[clock, dice]"))
    assert assistant.answer(assistant.take("주사위")) in "123456"


def test_the_example_of_the_documentation_is_a_skill():
    page = (REPOSITORY / "docs/skills.md").read_text(encoding="utf-8")
    example = {}
    exec(page.split("```python\n")[1].split("```")[0], example)  # noqa: S102 our own text
    match = example["recognizes"]("주사위 굴려 줘?")
    assert match and "주사위" in example["HELP"][match.language]
    assert example["recognizes"]("안녕") is None


def test_a_package_that_is_not_named_is_not_loaded(project, installed):
    assert open_assistant(project.config(LOCAL))


@pytest.mark.parametrize(
    ("name", "message"),
    [("wether", "unknown skill wether"), ("broken", "cannot be loaded"), ("empty", "no functions")],
)
def test_skills_that_cannot_be_used_are_errors(project, installed, name, message):
    with pytest.raises(ConfigError, match=message) as caught:
        open_assistant(project.config(f"skills.enabled=[{name}]"))
    assert name != "wether" or "weather" in caught.value.hint


def test_stocks_need_their_key(project):
    with pytest.raises(AccessError, match="CHATBOT_STOCK_KEY"):
        open_assistant(project.config("skills.enabled=[stocks]"))


def test_the_clock_is_that_of_the_settings_zone(project):
    assistant = open_assistant(project.config(LOCAL, "raw.utc_offset_hours=9.0"))
    assert assistant._context.now().utcoffset().total_seconds() == 9 * 3600
