"""Several exports of one room -> one stream, without losing or doubling a message.

Exports carry no message ids, so a message is identified by minute, speaker and text. People do send
"ㅋㅋ" twice in a minute: for each key, the room has as many as the export with the most. One export
may round minutes where another truncates them, so adjacent minutes are compared as well.
"""

import heapq
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import groupby, pairwise

from msgspec.structs import replace

from chatbot.conversation import Message

Key = tuple[int, bytes, bytes]
Words = tuple[bytes, bytes]  # speaker, text: a key without its minute

JITTER_MINUTES = 10
_UNDATED = -1
# Phones truncate messages at 500 characters, PCs do not; they also differ in line breaks.
_COMPARED_CHARS = 400
_QUESTIONS = re.compile(rb"\?+")
_END = (b"\0", b"\0")  # matches no message: the system lines after the last one


@dataclass(frozen=True)
class Source:
    """The messages of one export in time order; `is_lossy` where its encoding lost characters."""

    messages: Iterable[Message]
    is_lossy: bool = False


@dataclass
class MergeTally:
    """Counts of merging: messages that other exports also contain, and how far exports agree.

    Among the messages of a source (by its index) sent while another source covers that time,
    `n_compared` counts all and `n_shared` those that are in another source too.
    """

    n_merged: int = 0
    n_compared: Counter[int] = field(default_factory=Counter)
    n_shared: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True, eq=False)
class _Slot:
    """A message of the room: its item in each source that contains it."""

    words: Words
    minute: int
    items: "dict[int, _Item]" = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Item:
    """A message of a source, the system lines before it, and its position in the source.

    `message` is None at the end of a source, where only system lines are left.
    """

    minute: int
    words: Words
    number: int
    message: Message | None
    before: list[Message]
    rank: tuple[bool, int, int, str] = (False, 0, 0, "")
    slot: _Slot | None = None
    is_covered: bool = False


def minute_of(at: datetime | None) -> int:
    """Return minutes since 1970, -1 if the export has no dates."""
    return _UNDATED if at is None else int(at.timestamp()) // 60


def key_of(message: Message) -> Key:
    """Return the key that is equal for the same message in two exports.

    Characters that cp949 lacks count as "?", so an old Windows export meets a phone's; media count
    by what they stand for, in every language.
    """
    text = f"\0{message.media}" if message.media else " ".join(message.text.split())
    return minute_of(message.sent_at), _plain_name(message.speaker), _plain(text[:_COMPARED_CHARS])


def _plain(text: str) -> bytes:
    plain = unicodedata.normalize("NFC", text).encode("cp949", "replace")
    return _QUESTIONS.sub(b"?", plain) if b"??" in plain else plain


# A room has few names and many messages.
_plain_name = lru_cache(maxsize=1024)(_plain)


def merge_sources(sources: list[Source], tally: MergeTally | None = None) -> Iterator[Message]:
    """Merge exports of one room, given in any order.

    One source passes through unchanged, in file order. Memory is bounded by the busiest minutes, if
    the sources are in time order.
    """
    if len(sources) == 1:
        yield from sources[0].messages
        return
    tally = tally if tally is not None else MergeTally()
    minutes = _Minutes(sources)
    slots = _Slots(minutes)
    stretch: dict[int, list[_Item]] = {}
    for minute, groups in minutes:
        if not slots.place(minute, groups):
            yield from _flatten(_combine(stretch), minutes, tally)
            stretch = {}
        for number, items in groups.items():
            stretch.setdefault(number, []).extend(items)
    yield from _flatten(_combine(stretch), minutes, tally)


class _Minutes:
    """The items of all sources by minute, and the time that each source covers."""

    def __init__(self, sources: list[Source]) -> None:
        self._groups = [_minutes(source) for source in sources]
        self._heap: list[tuple[int, int, list[_Item]]] = []
        self._first: dict[int, int] = {}
        self._reach: dict[int, int] = {}
        self._started: set[int] = set()
        for number in range(len(sources)):
            self._fetch(number)

    def _fetch(self, number: int) -> None:
        group = next(self._groups[number], None)
        if group is not None:
            self._first.setdefault(number, group[0])
            self._reach[number] = group[0]
            heapq.heappush(self._heap, (group[0], number, group[1]))

    def __iter__(self) -> Iterator[tuple[int, dict[int, list[_Item]]]]:
        while self._heap:
            minute = self._heap[0][0]
            groups: dict[int, list[_Item]] = {}
            while self._heap and self._heap[0][0] == minute and self._heap[0][1] not in groups:
                _, number, groups[number] = heapq.heappop(self._heap)
                self._started.add(number)
                self._fetch(number)
            self._close(groups)
            yield minute, dict(sorted(groups.items(), key=self._rank))

    def _rank(
        self, group: tuple[int, list[_Item]]
    ) -> tuple[int, int, int, list[tuple[int, Words]]]:
        """Sort key of sources that does not depend on the order in which they are listed."""
        number, items = group
        return self._first[number], *_preference(items)

    def _close(self, groups: dict[int, list[_Item]]) -> None:
        """Drop the system lines at an export's end if another export covers that time."""
        is_covered = any(number in self._started for _, number, _ in self._heap)
        for items in groups.values():
            items[-1].is_covered = is_covered

    def covers(self, number: int, minute: int) -> bool:
        """Whether a source begins before a minute and ends after it, so contains all of it."""
        return self._first[number] < minute < self._reach[number]

    def is_shared(self, number: int, minute: int) -> bool:
        """Whether another source covers a minute."""
        return any(other != number and self.covers(other, minute) for other in self._first)


class _Slots:
    """Decides which items of the sources are one message.

    Items come in order of time; each joins the first slot with the same text, at most a minute old,
    that has no item of its source yet.
    """

    def __init__(self, minutes: _Minutes) -> None:
        self._minutes = minutes
        self._open: dict[Words, list[_Slot]] = {}

    def place(self, minute: int, groups: dict[int, list[_Item]]) -> bool:
        """Assign every item to a slot; return whether any joined an earlier slot.

        If none did, the earlier slots are complete.
        """
        earlier = self._earlier(lambda slot: abs(minute - slot.minute) <= 1)
        self._open = {words: [*slots] for words, slots in earlier.items()}
        continues = False
        for number, items in groups.items():
            for item in items:
                item.slot = self._slot_of(number, item)
                item.slot.items[number] = item
                continues = continues or item.slot in earlier.get(item.words, ())
        if not continues:
            self._open = self._earlier(lambda slot: slot not in earlier.get(slot.words, ()))
        return continues

    def _earlier(self, is_kept: Callable[[_Slot], bool]) -> dict[Words, list[_Slot]]:
        kept = {words: list(filter(is_kept, slots)) for words, slots in self._open.items()}
        return {words: slots for words, slots in kept.items() if slots}

    def _slot_of(self, number: int, item: _Item) -> _Slot:
        slots = self._open.setdefault(item.words, [])
        for slot in slots:
            if number not in slot.items and self._may_join(number, item, slot):
                return slot
        slots.append(_Slot(item.words, item.minute))
        return slots[-1]

    def _may_join(self, number: int, item: _Item, slot: _Slot) -> bool:
        """Whether an item is the message of a slot.

        In the same minute it is. In the next minute it is too, because exports have no gaps: a
        source that covers a minute and lacks a message there has it one minute later.
        """
        covers = self._minutes.covers
        return any(other.minute == item.minute for other in slot.items.values()) or all(
            covers(source, item.minute) or covers(number, other.minute)
            for source, other in slot.items.items()
        )


def _minutes(source: Source) -> Iterator[tuple[int, list[_Item]]]:
    """Group a source by minute, in the order of minutes."""
    for minute, group in groupby(_in_order(source), key=lambda item: item.minute):
        yield minute, list(group)


def _in_order(source: Source) -> Iterator[_Item]:
    """Sort by time within a window, because a phone's clock may go back a little."""
    window: list[tuple[int, int, _Item]] = []
    for item in _with_system_lines(source):
        heapq.heappush(window, (item.minute, item.number, item))
        while item.minute - window[0][0] > JITTER_MINUTES:
            yield heapq.heappop(window)[2]
    while window:
        yield heapq.heappop(window)[2]


def _with_system_lines(source: Source) -> Iterator[_Item]:
    before: list[Message] = []
    minute, number = _UNDATED, 0
    for message in source.messages:
        if message.kind == "system":
            before.append(message)
            continue
        minute, *words = key_of(message)
        seconds = message.sent_at.second if message.sent_at else 0
        rank = (not source.is_lossy, len(message.text), seconds, message.text)
        yield _Item(minute, (words[0], words[1]), number, message, before, rank)
        before, number = [], number + 1
    if before:
        yield _Item(minute, _END, number, None, before)


def _combine(stretch: dict[int, list[_Item]]) -> list[tuple[_Item, _Slot]]:
    """Order the slots of a stretch as the most complete source does, and insert what it lacks.

    Each comes with the item that determines its minute.
    """
    orders = sorted((sorted(items, key=_number) for items in stretch.values()), key=_preference)
    merged: list[tuple[_Item, _Slot]] = []
    for order in orders:
        places = {id(slot): index for index, (_, slot) in enumerate(merged)}
        inserted: dict[int, list[tuple[_Item, _Slot]]] = {}
        after = 0
        for item in order:
            slot = item.slot
            if slot is None:
                raise AssertionError("an item without a slot")
            if id(slot) in places:
                after = places[id(slot)] + 1
            else:
                inserted.setdefault(after, []).append((item, slot))
        merged = _with_inserted(merged, inserted)
    return merged


def _with_inserted(
    merged: list[tuple[_Item, _Slot]], inserted: dict[int, list[tuple[_Item, _Slot]]]
) -> list[tuple[_Item, _Slot]]:
    result: list[tuple[_Item, _Slot]] = []
    for index in range(len(merged) + 1):
        result += inserted.get(index, [])
        result += merged[index : index + 1]
    return result


def _number(item: _Item) -> int:
    return item.number


def _preference(items: list[_Item]) -> tuple[int, int, list[tuple[int, Words]]]:
    """Sort key of the sources of one stretch, independent of their order.

    The most complete first; of equals, the source whose clock goes back least.
    """
    n_back = sum(a.minute > b.minute for a, b in pairwise(items))
    return -len(items), n_back, [(item.minute, item.words) for item in items]


def _flatten(
    merged: list[tuple[_Item, _Slot]], minutes: _Minutes, tally: MergeTally
) -> Iterator[Message]:
    """Yield the best version of each message, and count the merged ones."""
    for lead, slot in merged:
        items = list(slot.items.values())
        before = max((item.before for item in items), key=len)
        is_kept = lead.message is not None or not lead.is_covered
        tally.n_merged += sum(len(item.before) for item in items) - len(before) * is_kept
        if is_kept:
            yield from before
        if lead.message is None:
            continue
        tally.n_merged += len(items) - 1
        for number, item in slot.items.items():
            if minutes.is_shared(number, item.minute):
                tally.n_compared[number] += 1
                tally.n_shared[number] += len(items) > 1
        best = max(items, key=lambda item: item.rank)
        message = best.message or lead.message
        if best.minute != lead.minute:
            message = replace(message, sent_at=lead.message.sent_at)
        yield message


def by_time(messages: Iterable[Message]) -> list[Message]:
    """Sort by minute, in file order within a minute (for an export joined in the wrong order)."""
    return sorted(messages, key=lambda message: minute_of(message.sent_at))
