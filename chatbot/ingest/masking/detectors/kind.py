"""The form of a rule: a shape, and what decides whether text of that shape is personal."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

NEAR_CHARS = 24  # within which a word tells what a number is


@dataclass(frozen=True)
class Candidate:
    """Text of a rule's shape, with the words around it in its message."""

    value: str
    before: str
    after: str

    @property
    def near(self) -> str:
        """The words on both sides."""
        return f"{self.before}\n{self.after}"


Check = Callable[[Candidate], bool]


@dataclass(frozen=True)
class Kind:
    """A kind of personal data by one shape; the groups of the pattern, if any, are its values.

    The rest is for speed: a text without one of the `words`, or with fewer digits, holds none.
    """

    name: str
    pattern: re.Pattern[str]
    is_one: Check
    words: re.Pattern[str] | None
    n_digits: int


def always(candidate: Candidate) -> bool:
    """Accept whatever has the shape."""
    return True


@cache
def compiled(words: str) -> re.Pattern[str]:
    """Compile words to look for; the same words are one pattern."""
    return re.compile(words, re.IGNORECASE)


def beside(words: str) -> Check:
    """Accept what has one of these words near it, on either side."""
    pattern = compiled(words)
    return lambda candidate: pattern.search(candidate.near) is not None


def rules(
    name: str, *shapes: str, is_one: Check = always, words: str = "", least: int = 0
) -> list[Kind]:
    """Compile one kind with its shapes, in order of preference; `least`: digits in the text."""
    needed = compiled(words) if words else None
    return [Kind(name, compiled(shape), is_one, needed, least) for shape in shapes]


# English words between a label and its value: "password is ...", "passport number is ...".
LINK = (
    r"(?:(?<![A-Za-z])(?:is|was|are|now|number|num|no|code|date|id|name|to|on|for|the|my|it|its)"
    r"(?![A-Za-z])[^0-9A-Za-z\n]{1,4}){0,3}"
)
# What may stand between a label and its value: "비번은 그거 wlals95!", "pw = ...".
GAP = rf"[^0-9A-Za-z\n]{{0,14}}?{LINK}"


def after(label: str, value: str, gap: str = GAP) -> str:
    """Return the shape of a value that follows its label."""
    return rf"(?:{label}){gap}({value})"


def ahead(label: str, value: str, gap: str = r"[^0-9A-Za-z\n]{0,8}?") -> str:
    """Return the shape of a value that its label follows: "4821이 비번이야"."""
    return rf"({value}){gap}(?:{label})"
