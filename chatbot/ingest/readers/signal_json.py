"""Signal: data.json of signal-export -> messages. Signal's own main.jsonl is only counted."""

import json
import re
from collections.abc import Iterator
from datetime import timezone
from typing import Any

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.attachments import kind_of_file
from chatbot.ingest.readers.json_items import read_items, stamp, string
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.text import Text, clean_name

_KEYS = {"date", "sender", "body"}
# The frames of a backup, of which no description is public.
_FRAMES = re.compile(
    r'\s*\{\s*"(?:version|backupTimeMs|account|recipient|chat|chatItem|stickerPack|adHocCall)"\s*:'
)
_FRAME = re.compile(r'"(?:backupTimeMs|chatItem|recipient|chatId|authorId)"\s*:')


def recognizes(head: list[str]) -> bool:
    """Whether the first line of a file is a message as signal-export writes it."""
    first = first_object(head)
    return len(_KEYS & first.keys()) == len(_KEYS) and "reactions" in first


def first_object(head: list[str]) -> dict[str, Any]:
    """Return the object on a file's first line that is not blank; an empty one if it is none."""
    line = next((line for line in head if line.strip("\ufeff \t")), "").strip("\ufeff \t")
    if not line.startswith("{"):
        return {}
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return item if isinstance(item, dict) else {}


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of a conversation, accounting for every line."""
    return read_items(text.chunks(), (), lambda item: _message(item, zone, account), account)


def _message(item: Any, zone: timezone, account: Account) -> Message | None:
    if not isinstance(item, dict) or not item.keys() >= _KEYS:
        return None
    speaker, at = clean_name(string(item, "sender")), stamp(item.get("date"), zone)
    media, text = _media(item), string(item, "body")
    if media:
        account.kinds[media] += 1
    if not speaker:
        return Message("", text, at, "system")
    if media and (not text or media in ("deleted", "call")):
        return Message(speaker, "", at, "media", media)
    return Message(speaker, text, at)


def _media(item: dict[str, Any]) -> str:
    if item.get("deleted"):
        return "deleted"
    if item.get("call") or item.get("missed"):
        return "call"
    if item.get("sticker"):
        return "emoticon"
    files = item.get("attachments")
    if isinstance(files, list) and files:
        return kind_of_file(string(files[0], "name", "path") if isinstance(files[0], dict) else "")
    return ""


def recognizes_backup(head: list[str]) -> bool:
    """Whether a file begins with the frames of Signal's own export of 2026."""
    text = "\n".join(head)
    return bool(_FRAMES.match(text.lstrip("\ufeff")) and _FRAME.search(text))


def count_frames(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Count the frames of Signal's own export by their keys; none is read as a message."""
    del zone
    return read_items(text.chunks(), (), lambda item: _counted(item, account), account)


def _counted(item: Any, account: Account) -> None:
    keys = set(item) if isinstance(item, dict) else set()
    for key in sorted(keys & {"account", "recipient", "chat", "chatItem", "stickerPack"}):
        account.kinds[f"frame: {key}"] += 1


READER = Reader(
    "signal_json",
    recognizes,
    read_messages,
    "Signal",
    "with signal-export: data.json",
    exporter_names=("Me",),
)
BACKUP = Reader("signal_backup", recognizes_backup, count_frames)
