"""The one hook in front of the bot: the turns of a conversation -> a skill's answer, or its turns.

What a skill was asked and answered stays out of what the bot reads: it is neither in the persona's
style nor in what the bot was trained on. The one exception is a question of a skill that is
answered by yes: the bot then reads what was meant, as if it had been typed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from chatbot.serving.skills.interface import Context, Match, Skill, asked

Turn: TypeAlias = tuple[int | None, str]
_YES = frozenset(
    {
        *("네", "넵", "넹", "예", "응", "웅", "어", "엉", "ㅇㅇ", "ㅇ", "그래"),
        *("맞아", "맞아요", "맞습니다", "yes", "y", "yep", "dd", "sp", "dmd"),
    }
)
_MOST_CHARS = 200  # of a request; patterns are not for long texts


@dataclass(frozen=True)
class Request:
    """A message that a skill answers."""

    skill: Skill
    match: Match


@dataclass(frozen=True)
class Heard:
    """What the bot reads of a conversation, and the skill that answers its latest message."""

    turns: tuple[Turn, ...]
    request: Request | None


class Assistant:
    """Asks each skill in turn; the first that recognizes a message answers it."""

    def __init__(self, skills: Sequence[Skill], context: Context) -> None:
        self._skills, self._context = skills, context

    def take(self, text: str, previous: Request | None = None) -> Request | str:
        """Return the request of a message, or what the bot reads instead.

        `previous`: the request of the message before, whose question a yes confirms.
        """
        if previous is not None and previous.match.meant is not None and asked(text) in _YES:
            return previous.match.meant
        for skill in self._skills if len(text) <= _MOST_CHARS else ():
            if match := skill.recognizes(text):
                return Request(skill, match)
        return text

    def hear(self, turns: Sequence[Turn], speaker: int) -> Heard:
        """Return what becomes of a conversation with the bot, the speaker `speaker`."""
        read: list[Turn] = []
        request: Request | None = None
        for who, text in turns:
            if who == speaker:
                if request is None:
                    read.append((who, text))
                continue
            taken = self.take(text, request)
            request = taken if isinstance(taken, Request) else None
            if isinstance(taken, str):
                read.append((who, taken))
            elif taken.match.resets:
                read.clear()
        is_answered = bool(turns) and turns[-1][0] == speaker
        return Heard(tuple(read), None if is_answered else request)

    def resets(self, text: str) -> bool:
        """Whether a message makes the conversation begin anew."""
        taken = self.take(text)
        return isinstance(taken, Request) and taken.match.resets

    def answer(self, request: Request) -> str:
        """Return the answer of a skill."""
        return request.skill.answer(request.match, self._context)
