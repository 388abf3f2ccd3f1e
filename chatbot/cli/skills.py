"""The assistant's skills at the terminal: a typed line -> an answer, or what the bot reads."""

from collections.abc import Callable

from chatbot.cli.screen import display
from chatbot.serving.skills.assistant import Assistant, Request
from chatbot.serving.skills.registry import open_assistant
from chatbot.settings.schema import Config


class TerminalSkills:
    """Answers the lines that are for a skill; their questions and answers enter no history."""

    def __init__(self, assistant: Assistant | None) -> None:
        self._assistant = assistant
        self._previous: Request | None = None

    def left(self, line: str, forget: Callable[[], object]) -> str | None:
        """Return what the bot reads of a line; None if a skill has answered it.

        `forget`: drops the conversation, if a skill does.
        """
        if self._assistant is None or line.startswith("/"):
            return line
        taken = self._assistant.take(line, self._previous)
        self._previous = taken if isinstance(taken, Request) else None
        if isinstance(taken, str):
            return taken
        if taken.match.resets:
            forget()
        answer = self._assistant.answer(taken)
        display("bot> " + answer.replace("\n", "\n     "))
        return None


def open_terminal_skills(config: Config) -> TerminalSkills:
    """Return the skills that the settings enable."""
    return TerminalSkills(open_assistant(config))
