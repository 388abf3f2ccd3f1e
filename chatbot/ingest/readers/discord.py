"""DiscordChatExporter's JSON -> messages."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import timezone
from typing import Any

from msgspec.structs import replace

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.attachments import kind_of_file
from chatbot.ingest.readers.json_items import (
    Names,
    key_of,
    read_items,
    stamp,
    string,
)
from chatbot.ingest.readers.json_stream import Path
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.text import Text, clean_name

_FORM = re.compile(r'\s*\{\s*"guild"\s*:\s*\{.*"channel"\s*:\s*\{', re.DOTALL)
_SPOKEN = {"Default", "Reply", "0", "19"}  # older versions write numbers for types
_CALLS = {"Call", "3"}
_DIRECT = "Direct Messages"
_PART = re.compile(r"(?P<base>.+) \[part (?P<part>\d+)\]", re.IGNORECASE)


def recognizes(head: list[str]) -> bool:
    """Whether the first lines of a file are those of DiscordChatExporter's JSON."""
    return bool(_FORM.match("\n".join(head)))


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of a channel, accounting for every item.

    A reaction is no message, and polls are not in the file.
    """
    names, place = Names(), {"guild": "", "channel": ""}

    def on_fact(path: Path, value: Any) -> None:
        if path and path[0] in place and isinstance(value, dict):
            place[path[0]] = clean_name(string(value, "name"))
            guild = "" if place["guild"] == _DIRECT else place["guild"]
            account.room = " ".join(filter(None, (guild, place["channel"])))

    return read_items(
        text.chunks(),
        [("messages", "*")],
        lambda item: _message(item, names, zone, account),
        account,
        on_fact,
    )


def _message(item: Any, names: Names, zone: timezone, account: Account) -> Message | None:
    if not isinstance(item, dict) or not isinstance(item.get("author"), dict):
        return None
    at, kind = stamp(item.get("timestamp"), zone), key_of(item.get("type"))
    content, number = string(item, "content"), key_of(item.get("id"))
    author = item["author"]
    if author.get("isBot") is True:
        account.kinds["by a bot"] += 1
        return Message("", content, at, "system", "", number)
    speaker = names.of(key_of(author.get("id")), string(author, "nickname", "name"))
    if kind in _SPOKEN:
        return _spoken(item, Message(speaker, content, at, "message", "", number), account)
    if kind in _CALLS:
        account.kinds["call"] += 1
        return Message(speaker, "", at, "media", "call", number)
    account.kinds[f"notice: {re.sub(r'[^A-Za-z0-9]', '', kind)[:40]}"] += 1
    return Message("", content, at, "system", "", number) if kind else None


def _spoken(item: dict[str, Any], message: Message, account: Account) -> Message:
    reference = item.get("reference")
    reply_to = key_of(reference.get("messageId")) if isinstance(reference, dict) else ""
    media = _media(item)
    if media:
        account.kinds[media] += 1
    if media == "forward" or (media and not message.text):
        return replace(message, text="", kind="media", media=media, reply_to=reply_to)
    return replace(message, reply_to=reply_to)


def _media(item: dict[str, Any]) -> str:
    if item.get("forwardedMessage"):
        return "forward"
    files = item.get("attachments")
    if isinstance(files, list) and files:
        first = files[0] if isinstance(files[0], dict) else {}
        return kind_of_file(string(first, "fileName", "url"))
    return "emoticon" if item.get("stickers") else "link" if item.get("embeds") else ""


def chunk_of(stem: str) -> tuple[str, int] | None:
    """Return the export that a file belongs to, and its part number; None for other names.

    >>> chunk_of("Direct Messages - mina [42] [part 2]")
    ('direct messages - mina [42]', 2)
    """
    match = _PART.fullmatch(unicodedata.normalize("NFC", stem))
    return (match["base"].casefold(), int(match["part"])) if match else None


READER = Reader(
    "discord",
    recognizes,
    read_messages,
    "Discord",
    "with DiscordChatExporter: format JSON",
    chunk_of=chunk_of,
)
