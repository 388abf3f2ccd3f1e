"""Exports of one room -> the names of each person in each export.

A phone shows contacts under its owner's names for them; older phones call it 회원님 or "you". The
same messages at the same minutes in another export show a person's name there.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import combinations

from chatbot.conversation import Message
from chatbot.ingest.organize.manifest import ExportEntry
from chatbot.ingest.organize.merging import key_of
from chatbot.ingest.readers.registry import EXPORTER_NAMES

Aliases = dict[str, dict[str, str]]  # export id -> {name in it: resolved name}
Node = tuple[str, str]  # export id, name in it
Window = tuple[int, int]  # first and last minute, inclusive

_SAMPLE_SIZE = 64
_MIN_HITS = 3
_MIN_SHARE = 0.5


@dataclass(frozen=True)
class AliasResolution:
    """Aliases, and the pairs of exports for which they stay ambiguous."""

    aliases: Aliases
    doubts: list[tuple[str, str]]


@dataclass(frozen=True)
class _Pair:
    """Two exports of overlapping time, with the names that occur in only one of them."""

    first: ExportEntry
    second: ExportEntry
    window: Window
    names: tuple[frozenset[str], frozenset[str]]


@dataclass
class _Sample:
    """The smallest hashes of a person's messages and times, equal in every export."""

    hashes: set[int] = field(default_factory=set)
    _heap: list[int] = field(default_factory=list)

    @property
    def horizon(self) -> int:
        """The bound below which every hash is in the sample."""
        return -self._heap[0] if len(self._heap) >= _SAMPLE_SIZE else 1 << 64

    def add(self, number: int) -> None:
        """Add a hash if it is small enough."""
        if number in self.hashes or number >= self.horizon:
            return
        self.hashes.add(number)
        heapq.heappush(self._heap, -number)
        if len(self._heap) > _SAMPLE_SIZE:
            self.hashes.discard(-heapq.heappop(self._heap))


def find_aliases(
    exports: list[ExportEntry],
    user_aliases: dict[str, str],
    read: Callable[[ExportEntry], Iterator[Message]],
) -> AliasResolution:
    """Resolve the names of each export; `user_aliases` come first.

    Each export with a name that another one lacks is read once. Nothing is guessed: two people of
    one export are never joined, and several candidates count as none.
    """
    pairs = list(_pairs(exports, user_aliases))
    samples = _sampled(exports, pairs, user_aliases, read)
    classes = _Classes(exports, user_aliases)
    doubts = []
    for pair in pairs:
        matches, is_clear = _matches(pair, samples)
        joined = [classes.join(*match) for match in matches]
        if not is_clear or not all(joined):
            doubts.append((pair.first.id, pair.second.id))
    return AliasResolution(classes.aliases(), doubts)


def _names(entry: ExportEntry, user_aliases: dict[str, str]) -> frozenset[str]:
    return frozenset(user_aliases.get(name, name) for name in entry.speakers)


def _pairs(exports: list[ExportEntry], user_aliases: dict[str, str]) -> Iterator[_Pair]:
    for a, b in combinations(exports, 2):
        first = max(a.sketch.first, b.sketch.first)
        last = min(a.sketch.last, b.sketch.last)
        names, others = _names(a, user_aliases), _names(b, user_aliases)
        owners = frozenset(EXPORTER_NAMES)
        lone = (names - (others - owners), others - (names - owners))
        if first <= last and all(lone):
            yield _Pair(a, b, (first, last), lone)


def _sampled(
    exports: list[ExportEntry],
    pairs: list[_Pair],
    user_aliases: dict[str, str],
    read: Callable[[ExportEntry], Iterator[Message]],
) -> dict[tuple[Node, Window], _Sample]:
    """Sample the messages of each pair's unmatched names over the time that both exports cover."""
    samples: dict[tuple[Node, Window], _Sample] = {}
    for entry in exports:
        windows: dict[str, set[Window]] = {}
        for pair in pairs:
            for side, names in zip((pair.first, pair.second), pair.names, strict=True):
                for name in names if side is entry else ():
                    windows.setdefault(name, set()).add(pair.window)
        for message in read(entry) if windows else ():
            name = user_aliases.get(message.speaker, message.speaker)
            for window in windows.get(name, ()):
                minute, _, text = key_of(message)
                if window[0] <= minute <= window[1] and message.kind == "message":
                    sample = samples.setdefault(((entry.id, name), window), _Sample())
                    sample.add(_hash(minute, text))
    return samples


def _hash(minute: int, text: bytes) -> int:
    return int.from_bytes(blake2b(b"%d\0%b" % (minute, text), digest_size=8).digest())


def _matches(
    pair: _Pair, samples: dict[tuple[Node, Window], _Sample]
) -> tuple[list[tuple[Node, Node]], bool]:
    """Return the matching names, and whether they are unambiguous."""
    matches: dict[tuple[Node, Node], int] = {}
    holders: dict[int, list[Node]] = {}
    ones, others = (
        {(side.id, name): samples.get(((side.id, name), pair.window), _Sample()) for name in names}
        for side, names in zip((pair.first, pair.second), pair.names, strict=True)
    )
    for node, sample in others.items():
        for number in sample.hashes:
            holders.setdefault(number, []).append(node)
    for node, sample in ones.items():
        near = Counter(other for number in sample.hashes for other in holders.get(number, ()))
        for other in near:
            if n_hits := _agreement(sample, others[other]):
                matches[node, other] = n_hits
    times = Counter(node for match in matches for node in match)
    clear = [match for match in matches if all(times[node] == 1 for node in match)]
    return clear, len(clear) == len(matches)


def _agreement(first: _Sample, second: _Sample) -> int:
    """Return how many messages two names share; 0 if too few for the same person.

    For a name with few messages, all of them must agree.
    """
    horizon = min(first.horizon, second.horizon)
    hashes_a, hashes_b = (
        {number for number in s.hashes if number <= horizon} for s in (first, second)
    )
    n_hits, n_compared = len(hashes_a & hashes_b), min(len(hashes_a), len(hashes_b))
    is_same = n_hits == n_compared or (n_hits >= _MIN_HITS and n_hits >= _MIN_SHARE * n_compared)
    return n_hits if is_same else 0


class _Classes:
    """Names that belong to the same person, joined pair by pair (union-find)."""

    def __init__(self, exports: list[ExportEntry], user_aliases: dict[str, str]) -> None:
        self._exports, self._user_aliases = exports, user_aliases
        self._of: dict[Node, set[Node]] = {}
        by_name: dict[str, set[Node]] = {}
        for entry in exports:
            for name in _names(entry, user_aliases):
                node = (entry.id, name)
                alone: set[Node] = set()
                people = alone if name in EXPORTER_NAMES else by_name.setdefault(name, set())
                people.add(node)
                self._of[node] = people

    def join(self, first: Node, second: Node) -> bool:
        """Join two names' persons; return False if that would join two names of one export."""
        a, b = self._of[first], self._of[second]
        if a is b:
            return True
        if {export for export, _ in a} & {export for export, _ in b}:
            return False
        a |= b
        for node in b:
            self._of[node] = a
        return True

    def aliases(self) -> Aliases:
        """Return the user's aliases, and the chosen name of everybody with several names."""
        aliases: Aliases = {}
        for entry in self._exports:
            names = aliases[entry.id] = dict(self._user_aliases)
            for raw in entry.speakers:
                name = self._user_aliases.get(raw, raw)
                shown = self._name_of(self._of[entry.id, name])
                if shown != raw:
                    names[raw] = shown
        return aliases

    def _name_of(self, people: set[Node]) -> str:
        """Return the name that most exports use, then that of most messages."""
        uses: Counter[str] = Counter(name for _, name in people)
        messages: Counter[str] = Counter()
        for entry in self._exports:
            for raw, n in entry.speakers.items():
                name = self._user_aliases.get(raw, raw)
                messages[name] += n if (entry.id, name) in people else 0
        return max(
            uses, key=lambda name: (name not in EXPORTER_NAMES, uses[name], messages[name], name)
        )
