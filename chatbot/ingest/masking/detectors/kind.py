"""The form of a rule: a pattern, and a test whether a match is personal data."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

NEAR_CHARS = 24  # within which a word decides what a number is


@dataclass(frozen=True)
class Candidate:
    """A match of a rule's pattern, with the words around it in its message."""

    value: str
    before: str
    after: str

    @property
    def near(self) -> str:
        """The text on both sides."""
        return f"{self.before}\n{self.after}"


Check = Callable[[Candidate], bool]


@dataclass(frozen=True)
class Kind:
    """A kind of personal data by one pattern; its groups, if any, are the values.

    For speed: a text without any of the `words`, or with fewer digits, contains none.
    """

    name: str
    pattern: re.Pattern[str]
    is_one: Check
    words: re.Pattern[str] | None
    n_digits: int


def always(candidate: Candidate) -> bool:
    """Accept every match."""
    return True


@cache
def compiled(words: str) -> re.Pattern[str]:
    """Compile a pattern of words; the same words give the same pattern object."""
    return re.compile(words, re.IGNORECASE)


@dataclass(frozen=True)
class Beside:
    """A test that accepts a match with one of some words near it, on either side."""

    words: re.Pattern[str]

    def __call__(self, candidate: Candidate) -> bool:
        """Whether a word is near."""
        return self.words.search(candidate.near) is not None


def beside(words: str) -> Check:
    """Return a test that accepts a match with one of these words near it."""
    return Beside(compiled(words))


def rules(
    name: str, *shapes: str, is_one: Check = always, words: str = "", least: int = 0
) -> list[Kind]:
    """Compile the patterns of one kind, in order of preference; `least`: minimum digits."""
    needed = compiled(words) if words else None
    return [Kind(name, compiled(shape), is_one, needed, least) for shape in shapes]


# English words between a label and its value: "password is ...", "passport number is ...".
LINK = (
    r"(?:(?<![A-Za-z])(?:is|was|are|now|number|num|no|code|date|id|name|to|on|for|the|my|it|its)"
    r"(?![A-Za-z])[^0-9A-Za-z\n]{1,4}){0,3}"
)
# What may come between a label and its value: "비번은 그거 wlals95!", "pw = ...".
GAP = rf"[^0-9A-Za-z\n]{{0,14}}?{LINK}"


def after(label: str, value: str, gap: str = GAP) -> str:
    """Return the pattern of a value that follows its label."""
    return rf"(?:{label}){gap}({value})"


def ahead(label: str, value: str, gap: str = r"[^0-9A-Za-z\n]{0,8}?") -> str:
    """Return the pattern of a value that precedes its label: "4821이 비번이야"."""
    return rf"({value}){gap}(?:{label})"
