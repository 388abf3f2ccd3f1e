"""Failed attempts to log in -> when the next one is checked: guessing is slow, nobody locked out.

Attempts wait for their turn instead of being refused at once, those of addresses with the fewest
failures first: who guesses from another address does not delay the owner by more than a check. Who
guesses from the same address delays it by that address's pace for each attempt that waits.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from chatbot.serving.api_errors import ApiError

_HALF_LIFE_SECONDS = 60.0  # failures are forgotten at this rate
_N_VISITORS = 10_000  # addresses remembered


@dataclass(frozen=True)
class Backoff:
    """Seconds between checks: none for the first `n_free` failures, then doubled up to `longest`.

    >>> [Backoff(2, 0.5, 3.0).seconds(n) for n in range(6)]
    [0.0, 0.0, 0.5, 1.0, 2.0, 3.0]
    """

    n_free: int
    first: float
    longest: float

    def seconds(self, failures: float) -> float:
        """Return the seconds to the next check after a number of failures."""
        if failures < self.n_free:
            return 0.0
        return min(self.longest, self.first * 2 ** min(32.0, failures - self.n_free))


# An address tries a password a second at most, all addresses together ten.
OF_ADDRESS, OF_ALL = Backoff(4, 0.25, 1.0), Backoff(30, 0.01, 0.1)
_LONGEST_WAIT_SECONDS = 20.0
_MAX_WAITING = 100
_MANY_FAILURES = 100


@dataclass
class _Record:
    """The failures of an address, or of all, and when its next attempt may be checked."""

    failures: float = 0.0
    counted_at: float = 0.0
    next_time: float = 0.0
    n_waiting: int = 0

    def decay(self, now: float) -> None:
        self.failures *= 0.5 ** (max(0.0, now - self.counted_at) / _HALF_LIFE_SECONDS)
        self.counted_at = now

    def pass_one(self, now: float, slowness: Backoff) -> None:
        """Count an attempt as failed until it is known better, so that many at once are slowed."""
        self.decay(now)
        self.failures += 1
        self.next_time = now + slowness.seconds(self.failures)


@dataclass(eq=False)
class _Attempt:
    address: str
    arrived: float
    turn: "asyncio.Future[None]" = field(repr=False)


class LoginRateLimiter:
    """Lets attempts be checked one after another, slower the more of them failed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = _Record()
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._waiting: list[_Attempt] = []
        self._dispatcher: asyncio.Task[None] | None = None

    async def turn(self, address: str) -> None:
        """Wait until an address may make an attempt; raises ApiError (429) if that is long.

        The attempt counts as failed until `succeed` is called.
        """
        now, record = self._clock(), self._record(address)
        self._all.decay(now)
        record.decay(now)
        wait = self._expected_wait(record, now)
        if wait > _LONGEST_WAIT_SECONDS or not self._has_place(record):
            raise _too_many(wait)
        if not self._waiting and now >= max(record.next_time, self._all.next_time):
            self._pass(record, now)
            return
        attempt = _Attempt(address, now, asyncio.get_running_loop().create_future())
        self._waiting.append(attempt)
        record.n_waiting += 1
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = asyncio.create_task(self._dispatch())
        try:
            await attempt.turn
        finally:
            record.n_waiting -= 1
            if attempt in self._waiting:
                self._waiting.remove(attempt)

    def succeed(self, address: str) -> None:
        """Take back that an attempt counted as failed."""
        for record in (self._record(address), self._all):
            record.failures = max(0.0, record.failures - 1)

    def is_guessing(self, address: str) -> bool:
        """Whether an address failed so often that even its known passwords wait for their turn."""
        record = self._record(address)
        record.decay(self._clock())
        return record.failures > _MANY_FAILURES

    def _record(self, address: str) -> _Record:
        record = self._records.pop(address, None) or _Record(counted_at=self._clock())
        self._records[address] = record  # the latest last
        if len(self._records) > _N_VISITORS:
            self._records.popitem(last=False)
        return record

    def _has_place(self, record: _Record) -> bool:
        """Whether an attempt may wait; it takes the place of one whose address failed more."""
        if len(self._waiting) < _MAX_WAITING:
            return True
        worst = max(self._waiting, key=lambda attempt: self._record(attempt.address).failures)
        if self._record(worst.address).failures <= record.failures:
            return False
        self._waiting.remove(worst)
        if not worst.turn.done():
            worst.turn.set_exception(_too_many(_LONGEST_WAIT_SECONDS))
        return True

    def _expected_wait(self, record: _Record, now: float) -> float:
        own = max(0.0, record.next_time - now)
        return own + record.n_waiting * OF_ADDRESS.seconds(record.failures + record.n_waiting)

    def _pass(self, record: _Record, now: float) -> None:
        record.pass_one(now, OF_ADDRESS)
        self._all.pass_one(now, OF_ALL)

    async def _dispatch(self) -> None:
        """Give turns until nobody waits: fewest failures first, then who came first."""
        while self._waiting:
            now = self._clock()
            due = [a for a in self._waiting if self._record(a.address).next_time <= now]
            if due and self._all.next_time <= now:
                chosen = min(due, key=lambda a: (self._record(a.address).failures, a.arrived))
                self._waiting.remove(chosen)
                if not chosen.turn.done():
                    self._pass(self._record(chosen.address), now)
                    chosen.turn.set_result(None)
            await asyncio.sleep(0.01)


def _too_many(wait_seconds: float) -> ApiError:
    return ApiError(
        429,
        "too many wrong passwords; wait and try again",
        code="too_many_attempts",
        wait=max(1, math.ceil(wait_seconds)),
    )
