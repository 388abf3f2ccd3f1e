"""How often a bridge may send: at most so many messages a minute, and an hour."""

from collections import deque
from collections.abc import Callable

_MINUTE, _HOUR = 60.0, 3600.0


class Pace:
    """Counts what was sent within the last hour."""

    def __init__(self, per_minute: int, per_hour: int, clock: Callable[[], float]) -> None:
        self._per_minute, self._per_hour, self._clock = per_minute, per_hour, clock
        self._times: deque[float] = deque()

    def allows(self) -> bool:
        """Whether another message may be sent now."""
        now = self._clock()
        while self._times and now - self._times[0] >= _HOUR:
            self._times.popleft()
        n_recent = sum(now - at < _MINUTE for at in self._times)
        return n_recent < self._per_minute and len(self._times) < self._per_hour

    def count(self) -> None:
        """Count a message, when it is about to be sent."""
        self._times.append(self._clock())
