"""The order of times in an export: which headers and date lines can be real."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

_JITTER = timedelta(minutes=10)  # how far a clock may go back between two messages
_ZONES = timedelta(days=1)  # how far a message may be dated after the saved date
_MOST_SLACK = 3
_NEVER = datetime.max.replace(tzinfo=UTC)


class Timeline:
    """The times of the messages so far; a transcript pasted into a message breaks their order."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Reset: another export follows in the same file."""
        self.saved: datetime | None = None
        self.last: datetime | None = None
        self._earliest = self._soon = _NEVER
        self._day: date | None = None
        self._day_before: date | None = None

    def is_next(self, at: datetime) -> bool:
        """Whether a time follows the last one closely, as most do."""
        last = self.last
        return last == at or last is None or self._earliest <= at <= self._soon

    def is_ahead(self, at: datetime) -> bool:
        """Whether a time lies after a silence: it is real unless somebody pasted a schedule."""
        return self.last is None or at > self.last

    def is_behind(self, at: datetime) -> bool:
        """Whether a time lies further before the last one than clocks differ."""
        return self.last is not None and at < self._earliest

    def is_too_late(self, at: datetime) -> bool:
        """Whether a time is later than the file's saved date."""
        return self.saved is not None and at > self.saved + _ZONES

    def take(self, at: datetime) -> None:
        """Advance to a time."""
        if at != self.last:
            self.last, self._earliest, self._soon = at, at - _JITTER, at + _JITTER

    def contradicts(self, at: datetime, moments: Iterable[datetime]) -> bool:
        """Whether a time that follows `at` in the file lies between the last time and `at`."""
        return any(self._is_between(moment, at) for moment in moments)

    def is_outlier(self, at: datetime, moments: list[datetime], *, is_known: bool) -> bool:
        """Whether the later time `at` is false: the longer sequence in order is the chat.

        Transcripts from the silence before `at` contradict it too. They are by somebody who speaks
        here (`is_known`), and after them the chat continues at `at`.
        """
        n_with = 1 + _longest_run(moment for moment in moments if moment >= at - _JITTER)
        n_without = _longest_run(moment for moment in moments if moment >= self._earliest)
        backwards = list(reversed(moments))
        n_behind = next((n for n, m in enumerate(backwards) if self._is_between(m, at)), 0)
        slack = min(n_behind, _MOST_SLACK) if is_known else 0
        return n_without > n_with + slack

    def _is_between(self, moment: datetime, at: datetime) -> bool:
        return self._earliest <= moment < at - _JITTER

    def accepts_day(self, day: date) -> bool:
        """Whether a date line can be real: later than the current day, not later than the file."""
        if self.saved is not None and day > (self.saved + _ZONES).date():
            return False
        if self._day is None or day > self._day:
            return True
        # The previous date line may have been false, too far in the future.
        return self._day_before is not None and self._day_before < day < self._day

    def start_day(self, midnight: datetime) -> None:
        """Advance to another day."""
        day = midnight.date()
        is_ahead = self._day is None or day > self._day
        self._day_before = self._day if is_ahead else self._day_before
        if self.last is None or midnight > self.last or not is_ahead:
            self.take(midnight)
        self._day = day


def _longest_run(moments: Iterable[datetime]) -> int:
    """Return the length of the longest non-decreasing subsequence."""
    ends: list[datetime] = []  # the earliest end of a subsequence of each length
    for moment in moments:
        place = bisect_right(ends, moment)
        ends[place : place + 1] = [moment]
    return len(ends)
