"""Instagram's and Messenger's message_1.json, and Messenger's encrypted form -> messages."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timezone
from functools import cache
from typing import Any

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.archive import ZipRoom
from chatbot.ingest.readers.json_items import (
    encodable,
    first_kind,
    moment,
    oldest_first,
    read_items,
)
from chatbot.ingest.readers.json_stream import Path
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.text import Text, clean_name

_FORM = re.compile(
    r'\s*\{(?=.*"participants"\s*:\s*\[)(?=.*"messages"\s*:\s*\[)(?=.*"(sender_name|senderName)"\s*:)',
    re.DOTALL,
)
_MEDIA = {
    "photos": "photo",
    "videos": "video",
    "audio_files": "voice",
    "gifs": "emoticon",
    "sticker": "emoticon",
    "files": "file",
    "call_duration": "call",
    "share": "link",
    "media": "photo",
}
# What Messenger writes into a message that is none; in other languages it writes other words. The
# Korean ones are not confirmed by its documentation.
_NOTICES = re.compile(
    r"Liked a message|Reacted .{1,20} to your message ?|.{1,60} sent an attachment\.|"
    r"You unsent a message|.{1,60} unsent a message|(?:You|.{1,60}) missed .{0,40} call\.?|"
    r".{1,60}님이 (?:첨부 파일|사진|동영상|음성 메시지|스티커|게시물|스토리|릴스)[을를] "
    r"(?:보냈|공유했)습니다\.?|(?:회원님의 )?메시지를 좋아합니다\.?|"
    r"(?:회원님의 )?메시지에 .{1,20}(?:반응을 남겼|공감했)습니다\.?",
)
_THREAD = re.compile(r"(?P<thread>(?:.*/)?messages/[^/]+/[^/]+)/message_(?P<number>\d{1,6})\.json")
_UNSENT = {"is_unsent": "deleted", "isUnsent": "deleted"}


def recognizes(head: list[str]) -> bool:
    """Whether the first lines of a file are those of a thread of Instagram or Messenger."""
    return bool(_FORM.match("\n".join(head)))


def rooms_in(names: Sequence[str]) -> list[ZipRoom]:
    """Return the threads of a zip, with the files of each from the oldest: the highest number.

    >>> names = ["messages/inbox/mina_1/message_1.json", "messages/inbox/mina_1/message_2.json"]
    >>> [entry[-6:] for room in rooms_in(names) for entry in room.entries]
    ['2.json', '1.json']
    """
    threads: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if match := _THREAD.fullmatch(name):
            threads.setdefault(match["thread"], []).append((int(match["number"]), name))
    return [
        ZipRoom(thread.rpartition("/")[2], tuple(name for _, name in sorted(files, reverse=True)))
        for thread, files in sorted(threads.items())
    ]


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of a thread, the oldest first, accounting for every item."""
    for chunks in text.documents():
        yield from oldest_first(_read_file(chunks, zone, account), zone)


def _read_file(chunks: Iterator[str], zone: timezone, account: Account) -> Iterator[Message]:
    def on_fact(path: Path, value: Any) -> None:
        if path in (("title",), ("threadName",)) and isinstance(value, str):
            is_native = path == ("title",)
            account.room = account.room or clean_name(repaired(value) if is_native else value)
        elif path == ("participants",) and isinstance(value, list):
            account.n_people = len(value)

    @cache
    def name_of(sender: str, is_native: bool) -> str:
        return clean_name(repaired(sender) if is_native else encodable(sender))

    def message_of(item: Any) -> Message | None:
        return _message(item, name_of, zone, account)

    return read_items(chunks, [("messages", "*")], message_of, account, on_fact)


def _message(
    item: Any, name_of: Callable[[str, bool], str], zone: timezone, account: Account
) -> Message | None:
    if not isinstance(item, dict):
        return None
    is_native = isinstance(item.get("sender_name"), str)
    if not is_native and not isinstance(item.get("senderName"), str):
        return None
    speaker = name_of(item["sender_name" if is_native else "senderName"], is_native)
    content = item.get("content") if is_native else item.get("text")
    text = content if isinstance(content, str) else ""
    text = repaired(text) if is_native else encodable(text)
    at = _milliseconds(item.get("timestamp_ms" if is_native else "timestamp"), zone)
    return _settled(item, Message(speaker, text, at), account)


def _milliseconds(value: Any, zone: timezone) -> Any:
    return moment(value / 1000, zone) if isinstance(value, (int, float)) else None


def _settled(item: dict[str, Any], message: Message, account: Account) -> Message | None:
    """Return the message as what it is: text, an attachment, or a line of the messenger."""
    speaker, text, at = message.speaker, message.text, message.sent_at
    media = first_kind(item, _UNSENT) or first_kind(item, _MEDIA)
    if media:
        account.kinds[media] += 1
    if media and (not text or media in ("deleted", "call") or _NOTICES.fullmatch(text)):
        return Message(speaker, "", at, "media", media)
    if _NOTICES.fullmatch(text):
        account.kinds["notice"] += 1
        return Message("", text, at, "system")
    is_spoken = bool(text) or "content" in item or "text" in item
    if not is_spoken and item.get("is_geoblocked_for_viewer") is None:
        return None
    return message


def repaired(text: str) -> str:
    r"""Return a text whose UTF-8 bytes were written as one character each; others unchanged.

    Only if all of it can be such bytes: what somebody typed is not changed.

    >>> repaired("\u00ed\u0095\u009c"), repaired("\u00ed"), repaired("한")
    ('한', 'í', '한')
    """
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return encodable(text)


READER = Reader(
    "meta",
    recognizes,
    read_messages,
    "Instagram, Messenger",
    "in Instagram or Messenger: download your information, messages, format JSON",
    rooms_in=rooms_in,
)
