"""Uniform samples of messages, by which exports are compared without reading them again."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from chatbot.conversation import Message
from chatbot.ingest.organize.merging import key_of

_SKETCH_SIZE = 256
_UNDATED = -1


@dataclass(frozen=True)
class Sketch:
    """The messages with the smallest hashes: a uniform sample of an export."""

    hashes: tuple[tuple[int, int], ...]  # (hash, minute), sorted
    first: int
    last: int

    @property
    def horizon(self) -> int:
        """The bound below which every message hash is in the sketch."""
        return self.hashes[-1][0] if len(self.hashes) >= _SKETCH_SIZE else 1 << 64


def sketch_of(messages: Iterable[Message]) -> Sketch:
    """Sketch an export in bounded memory."""
    heap: list[tuple[int, int]] = []
    kept: set[int] = set()
    first, last = 1 << 62, _UNDATED
    for message in messages:
        if message.kind != "message" or message.sent_at is None:
            continue
        key = key_of(message)
        first, last = min(first, key[0]), max(last, key[0])
        number = int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest())
        if number in kept or (len(heap) >= _SKETCH_SIZE and number >= -heap[0][0]):
            continue
        kept.add(number)
        heapq.heappush(heap, (-number, key[0]))
        if len(heap) > _SKETCH_SIZE:
            kept.discard(-heapq.heappop(heap)[0])
    return Sketch(tuple(sorted((-number, minute) for number, minute in heap)), first, last)


def shared_share(a: Sketch, b: Sketch) -> tuple[int, float]:
    """Compare two exports over their common time; return (messages compared, share in both)."""
    first, last = max(a.first, b.first), min(a.last, b.last)
    horizon = min(a.horizon, b.horizon)
    hashes_a, hashes_b = (
        {
            number
            for number, minute in sketch.hashes
            if number <= horizon and first <= minute <= last
        }
        for sketch in (a, b)
    )
    n_compared = min(len(hashes_a), len(hashes_b))
    return n_compared, len(hashes_a & hashes_b) / n_compared if n_compared else 0.0
