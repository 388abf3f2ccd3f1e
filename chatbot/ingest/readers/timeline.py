"""The order of an export's moments: which header or day line can be real where it stands."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice

_JITTER = timedelta(minutes=10)  # how far back a clock may step between two messages
_ZONES = timedelta(days=1)  # how far from the saved date a message's may lie
_N_CLEAR = 8  # headers in order behind a leap that settle it
_N_MOMENTS = 64


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

    def accepts(self, at: datetime, following: Callable[[], Iterator[datetime]]) -> bool:
        """Whether a header's moment can be real; `following` yields the moments behind it.

        It may not step back. Where it leaps ahead, the longer run in order decides between it
        and what follows: a stamp in the future that somebody pasted must not swallow the rest.
        """
        last = self.last
        if last == at:
            return True
        if self.saved is not None and at > self.saved + _ZONES:
            return False
        if last is None:
            return True
        earliest = last - _JITTER
        if at <= last + _JITTER:
            return at >= earliest
        return not self._is_outlier(at, earliest, following())

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

    @staticmethod
    def _is_outlier(at: datetime, earliest: datetime, moments: Iterator[datetime]) -> bool:
        least = at - _JITTER
        near = list(islice(moments, _N_CLEAR))
        if all(moment >= least or moment < earliest for moment in near):
            return False
        near.extend(islice(moments, _N_MOMENTS))
        n_with = 1 + _longest_run(moment for moment in near if moment >= least)
        n_without = _longest_run(moment for moment in near if moment >= earliest)
        return n_without > n_with


def _longest_run(moments: Iterable[datetime]) -> int:
    """Return the length of the longest subsequence that never steps back."""
    ends: list[datetime] = []  # the earliest end of a run of each length
    for moment in moments:
        place = bisect_right(ends, moment)
        ends[place : place + 1] = [moment]
    return len(ends)
