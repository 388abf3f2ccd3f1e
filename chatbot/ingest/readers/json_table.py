"""JSON lines, or one array of objects, whose keys the settings name -> messages."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.json_items import (
    encodable,
    items_by,
    key_of,
    moment,
    read_items,
    seconds_of,
    stamp,
)
from chatbot.ingest.readers.json_stream import Broken, walk
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.text import Text, clean_name
from chatbot.settings.schema import ColumnsConfig, RawConfig


def _configured(reader: Reader, raw: RawConfig) -> Reader:
    columns = raw.columns
    return replace(
        reader,
        recognizes=partial(_recognizes, columns),
        read=partial(_read_messages, columns),
        items_of_rooms=partial(items_by, columns.room) if columns.room else None,
    )


def _recognizes(columns: ColumnsConfig, head: list[str]) -> bool:
    """Whether the first object of a file has the keys that the settings name."""
    names = {columns.speaker, columns.text, *filter(None, (columns.time, columns.room))}
    if "" in names:
        return False
    text = "\n".join(head).lstrip("\ufeff \t\n")
    arrays = [("*",)] if text.startswith("[") else []
    first = next(walk([text], *arrays), ((), None))[1]
    return isinstance(first, dict) and not isinstance(first, Broken) and names <= first.keys()


def _read_messages(
    columns: ColumnsConfig, text: Text, zone: timezone, account: Account
) -> Iterator[Message]:
    def message_of(item: Any) -> Message | None:
        return _message(item, columns, zone, account)

    start = next((part for part in text.chunks() if part.strip("\ufeff \t\r\n")), "")
    is_array = start.lstrip("\ufeff \t\r\n").startswith("[")
    return read_items(text.chunks(), [("*",)] if is_array else [], message_of, account)


def _message(item: Any, columns: ColumnsConfig, zone: timezone, account: Account) -> Message | None:
    if not isinstance(item, dict) or columns.text not in item or columns.speaker not in item:
        return None
    if columns.room:
        account.room = account.room or clean_name(key_of(item.get(columns.room)))
    written = item[columns.text]
    text = encodable(written) if isinstance(written, str) else key_of(written)
    speaker = clean_name(key_of(item[columns.speaker]))
    at = _time(item.get(columns.time), zone)
    if at is None and item.get(columns.time) not in (None, ""):
        return None  # counted, as in tables: without its time a message belongs to no session
    return Message(speaker, text, at, "message" if speaker else "system")


def _time(value: Any, zone: timezone) -> datetime | None:
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        value = float(value)
    if isinstance(value, str):
        return stamp(value, zone)
    return moment(seconds_of(value) if isinstance(value, (int, float)) else value, zone)


READER = Reader(
    "json_table",
    lambda _head: False,
    lambda text, zone, account: _read_messages(ColumnsConfig(), text, zone, account),
    configured=_configured,
)
