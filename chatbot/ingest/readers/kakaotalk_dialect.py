"""How the headers and date lines of one export are written; a line in another form is text.

An export comes from one program on one device, so its first header fixes the form of all others: a
schedule or a transcript that somebody pasted does not become a message.
"""

import re
from datetime import date, datetime, timedelta, timezone
from enum import Enum

from chatbot.ingest.readers import kakaotalk_grammar as grammar

UNDATED = date(1900, 1, 1)  # used before the first date line
_DIGITS = frozenset("0123456789")
_STAMP_INITIALS = _DIGITS | frozenset("JFMASOND")
_CACHE_SIZE = 4096

# Time, name and text of a header; after a full timestamp the name is in the text.
Head = tuple[datetime, str | None, str]


class Family(Enum):
    """The first part of a message header."""

    BRACKETS = 1  # [name] [clock] text: PCs
    STAMP = 2  # date time, name : text: phones
    CLOCK = 3  # time, name : text, below date lines


class Dialect:
    """The forms of one export, and the day that its times belong to."""

    def __init__(self, zone: timezone) -> None:
        self.zone = zone
        # Caches: timestamps, days and times recur, and parsing them takes most of the time.
        self._stamps: dict[str, datetime | None] = {}
        self._clocks: dict[str, datetime | None] = {}
        self._midnights: dict[str, datetime | None] = {}
        self._since: dict[str, timedelta | None] = {}
        self.forget()

    def forget(self) -> None:
        """Reset: another export follows in the same file."""
        self._set_family(None)
        self.day: date | None = None
        self._form = ""
        self._day_form = ""
        self._undated = UNDATED
        self._clear_caches()

    def settle(self, line: str) -> None:
        """Fix the form of all following headers to that of this one."""
        if bracketed := grammar.WINDOWS.match(line):
            self._set_family(Family.BRACKETS)
            self._form = grammar.clock_form(bracketed[2])
        elif stamped := self._match_stamp(line):
            self._set_family(Family.STAMP)
            self._form = grammar.date_form(stamped[1])
        else:
            self._set_family(Family.CLOCK)
        self._clear_caches()

    def _clear_caches(self) -> None:
        self._stamps.clear()
        self._clocks.clear()
        self._since.clear()

    def _set_family(self, family: Family | None) -> None:
        self.family = family
        self._has_brackets = family in (None, Family.BRACKETS)
        self._has_stamps = family in (None, Family.STAMP)
        self._has_clocks = family in (None, Family.CLOCK)

    def head_of(self, line: str) -> Head | None:
        """Split a message header; None if the line is not a header of this dialect."""
        first = line[0]
        if first == "[":
            return self._bracketed(line) if self._has_brackets else None
        if first in _STAMP_INITIALS:
            stamped = self.stamped(line) if self._has_stamps else None
            return (stamped[0], None, stamped[1]) if stamped else None
        if first == "오" and self._has_clocks and self.day:
            return self._clocked(line)
        return None

    def stamped(self, line: str) -> tuple[datetime, str] | None:
        """Split a line after its full timestamp; IOS_MARK begins the rest of a system line."""
        match = self._match_stamp(line)
        if match is None:
            return None
        stamp, mark = match.groups()
        try:
            at = self._stamps[stamp]
        except KeyError:
            at = self._read_stamp(stamp)
        if at is None:
            return None
        rest = line[match.end() :]
        return at, grammar.IOS_MARK + rest if mark == ": " else rest

    def day_of(self, line: str) -> grammar.DayLine | None:
        """Read a date line; after the first one with dashes, other forms are text."""
        if line[0] not in "-[0123456789SMTWFJAOND":
            return None
        day_line = grammar.parse_day_line(line)
        if day_line is None:
            return None
        is_known_form = self._day_form in ("", day_line.form)
        is_better = day_line.is_dashed and not self._day_form.startswith("-")
        return day_line if is_known_form or is_better else None

    def start_day(self, day_line: grammar.DayLine) -> None:
        """Set the day that the following times belong to."""
        self._day_form = day_line.form
        if day_line.day != self.day:
            self.day = day_line.day
            self._clocks.clear()

    def start_next_undated_day(self, at: datetime) -> datetime:
        """Pass midnight without a date line: return the time one day later."""
        self._undated += timedelta(days=1)
        self._clocks.clear()
        return at + timedelta(days=1)

    @property
    def midnight(self) -> datetime:
        """The time at which the current day began."""
        day = self.day or self._undated
        return datetime(day.year, day.month, day.day, tzinfo=self.zone)

    @staticmethod
    def _match_stamp(line: str) -> re.Match[str] | None:
        is_numeric = line[0] in _DIGITS
        return (grammar.STAMP_NUMERIC if is_numeric else grammar.STAMP_ENGLISH).match(line)

    def _read_stamp(self, stamp: str) -> datetime | None:
        if len(self._stamps) > _CACHE_SIZE:
            self._stamps.clear()
        is_ours = not self._form or grammar.date_form(stamp) == self._form
        parts = grammar.split_stamp(stamp) if is_ours else None
        midnight = self._midnight_of(parts[0]) if parts else None
        since = self._since_midnight(parts[1]) if parts else None
        at = midnight + since if midnight is not None and since is not None else None
        self._stamps[stamp] = at
        return at

    def _midnight_of(self, text: str) -> datetime | None:
        try:
            return self._midnights[text]
        except KeyError:
            day = grammar.parse_date(text)
            if len(self._midnights) > _CACHE_SIZE:
                self._midnights.clear()
            midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone) if day else None
            self._midnights[text] = midnight
            return midnight

    def _since_midnight(self, clock: str) -> timedelta | None:
        try:
            return self._since[clock]
        except KeyError:
            is_ours = self.family is not Family.BRACKETS or grammar.clock_form(clock) == self._form
            since = self._since[clock] = grammar.parse_clock(clock) if is_ours else None
            return since

    def _bracketed(self, line: str) -> Head | None:
        match = grammar.WINDOWS.match(line)
        if match is None:
            return None
        name, clock, text = match.groups()
        at = self._on_day(clock)
        return (at, name, text or "") if at else None

    def _clocked(self, line: str) -> Head | None:
        match = grammar.CLOCK_ONLY.match(line)
        at = self._on_day(match[1]) if match else None
        return (at, None, line[match.end() :]) if match and at else None

    def _on_day(self, clock: str) -> datetime | None:
        try:
            return self._clocks[clock]
        except KeyError:
            since = self._since_midnight(clock)
            at = self._clocks[clock] = None if since is None else self.midnight + since
            return at
