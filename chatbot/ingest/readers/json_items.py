"""What readers of JSON share: names by id, times, and text that can be encoded."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.json_stream import Broken, Path, walk
from chatbot.ingest.readers.reader import RoomItem
from chatbot.ingest.readers.text import Text, clean_name

_BLOCK = 8192
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Message])
DAMAGED = "no JSON"  # stands in a room's file for an item that cannot be read
_MAX_SECONDS = 253_402_300_799  # the end of the year 9999
_MILLISECONDS = 10**11  # seconds of the year 5138


def moment(seconds: Any, zone: timezone) -> datetime | None:
    """Return the time that many seconds after 1970 (a number, or one in a string).

    >>> from datetime import UTC
    >>> moment("1790899265", UTC).isoformat(), moment(None, UTC)
    ('2026-10-02T00:01:05+00:00', None)
    """
    try:
        number = float(seconds)
    except (TypeError, ValueError, OverflowError):
        return None
    return datetime.fromtimestamp(number, zone) if 0 <= number <= _MAX_SECONDS else None


def seconds_of(number: float) -> float:
    """Return the seconds since 1970 of a number of seconds or milliseconds since then."""
    return number / 1000 if number > _MILLISECONDS else number


def stamp(written: Any, zone: timezone) -> datetime | None:
    """Return the time of an ISO 8601 text; without an offset, it is in `zone`."""
    try:
        at = datetime.fromisoformat(written)
        return at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)
    except (TypeError, ValueError, OverflowError):
        return None


def encodable(text: str) -> str:
    r"""Replace lone surrogates, which JSON can write and no file can hold.

    >>> encodable("\ud83d!") == "\ufffd!", encodable("ㅋㅋ")
    (True, 'ㅋㅋ')
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def string(item: Mapping[str, Any], *keys: str) -> str:
    """Return the first of an item's values that is a text and not empty, else ""."""
    for key in keys:
        value = item.get(key)
        if value and isinstance(value, str):
            return encodable(value)
    return ""


def key_of(value: Any) -> str:
    """Return an id, written as a number or a text; "" for none."""
    is_id = isinstance(value, (int, str)) and not isinstance(value, bool)
    return encodable(str(value)) if is_id else ""


def first_kind(item: Mapping[str, Any], kinds: Mapping[str, str]) -> str:
    """Return the kind of the first key that an item has a value for, else ""."""
    if kinds.keys().isdisjoint(item):  # most messages have no attachment
        return ""
    return next((kind for key, kind in kinds.items() if item.get(key)), "")


class Names:
    """The names of speakers by id. Two people of one name are told apart by a number.

    >>> names = Names()
    >>> names.of("u1", "Mina"), names.of("u2", "Mina"), names.of("u1", "Mina K"), names.of("u3", "")
    ('Mina', 'Mina (2)', 'Mina', 'u3')
    """

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, speaker_id: str, name: str) -> str:
        """Return the name under which an id first spoke; the id itself if it has none."""
        unique_name = self._by_id.get(speaker_id)
        if unique_name is not None:
            return unique_name
        name = clean_name(encodable(name))
        if not speaker_id:
            return name
        unique_name = self._by_id[speaker_id] = self._free(name or encodable(speaker_id))
        self._taken.add(unique_name)
        return unique_name

    def _free(self, name: str) -> str:
        return next(each for each in _numbered(name) if each not in self._taken)


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name} ({number})"
        number += 1


def read_items(
    chunks: Iterable[str],
    arrays: Sequence[Path],
    message_of: Callable[[Any], Message | None],
    account: Account,
    on_fact: Callable[[Path, Any], None] = lambda _path, _value: None,
) -> Iterator[Message]:
    """Yield the messages that are the items of JSON arrays, accounting for every item.

    `message_of` returns None for an item of an unknown shape. `on_fact` is called with the values
    beside the arrays. Without arrays, each JSON value of the text is an item, as in JSON lines.
    """
    paths = set(arrays or ((),))
    for path, item in walk(chunks, *arrays):
        if isinstance(item, Broken):
            account.broken(is_cut=item.is_cut)
        elif path not in paths:
            on_fact(path, item)
        elif (message := message_of(item)) is not None:
            account.lines[message.kind] += 1
            yield message
        elif item == DAMAGED:
            account.broken(is_cut=False)
        else:
            account.unknown(item)


def oldest_first(messages: Iterable[Message], zone: timezone) -> Iterator[Message]:
    """Yield messages in the order of time, if an export begins with the newest.

    They are held packed: at most a tenth of their JSON.
    """
    source = iter(messages)
    block = list(islice(source, _BLOCK))
    times = [message.sent_at for message in block if message.sent_at is not None]
    if not times or times[0] <= times[-1]:
        yield from block
        yield from source
        return
    packed = []
    while block:
        packed.append(zlib.compress(_ENCODER.encode(block), 1))
        block = list(islice(source, _BLOCK))
    while packed:
        for message in reversed(_DECODER.decode(zlib.decompress(packed.pop()))):
            at = message.sent_at  # packed, it lost its zone
            yield replace(message, sent_at=at.astimezone(zone) if at else None)


def items_by(key: str, text: Text) -> Iterator[RoomItem]:
    """Yield the items of JSON lines by the room that a key names; damaged ones where they stand."""
    room = ""
    for _, item in walk(text.chunks()):
        if isinstance(item, dict):
            room = key_of(item.get(key)) or room
        yield RoomItem(room, DAMAGED if isinstance(item, Broken) else item)
