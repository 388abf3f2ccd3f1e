"""Statistics of a room -> when its members write: drawn pauses, lengths of sessions, who begins."""

import random
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from chatbot.evaluation.room import RoomStatistics
from chatbot.settings.schema import PreprocessConfig

_ENOUGH = 20  # pauses of a speaker; with fewer, those of everybody are drawn from
_MINUTE = 60
Key = TypeVar("Key")


@dataclass(frozen=True)
class _Pauses:
    """Seconds -> times: before a turn of somebody else, inside a turn, before another own turn."""

    reply: Counter[int]
    burst: Counter[int]
    again: Counter[int]

    @classmethod
    def of(
        cls, reply: Counter[int], burst: Counter[int], merge_seconds: int, others: "_Pauses | None"
    ) -> "_Pauses":
        """Sort the pauses between messages in a row by whether they are of one trained turn."""
        inside = Counter({s: n for s, n in burst.items() if s <= merge_seconds})
        again = Counter({s: n for s, n in burst.items() if s > merge_seconds})
        if others is None:
            return cls(reply, inside, again or burst)
        return cls(
            reply if reply.total() >= _ENOUGH else others.reply,
            inside if inside.total() >= _ENOUGH else others.burst,
            again if again.total() >= _ENOUGH else others.again,
        )


class Rhythm:
    """Draws what the members of a room did: pauses by speaker, sessions, who begins them."""

    def __init__(
        self, statistics: RoomStatistics, rules: PreprocessConfig, rng: random.Random
    ) -> None:
        self._rng = rng
        self._sizes = statistics.session_sizes
        self._gaps = statistics.session_gaps
        self._opened = {name: own.n_opened for name, own in statistics.speakers.items()}
        self.n_turns = {name: own.n_turns for name, own in statistics.speakers.items()}
        self._longest = rules.session_gap_minutes * _MINUTE
        reply: Counter[int] = Counter()
        burst: Counter[int] = Counter()
        for own in statistics.speakers.values():
            reply += own.reply_seconds
            burst += own.burst_seconds
        # Most exports know minutes only.
        self.is_by_minute = all(seconds % _MINUTE == 0 for seconds in (*reply, *burst))
        merge_seconds = rules.merge_gap_minutes * _MINUTE
        self._everybody = _Pauses.of(reply, burst, merge_seconds, None)
        self._pauses = {
            name: _Pauses.of(own.reply_seconds, own.burst_seconds, merge_seconds, self._everybody)
            for name, own in statistics.speakers.items()
        }

    def reply_pause(self, name: str) -> float:
        """Draw the seconds until a member writes after somebody else."""
        return self._seconds(self._of(name).reply)

    def burst_pause(self, name: str) -> float:
        """Draw the seconds between two messages of a member's turn."""
        return self._seconds(self._of(name).burst)

    def again_pause(self, name: str) -> float:
        """Draw the seconds until a member writes again, unanswered."""
        return self._seconds(self._of(name).again)

    def session_size(self) -> int:
        """Draw the number of messages of a session."""
        return self.draw(self._sizes)

    def session_gap(self) -> float:
        """Draw the seconds between two sessions."""
        minutes = self.draw(self._gaps) if self._gaps else 0
        # A session ends where the silence is longer than this, in whatever unit it was counted.
        return max(minutes * _MINUTE, self._longest + _MINUTE)

    def opener(self, names: Collection[str]) -> str:
        """Draw who begins a session, of some members."""
        return self.draw({name: self._opened.get(name, 0) for name in names})

    def draw(self, counts: Mapping[Key, float]) -> Key:
        """Draw a key by its count; evenly if all are 0."""
        weights = list(counts.values())
        return self._rng.choices(list(counts), weights if any(weights) else None)[0]

    def _of(self, name: str) -> _Pauses:
        return self._pauses.get(name, self._everybody)

    def _seconds(self, counts: Counter[int]) -> float:
        if not counts:
            return 0.0
        seconds = float(self.draw(counts))
        if self.is_by_minute:
            # Two times that differ by n whole minutes are n minutes apart, within one: of two
            # evenly drawn seconds the difference has the density of a triangle.
            seconds = abs(seconds + self._rng.triangular(-_MINUTE, _MINUTE, 0))
        return min(seconds, float(self._longest))
