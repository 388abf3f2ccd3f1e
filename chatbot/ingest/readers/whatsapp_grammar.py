"""The forms of a line in WhatsApp exports of iPhones and Android phones, in any language."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from functools import lru_cache
from typing import NamedTuple

from chatbot.ingest.readers.clock import AFTER, BEFORE, DIGITS, SPACES, half_of, time_of
from chatbot.ingest.readers.date_order import Fields, date_of
from chatbot.ingest.readers.stamped import Head
from chatbot.ingest.readers.text import clean_name
from chatbot.ingest.readers.whatsapp_words import (
    EDIT_MARK,
    FILE_BEHIND,
    FILE_INSIDE,
    FILE_NAMED,
    MEDIA,
    media_of,
)

_MARK_CHARS = "\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
_M = f"[{_MARK_CHARS}]{{0,4}}"
_MARKS = re.compile(f"[{_MARK_CHARS}]")
_DATE = (
    rf"{_M}\d{{1,4}}{_M}(?:[./-] ?|[년年] ?){_M}\d{{1,2}}{_M}(?:[./-] ?|[월月] ?){_M}\d{{1,4}}{_M}"
    r"(?:[일日.]| г\.)?"
)
_BETWEEN = rf"{_M}(?:[,،、]?[{SPACES}]{{1,2}}(?:[a-zà-ÿ.в]{{1,5}} )?)"
_HEAD = re.compile(
    rf"{_M}(?P<open>\[?)(?P<date>{_DATE})(?P<between>{_BETWEEN}){BEFORE}{_M}{DIGITS}{AFTER}"
    rf"{_M}(?P<close>\][{SPACES}]?|[{SPACES}][-–][{SPACES}])(?P<rest>.*)$"
)
_NUMBERS = re.compile(r"\d+")
_EASTERN = re.compile(r"[가-힣\u3040-\u30ff\u4e00-\u9fff]")
_MENTION = re.compile("@\u2068([^\u2068\u2069\n]{1,100})\u2069")
_STRANGER = re.compile(rf"~[{SPACES}]+")  # before names that are no contacts
_MARK = "\u200e"  # an iPhone's, before what WhatsApp itself writes
_MAX_NAME = 120
_CACHE_SIZE = 4096
# What stands behind a time of 24 hours: German, Bulgarian, ...
_CLOCK_WORDS = frozenset(("Uhr", "h", "ч.", "uur", "น."))
_OPENED, _CLOSED = "“„«「『‘", "”»」』’"


class Form(NamedTuple):
    """How the headers of one export are written; others were pasted."""

    is_bracketed: bool
    date: str
    between: str
    has_seconds: bool


def match_head(line: str) -> re.Match[str] | None:
    """Match the stamp of a message and the rest of its first line."""
    match = _HEAD.match(line)
    if match is None or bool(match["open"]) != match["close"].startswith("]"):
        return None
    word = match["before"] or match["after"]
    return match if not word or word in _CLOCK_WORDS or half_of(word) is not None else None


def form_of(match: re.Match[str]) -> Form:
    """Return the form that all headers of a file share.

    >>> form_of(match_head("[02/10/2026, 09:01:05] Mina: hi"))
    Form(is_bracketed=True, date='0/0/0', between=', ', has_seconds=True)
    """
    date = _NUMBERS.sub("0", _MARKS.sub("", match["date"]))
    between = _MARKS.sub("", match["between"])
    return Form(bool(match["open"]), date, between, match["second"] is not None)


def fields_of(match: re.Match[str]) -> Fields:
    """Return the three numbers of a date."""
    first, second, third = map(int, _NUMBERS.findall(match["date"]))
    return first, second, third


def is_eastern(match: re.Match[str]) -> bool:
    """Whether a stamp is Korean, Japanese or Chinese."""
    return bool(_EASTERN.search(match["date"]) or _EASTERN.search(match["before"] or ""))


def is_dotted(match: re.Match[str]) -> bool:
    """Whether the date is written with dots and no space, as in German."""
    return bool(re.search(r"\d\.\d", match["date"]))


def fields_in(lines: Iterable[str], form: Form) -> Iterator[Fields]:
    """Yield the dates of all headers in a form."""
    for line in lines:
        match = match_head(line)
        if match and form_of(match) == form:
            yield fields_of(match)


class HeadReader:
    """Reads headers of one form and date order; calling it returns a Head or None."""

    def __init__(self, form: Form, order: str, zone: timezone) -> None:
        self._form, self._order, self._zone = form, order, zone
        # By what stands before the clock: midnight, and whether it is in the form of the file.
        self._days: dict[str, tuple[datetime | None, bool]] = {}
        self._names: dict[str, str] = {}
        self.group = ""  # the sender of notices on iPhones

    def __call__(self, line: str) -> Head | None:
        """Return the header that a line is, None if it is none."""
        match = match_head(line)
        if match is None:
            return None
        midnight, is_own = self._day(line[: match.end("between")], match)
        second = match["second"]
        word = match["before"] or match["after"]
        half = half_of(word) if word else None
        clock = time_of(int(match["hour"]), int(match["minute"]), int(second or 0), half)
        if midnight is None or clock is None:
            return None
        is_foreign = not is_own or (second is not None) != self._form.has_seconds
        return Head(midnight + clock, *self._speech(match["rest"]), is_foreign)

    def _day(self, written: str, match: re.Match[str]) -> tuple[datetime | None, bool]:
        day = self._days.get(written)
        if day is None:
            if len(self._days) >= _CACHE_SIZE:
                self._days.clear()
            on = date_of(fields_of(match), self._order)
            midnight = datetime(on.year, on.month, on.day, tzinfo=self._zone) if on else None
            day = self._days[written] = midnight, form_of(match)[:3] == self._form[:3]
        return day

    def _speech(self, rest: str) -> tuple[str, str]:
        """Split what follows a stamp into a speaker ("" for a system line) and text."""
        cut = rest.find(": ", 0, _MAX_NAME)
        if cut < 0 and rest.endswith(":") and len(rest) < _MAX_NAME:
            cut = len(rest) - 1
        if cut < 0 or not self._is_name(rest[:cut]):
            return "", rest
        name, text = rest[:cut], rest[cut + 2 :]
        if text[:1] == _MARK and self._form.is_bracketed and not _is_placeholder(text):
            self.group = self.group or self._name_of(name)
            return "", text[1:]
        return self._name_of(name), text

    def _is_name(self, written: str) -> bool:
        """Whether it is a name: in a notice of Android, a colon stands inside quotes ("a: b")."""
        if written in self._names:
            return True
        if self._form.is_bracketed:
            return bool(clean_name(written))
        n_opened = sum(written.count(mark) for mark in _OPENED)
        n_closed = sum(written.count(mark) for mark in _CLOSED)
        return bool(clean_name(written)) and written.count('"') % 2 == 0 and n_opened <= n_closed

    def _name_of(self, written: str) -> str:
        name = self._names.get(written)
        if name is None:
            plain = clean_name(_MARKS.sub("", written))
            name = self._names[written] = _STRANGER.sub("", plain, count=1) or plain
        return name


def _is_placeholder(text: str) -> bool:
    return settle(text)[1] is not None


def settle(text: str) -> tuple[str, str | None]:
    """Return what somebody wrote without WhatsApp's marks, and the kind of attachment, if any.

    >>> settle("<Media omitted>"), settle("hi \\u200e<This message was edited>")
    (('<Media omitted>', 'attachment'), ('hi', None))
    """
    last = text[-1:]
    if last == ">":
        text = EDIT_MARK.sub("", text)
    if "\u2068" in text:
        text = _MENTION.sub(r"@\1", text)
    if text[-1:] not in ")>" and ")" not in text and text[:1] != _MARK and len(text) > _MAX_NAME:
        return text, None
    return _without_file(text)


def _without_file(text: str) -> tuple[str, str | None]:
    """Drop the name of an attached file beside what somebody wrote about it."""
    first, _, caption = text.partition("\n")
    if first.endswith(")"):
        named = first.lstrip(_MARK)
        if match := FILE_BEHIND.match(named) or FILE_NAMED.match(named):
            return (caption, None) if caption else (first, media_of(match["name"]))
    if text.endswith(">") and (match := FILE_INSIDE.search(text)):
        caption = text[: match.start()].strip()
        return (caption, None) if caption else (text, media_of(match["name"]))
    if caption:
        return text, None
    return text, _placeholder_kind(text)


@lru_cache(maxsize=4096)  # people say the same short things
def _placeholder_kind(text: str) -> str | None:
    match = MEDIA.fullmatch(text.strip(_MARK).strip().lower())
    kind = match.lastgroup if match else None
    return "file" if kind == "page" else kind
