"""What a skill is: it recognizes a message, and answers it with what the context offers."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

Language: TypeAlias = Literal["ko", "en"]
_HANGUL = re.compile("[가-힣ㄱ-ㅣ]")
# What surrounds a request without changing it.
_AROUND = re.compile(r"^(?:(?:야|저기|저기요|자|hey|ok)[\s,]+)+|[\s.!?~…ㅋㅎㅠㅜ]+$", re.IGNORECASE)


@dataclass(frozen=True)
class Match:
    """A message that a skill answers, and what it read in it.

    `meant`: what the message becomes for the bot once the user says yes to the skill's answer, a
    question. `resets`: the conversation up to here is forgotten.
    """

    language: Language
    values: Mapping[str, str] = field(default_factory=dict)
    meant: str | None = None
    resets: bool = False


@dataclass(frozen=True)
class Context:
    """What skills answer with.

    `fetch_json` reads an address with parameters and raises OSError or ValueError if that fails.
    `place`: where weather is asked for without a name. `lines`: how to ask each skill, for `help`.
    """

    now: Callable[[], datetime]
    randomness: random.Random
    fetch_json: Callable[[str, Mapping[str, str]], Any]
    read_secret: Callable[[str], str | None]
    place: str = ""
    lines: tuple[Mapping[Language, str], ...] = ()


class Skill(Protocol):
    """A module, or an object, of these two functions; it may have `HELP`: language -> a line."""

    def recognizes(self, text: str) -> Match | None:
        """Return what a message asks for; None if it is not for this skill."""

    def answer(self, match: Match, context: Context) -> str:
        """Return the answer; a failure of a network is a sentence, no error."""


def language_of(text: str) -> Language:
    """Return Korean for a text with Hangul, else English."""
    return "ko" if _HANGUL.search(text) else "en"


def asked(text: str) -> str:
    """Return a message in lower case without calls, laughter and marks around it.

    >>> asked("야, 지금 몇 시야??ㅋㅋ"), asked("Hey, what time is it?")
    ('지금 몇 시야', 'what time is it')
    """
    return _AROUND.sub("", " ".join(text.split())).lower()
