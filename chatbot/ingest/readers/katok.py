"""JSON lines of katok, which reads the database of KakaoTalk for macOS -> messages."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache, partial
from typing import Any

from chatbot.conversation import Message
from chatbot.ingest.readers import kakaotalk_grammar as grammar
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.json_items import (
    Names,
    items_by,
    key_of,
    moment,
    read_items,
    stamp,
    string,
)
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.signal_json import first_object
from chatbot.ingest.readers.text import Text

_KEYS = {"chat_id", "message_id", "sender_id", "timestamp", "text"}
_UTC = timezone(timedelta())
_DELETED = 1 << 14  # added to the type of a message that was deleted
_NOTICE = 0
# Types of the messenger's own database; a name is written where katok knows it.
_TYPES = {
    "2": "photo",
    "27": "photo",
    "71": "photo",
    "3": "video",
    "36": "video",
    "5": "voice",
    "16": "voice",
    "18": "file",
}
_NAMED = {"photo", "image", "video", "audio", "voice", "file", "emoticon", "sticker", "contact"}
_KINDS = {"image": "photo", "audio": "voice", "sticker": "emoticon"}


def recognizes(head: list[str]) -> bool:
    """Whether the first line of a file is a message as katok writes it."""
    return first_object(head).keys() >= _KEYS


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages in the order of the file, accounting for every line."""
    names = Names()

    def message_of(item: Any) -> Message | None:
        if not isinstance(item, dict) or not item.keys() >= _KEYS:
            return None
        account.room = account.room or key_of(item["chat_id"])
        return _message(item, names, zone, account)

    return read_items(text.chunks(), (), message_of, account)


def _message(
    item: dict[str, Any], names: Names, zone: timezone, account: Account
) -> Message | None:
    at, text = _sent_at(item["timestamp"], zone), string(item, "text")
    number, reply_to = key_of(item["message_id"]), key_of(item.get("reply_to_message_id"))
    media = _media(item, text)
    if media == "notice":
        return Message("", text, at, "system", "", number)
    speaker = names.of(key_of(item["sender_id"]), string(item, "sender_nickname"))
    if media:
        account.kinds[media] += 1
        return Message(speaker, text, at, "media", media, number, reply_to)
    return Message(speaker, text, at, "message", "", number, reply_to)


def _sent_at(written: Any, zone: timezone) -> datetime | None:
    if isinstance(written, str) and not written.isdigit():
        at = stamp(written, _UTC)
        return at.astimezone(zone) if at else None
    return moment(written, zone)


@lru_cache(256)
def _kind_of_type(written: str) -> str:
    """Return the kind that a message's type names: "notice", "text", an attachment; "" if none."""
    if written.isdigit() and len(written) < 10:
        number = int(written)
        if number % _DELETED == _NOTICE:
            return "notice"
        return "deleted" if number >= _DELETED else _TYPES.get(written, "text")
    if written in ("system", "feed"):
        return "notice"
    return _KINDS.get(written, written) if written in _NAMED else ""


def _media(item: dict[str, Any], text: str) -> str:
    kind = _kind_of_type(key_of(item.get("message_type")).lower()[:20])
    return "" if kind == "text" else kind or grammar.media_kind(text) or ""


READER = Reader("katok", recognizes, read_messages, items_of_rooms=partial(items_by, "chat_id"))
