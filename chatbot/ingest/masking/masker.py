"""Personal data in text -> stable pseudonyms of the same form; the README lists the limits.

A value becomes the same pseudonym everywhere, however it is written (010-1234-5678, 공일공 ...),
drawn by HMAC from the project's own key. Phone numbers become unassigned ones.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chatbot.ingest.masking.detectors.context import Context
from chatbot.ingest.masking.detectors.find import Span, find_personal, may_hold
from chatbot.ingest.masking.detectors.identities import ID_WORD, SERVICE
from chatbot.ingest.masking.detectors.secrets import ACCESS_WORDS
from chatbot.ingest.masking.detectors.spelled import SPOKEN, as_digits, plain_form, restyled
from chatbot.ingest.masking.names import NamePattern
from chatbot.ingest.masking.pseudonyms import Pseudonyms
from chatbot.ingest.masking.public import PublicValues


@dataclass(frozen=True)
class Replacement:
    """A masked value: its kind, the original and its pseudonym."""

    kind: str
    value: str
    pseudonym: str


class Masker:
    """Masks the messages of one room in order; counts what it replaces.

    `secrets`: strings that the owner wants masked everywhere; `public`: what stays.
    """

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        names: NamePattern,
        secrets: Sequence[str] = (),
        public: Sequence[str] = (),
    ) -> None:
        self.replaced: Counter[Replacement] = Counter()
        self._pseudonyms = pseudonyms
        self._names, self._public = names, PublicValues(public)
        self._context = Context()
        longest_first = sorted(map(re.escape, secrets), key=len, reverse=True)
        self._secrets = re.compile("|".join(longest_first)) if secrets else None

    def begin_session(self) -> None:
        """Forget what was asked so far: the next message is about somebody else."""
        self._context = Context()

    def mask(self, text: str) -> str:
        """Replace the personal data in a message, including answers to earlier messages."""
        plain = plain_form(text)
        spans = find_personal(plain, self._context.labels()) if may_hold(plain) else []
        self._context.hear(plain, gives=bool(spans))
        spans += self._asked(plain, spans)
        spans += self._names.spans(plain, spans)
        digits = as_digits(plain) if spans else plain
        spans = [span for span in spans if digits[span[0] : span[1]] not in self._public]
        for start, end, kind in sorted(spans, reverse=True):
            value = plain[start:end]
            pseudonym = self._pseudonym(kind, value, digits[start:end])
            self.replaced[Replacement(kind, value, pseudonym)] += 1
            text = text[:start] + pseudonym + text[end:]
        return text

    def _asked(self, plain: str, taken: list[Span]) -> Iterator[Span]:
        """Yield the spans of the owner's `secrets`, outside of `taken`."""
        for match in self._secrets.finditer(plain) if self._secrets else ():
            start, end = match.span()
            if not any(start < other_end and begin < end for begin, other_end, _ in taken):
                yield start, end, "password"

    def _pseudonym(self, kind: str, value: str, digits: str) -> str:
        """Return the pseudonym of a value, written in the same style."""
        if kind == "name":
            return self._pseudonyms.of(kind, value)
        return restyled(value, digits, self._pseudonyms.of(kind, digits))


# The point from which a line of a reply is held back until it is complete: a possible number,
# address or link, and letters after a word for a secret.
_TRIGGER = re.compile(
    rf"[!-~]*[0-9@*#/]|(?:[{SPOKEN}][ .,~/-]{{0,2}}){{4}}|(?:{ACCESS_WORDS}|{SERVICE}|{ID_WORD})"
    rf"[^A-Za-z]{{0,14}}(?P<letter>[A-Za-z])",
    re.IGNORECASE,
)
_PENDING = re.compile(rf"(?:[!-~]+|(?:[{SPOKEN}][ .,~/-]{{0,2}})+)$")


def shielded(pieces: Iterable[str], public: Sequence[str] = ()) -> Iterator[str]:
    """Pass streamed text on, with stars in place of what looks like personal data.

    Recognizing a value needs the text around it, so a line is held back from its first digit (or @,
    link, spelled number, ...) to its end; most lines of a reply have none. `public` values stay.
    """
    own = PublicValues(public)
    shown = held = ""  # of the current line
    for piece in pieces:
        held += piece
        while "\n" in held:
            rest, held = held.split("\n", 1)
            yield _starred(shown, rest, own) + "\n"
            shown = ""
        if n_ready := _hold_from(plain_form(shown + held)) - len(shown):
            yield held[:n_ready]
            shown, held = shown + held[:n_ready], held[n_ready:]
    if held:
        yield _starred(shown, held, own)


def shield_patterns() -> dict[str, re.Pattern[str]]:
    """Return what `shielded` searches for, by name, for a program in another language."""
    return {"trigger": _TRIGGER, "pending": _PENDING}


def _hold_from(line: str) -> int:
    """Return the length of an unfinished line's part that can be shown."""
    return min(_trigger(line), match.start() if (match := _PENDING.search(line)) else len(line))


def _trigger(line: str) -> int:
    match = _TRIGGER.search(line)
    if match is None:
        return len(line)
    return match.start("letter") if match["letter"] else match.start()


def _starred(shown: str, rest: str, public: PublicValues) -> str:
    """Return the rest of a line with stars in place of personal data."""
    line = plain_form(shown + rest)
    letters, first = list(rest), max(_trigger(line), len(shown))
    for start, end, _ in find_personal(line) if first < len(line) else ():
        if line[start:end] in public:
            continue
        for place in range(max(start, first), end):
            if line[place].isalnum():
                letters[place - len(shown)] = "*"
    return "".join(letters)
