"""Several exports of one room -> one stream, without losing or doubling a message.

Exports carry no message ids, so a message is known by minute, speaker and text. People do say
"ㅋㅋ" twice in a minute: per key, the room holds as many as the export that has the most.
"""

import heapq
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import groupby

from chatbot.conversation import Message
from chatbot.ingest.readers.kakaotalk_grammar import media_kind

Key = tuple[int, bytes, bytes]

JITTER_MINUTES = 10
_UNDATED = -1
_SKETCH_SIZE = 256
# Phones cut a body at 500 characters, PCs do not; they also differ in line breaks.
_COMPARED_CHARS = 400


@dataclass(frozen=True)
class Source:
    """The messages of one export in time order; `is_lossy` where its encoding lost characters."""

    messages: Iterable[Message]
    is_lossy: bool = False


@dataclass(slots=True)
class _Said:
    """A message with the system lines that stand before it; `message` is None at the end."""

    key: Key
    message: Message | None
    before: list[Message] = field(default_factory=list)
    rank: tuple[bool, int, int] = (False, 0, 0)


def minute_of(at: datetime | None) -> int:
    """Minutes since 1970, -1 where the export tells no date."""
    return _UNDATED if at is None else int(at.timestamp()) // 60


def key_of(message: Message) -> Key:
    """What makes two messages of two exports the same one.

    Characters that cp949 lacks count as "?", so an old Windows export meets a phone's; media
    words of every language count by kind.
    """
    kind = media_kind(message.text) if message.kind == "media" else None
    text = f"\0{kind}" if kind else " ".join(message.text.split())[:_COMPARED_CHARS]
    return minute_of(message.sent_at), _plain(message.speaker), _plain(text)


def _plain(text: str) -> bytes:
    composed = unicodedata.normalize("NFC", text)
    return re.sub(rb"\?+", b"?", composed.encode("cp949", "replace"))


def merge_sources(sources: list[Source]) -> Iterator[Message]:
    """Merge exports of one room. One source passes through unchanged, in file order.

    Memory is bounded by the busiest minute, if the sources are in time order.
    """
    if len(sources) == 1:
        yield from sources[0].messages
        return
    groups = [_minutes(source) for source in sources]
    heap = [
        (group[0], number, group[1])
        for number, it in enumerate(groups)
        if (group := next(it, None))
    ]
    heapq.heapify(heap)
    started: set[int] = set()
    while heap:
        minute = heap[0][0]
        same: list[list[_Said]] = []
        while heap and heap[0][0] == minute:
            _, number, said = heap[0]
            same.append(said)
            started.add(number)
            if following := next(groups[number], None):
                heapq.heapreplace(heap, (following[0], number, following[1]))
            else:
                heapq.heappop(heap)
        is_covered = any(number in started for _, number, _ in heap)
        yield from _flatten(_combine(same), is_covered)


def _minutes(source: Source) -> Iterator[tuple[int, list[_Said]]]:
    """Group a source by minute, in the order of minutes."""
    for minute, group in groupby(_in_order(source), key=lambda said: said.key[0]):
        yield minute, list(group)


def _in_order(source: Source) -> Iterator[_Said]:
    """Sort within a window: a phone's clock may step back a little, and each export by itself."""
    window: list[tuple[int, int, _Said]] = []
    for number, said in enumerate(_with_system_lines(source)):
        heapq.heappush(window, (said.key[0], number, said))
        while said.key[0] - window[0][0] > JITTER_MINUTES:
            yield heapq.heappop(window)[2]
    while window:
        yield heapq.heappop(window)[2]


def _with_system_lines(source: Source) -> Iterator[_Said]:
    before: list[Message] = []
    last = _UNDATED
    for message in source.messages:
        if message.kind == "system":
            before.append(message)
            continue
        key = key_of(message)
        seconds = message.sent_at.second if message.sent_at else 0
        rank = (not source.is_lossy, len(message.text), seconds)
        yield _Said(key, message, before, rank)
        before, last = [], key[0]
    if before:
        yield _Said((last, b"", b""), None, before)


def _combine(sources: list[list[_Said]]) -> list[_Said]:
    """Merge what several exports hold of one minute, in the order of the fullest."""
    sources.sort(key=len, reverse=True)
    merged = sources[0]
    for other in sources[1:]:
        merged = _combine_two(merged, other)
    return merged


def _combine_two(merged: list[_Said], other: list[_Said]) -> list[_Said]:
    places = {place: index for index, place in enumerate(_occurrences(merged))}
    inserted: dict[int, list[_Said]] = {}
    after = 0
    for place, said in zip(_occurrences(other), other, strict=True):
        index = places.get(place)
        if index is None:
            inserted.setdefault(after, []).append(said)
            continue
        after = index + 1
        known = merged[index]
        best = said if said.rank > known.rank else known
        before = max(known.before, said.before, key=len)
        merged[index] = _Said(known.key, best.message, before, best.rank)
    result = []
    for index in range(len(merged) + 1):
        result += inserted.get(index, [])
        result += merged[index : index + 1]
    return result


def _occurrences(said: list[_Said]) -> Iterator[tuple[Key, int]]:
    seen: Counter[Key] = Counter()
    for item in said:
        yield item.key, seen[item.key]
        seen[item.key] += 1


def _flatten(said: list[_Said], is_covered: bool) -> Iterator[Message]:
    """Yield messages; system lines at an export's end go if another export covers that time."""
    for item in said:
        if item.message is not None:
            yield from item.before
            yield item.message
        elif not is_covered:
            yield from item.before


@dataclass(frozen=True)
class Sketch:
    """The messages with the smallest hashes: a fair sample by which exports can be compared."""

    hashes: tuple[tuple[int, int], ...]  # (hash, minute), sorted
    first: int
    last: int

    @property
    def horizon(self) -> int:
        """Every message whose hash lies below is in the sketch."""
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


def shared_share(one: Sketch, other: Sketch) -> tuple[int, float]:
    """Compare two exports over the time both cover: (messages compared, share in both)."""
    first, last = max(one.first, other.first), min(one.last, other.last)
    horizon = min(one.horizon, other.horizon)
    a, b = (
        {
            number
            for number, minute in sketch.hashes
            if number <= horizon and first <= minute <= last
        }
        for sketch in (one, other)
    )
    n_compared = min(len(a), len(b))
    return n_compared, len(a & b) / n_compared if n_compared else 0.0


def by_time(messages: Iterable[Message]) -> list[Message]:
    """Sort by minute, keeping file order within one (an export glued in the wrong order)."""
    return sorted(messages, key=lambda message: minute_of(message.sent_at))
