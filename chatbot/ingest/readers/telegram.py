"""Telegram Desktop's result.json, of one chat or of a whole account -> messages."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.json_items import (
    DAMAGED,
    Names,
    encodable,
    first_kind,
    key_of,
    moment,
    read_items,
    stamp,
)
from chatbot.ingest.readers.json_stream import Broken, Path, walk
from chatbot.ingest.readers.reader import Reader, RoomItem
from chatbot.ingest.readers.text import Text, clean_name

_ARRAYS = (
    ("messages", "*"),
    ("chats", "list", "*", "messages", "*"),
    ("left_chats", "list", "*", "messages", "*"),
)
_CHATS_OF_ACCOUNT = {array[:-2] for array in _ARRAYS[1:]}
_ROOM_NAMES = {(*array[:-2], "name") for array in _ARRAYS}
_CHAT = re.compile(
    r'\s*\{(?=.*"messages"\s*:)(?=.*"type"\s*:)(?=.*"name"\s*:)'
    r'(?=.*("date_unixtime"|"\w+_(chat|group|supergroup|channel)"|"saved_messages"))',
    re.DOTALL,
)
# Contacts and pictures may fill the beginning.
_FULL_ACCOUNT = re.compile(
    r'\s*\{\s*"about"\s*:(?=.*("(?:left_)?chats"\s*:|"personal_information"\s*:|Telegram))',
    re.DOTALL,
)
# Telegram writes control characters as \xNN, which JSON does not have.
_HEX_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_BEGUN_ESCAPE = re.compile(r"\\+x?[0-9A-Fa-f]?\Z")
_ACTION = re.compile(r"[a-z_]{1,40}")
_MEDIA_TYPES = {
    "sticker": "emoticon",
    "animation": "emoticon",
    "video_file": "video",
    "video_message": "video",
    "voice_message": "voice",
    "audio_file": "file",
}
_MEDIA_KEYS = {
    "photo": "photo",
    "file": "file",
    "contact_information": "contact",
    "location_information": "map",
    "place_name": "map",
    "poll": "poll",
    "todo_list": "board",
    "game_title": "game",
    "invoice_information": "money",
    "giveaway_information": "gift",
    "paid_media": "file",
    "story": "story",
    "dice": "emoticon",
}


def recognizes(head: list[str]) -> bool:
    """Whether the first lines of a file are those of Telegram's result.json."""
    text = "\n".join(head)
    return bool(_CHAT.match(text) or _FULL_ACCOUNT.match(text))


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages in the order of the file, accounting for every item.

    The chats of a whole account follow each other.
    """
    names = Names()

    def on_fact(path: Path, value: Any) -> None:
        if path in _ROOM_NAMES:
            account.room = account.room or clean_name(encodable(str(value or "")))

    return read_items(
        _repaired(text.chunks()),
        _ARRAYS,
        lambda item: _message(item, names, zone, account),
        account,
        on_fact,
    )


def items_of_rooms(text: Text) -> Iterator[RoomItem]:
    """Yield the items of each chat of an account, with what stands before them.

    A file of one chat has none: its items need not be read for that.
    """
    if not _FULL_ACCOUNT.match("\n".join(text.head())):
        return
    header: dict[str, Any] = {}
    n_rooms, has_items = 0, True
    for path, item in walk(_repaired(text.chunks()), *_ARRAYS):
        if path in _ARRAYS:
            n_rooms += not has_items
            has_items = True
            is_damaged = isinstance(item, Broken)
            yield RoomItem(str(n_rooms), DAMAGED if is_damaged else item, dict(header))
        elif path[:-1] in _CHATS_OF_ACCOUNT and not isinstance(item, (dict, list, Broken)):
            header = {path[-1]: item} if has_items else header | {path[-1]: item}
            has_items = False


def _repaired(chunks: Iterable[str]) -> Iterator[str]:
    begun = ""
    for chunk in chunks:
        part = begun + chunk
        match = _BEGUN_ESCAPE.search(part, max(0, len(part) - 100)) if "\\" in part[-4:] else None
        begun = match[0] if match else ""
        part = part[: match.start()] if match else part
        yield _HEX_ESCAPE.sub(r"\1\\u00\2", part) if "\\x" in part else part
    yield begun


def _message(item: Any, names: Names, zone: timezone, account: Account) -> Message | None:
    """Return the message of an item, None if its shape is unknown."""
    if not isinstance(item, dict):
        return None
    at = moment(item.get("date_unixtime"), zone) or stamp(item.get("date"), zone)
    if item.get("type") == "service":
        return _notice(item, names, at, account)
    text = _flat(item.get("text"))
    if "rich_message" in item:
        text = "\n".join(_rich(item["rich_message"])) or text or None
    speaker = _speaker(item, names, "from", account)
    media = _MEDIA_TYPES.get(str(item.get("media_type"))) if "media_type" in item else None
    media = media or first_kind(item, _MEDIA_KEYS)
    if media:
        account.kinds[media] += 1
    number, reply_to = key_of(item.get("id")), key_of(item.get("reply_to_message_id"))
    if text and item.get("forwarded_from"):  # somebody else's words
        account.kinds["forward"] += 1
        return Message(speaker, encodable(text), at, "media", "forward", number, reply_to)
    if text:
        return Message(speaker, encodable(text), at, "message", "", number, reply_to)
    if media:
        return Message(speaker, "", at, "media", media, number, reply_to)
    is_empty = text == "" and item.get("type") == "message"
    return Message(speaker, "", at, "message", "", number, reply_to) if is_empty else None


def _notice(item: dict[str, Any], names: Names, at: datetime | None, account: Account) -> Message:
    action = str(item.get("action"))
    action = action if _ACTION.fullmatch(action) else "other"  # a count never holds a text
    account.kinds[f"notice: {action}"] += 1
    number = key_of(item.get("id"))
    if action == "phone_call":
        speaker = _speaker(item, names, "actor", account)
        return Message(speaker, "", at, "media", "call", number)
    return Message("", action, at, "system", "", number)


def _speaker(item: dict[str, Any], names: Names, key: str, account: Account) -> str:
    """Return the name; that of a deleted account is its id, so that two stay two people."""
    name = item.get(key)
    if not isinstance(name, str) or not name:
        account.kinds["by a deleted account"] += 1
        name = ""
    return names.of(key_of(item.get(f"{key}_id")), name) or "deleted account"


def _flat(text: Any) -> str | None:
    """Join a text, which is a string or a list of strings and marked pieces."""
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        return None
    pieces = [piece.get("text") if isinstance(piece, dict) else piece for piece in text]
    return "".join(piece for piece in pieces if isinstance(piece, str))


def _rich(tree: Any) -> Iterator[str]:
    """Yield the texts of a rich message: a tree of blocks, of which only `text` is documented."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if text := _flat(node.get("text")):
                yield text
            is_read = isinstance(node.get("text"), (str, list))
            stack += [node[key] for key in reversed(node) if not (is_read and "text" in key)]
        elif isinstance(node, list):
            stack += reversed(node)


READER = Reader(
    "telegram",
    recognizes,
    read_messages,
    "Telegram",
    "in Telegram Desktop: chat menu, export chat history, format JSON",
    items_of_rooms=items_of_rooms,
)
