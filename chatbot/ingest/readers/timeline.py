"""The order of an export's moments: which header or day line can be real where it stands."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import Enum

_JITTER = timedelta(minutes=10)  # how far back a clock may step between two messages
_ZONES = timedelta(days=1)  # how far from the saved date a message's may lie
_MOST_SLACK = 3


class Place(Enum):
    """Where a moment lies, seen from the last one."""

    NEXT = 1
    IMPOSSIBLE = 2
    AHEAD = 3  # real after a silence, false if somebody pasted a plan


class Timeline:
    """What was sent when so far; a transcript pasted into a message breaks the order."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew: another export follows in the same file."""
        self.saved: datetime | None = None
        self.last: datetime | None = None
        self._day: date | None = None
        self._day_before: date | None = None

    def place_of(self, at: datetime) -> Place:
        """Tell whether a header's moment can come next; it may not step back."""
        last = self.last
        if last == at:
            return Place.NEXT
        if self.saved is not None and at > self.saved + _ZONES:
            return Place.IMPOSSIBLE
        if last is None or last - _JITTER <= at <= last + _JITTER:
            return Place.NEXT
        return Place.AHEAD if at > last else Place.IMPOSSIBLE

    def contradicts(self, at: datetime, moments: Iterable[datetime]) -> bool:
        """Whether one of the moments behind `at` lies between the last and it."""
        return any(self._is_between(moment, at) for moment in moments)

    def is_outlier(self, at: datetime, moments: list[datetime], *, is_known: bool) -> bool:
        """Whether `at`, ahead of the last moment, is false: the longer run in order is the chat.

        Transcripts of the silence before `at` contradict it too. They come from somebody who
        `is_known` to speak here, and the chat goes on at `at` behind them.
        """
        n_with = 1 + _longest_run(moment for moment in moments if moment >= at - _JITTER)
        earliest = self.last - _JITTER if self.last else at
        n_without = _longest_run(moment for moment in moments if moment >= earliest)
        backwards = list(reversed(moments))
        n_behind = next((n for n, m in enumerate(backwards) if self._is_between(m, at)), 0)
        slack = min(n_behind, _MOST_SLACK) if is_known else 0
        return n_without > n_with + slack

    def _is_between(self, moment: datetime, at: datetime) -> bool:
        return self.last is not None and self.last - _JITTER <= moment < at - _JITTER

    def accepts_day(self, day: date) -> bool:
        """Whether a day line can be real: later than the day, not later than the file."""
        if self.saved is not None and day > (self.saved + _ZONES).date():
            return False
        if self._day is None or day > self._day:
            return True
        # The day line before may have been a false one, too far ahead.
        return self._day_before is not None and self._day_before < day < self._day

    def start_day(self, midnight: datetime) -> None:
        """Go on to another day."""
        day = midnight.date()
        is_ahead = self._day is None or day > self._day
        self._day_before = self._day if is_ahead else self._day_before
        if self.last is None or midnight > self.last or not is_ahead:
            self.last = midnight
        self._day = day


def _longest_run(moments: Iterable[datetime]) -> int:
    """Return the length of the longest subsequence that never steps back."""
    ends: list[datetime] = []  # the earliest end of a run of each length
    for moment in moments:
        place = bisect_right(ends, moment)
        ends[place : place + 1] = [moment]
    return len(ends)
