"""Slack's export (a zip with a folder for each channel and a file for each day) -> messages."""

import re
from collections.abc import Iterator, Sequence
from datetime import timezone
from typing import Any

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.archive import ZipRoom
from chatbot.ingest.readers.attachments import kind_of_file
from chatbot.ingest.readers.json_items import (
    Names,
    encodable,
    key_of,
    moment,
    read_items,
    string,
)
from chatbot.ingest.readers.json_stream import walk
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.text import Text, clean_name

_DAY = re.compile(r"(?P<room>(?:[^/]+/)*?[^/]+)/\d{4}-\d{2}-\d{2}\.json")
_LISTS = ("users.json", "channels.json", "groups.json", "dms.json", "mpims.json")
_SPOKEN = {"", "thread_broadcast", "file_share", "me_message"}
_LINK = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_ESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def rooms_in(names: Sequence[str]) -> list[ZipRoom]:
    """Return the channels and direct messages of a zip.

    >>> rooms_in(["users.json", "general/2026-10-02.json"])
    [ZipRoom(name='general', entries=('general/2026-10-02.json',), shared=('users.json',))]
    """
    shared = tuple(name for name in names if name.rpartition("/")[2] in _LISTS)
    if not shared:
        return []
    days: dict[str, list[str]] = {}
    for name in names:
        if match := _DAY.fullmatch(name):
            days.setdefault(match["room"], []).append(name)
    return [
        ZipRoom(room.rpartition("/")[2], tuple(sorted(entries)), shared)
        for room, entries in sorted(days.items())
    ]


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of a channel, day after day, accounting for every item."""
    people = {
        key_of(user.get("id")): _display_name(user) for user in _objects(text.shared("users.json"))
    }
    account.room = account.room or _room_name(text, people)
    names = Names()

    def message_of(item: Any) -> Message | None:
        return _message(item, names, people, zone, account)

    for chunks in text.documents():
        yield from read_items(chunks, [("*",)], message_of, account)


def _objects(chunks: Iterator[str]) -> Iterator[dict[str, Any]]:
    return (item for _, item in walk(chunks, ("*",)) if isinstance(item, dict))


def _display_name(user: dict[str, Any]) -> str:
    profile = user.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    return string(profile, "display_name", "real_name") or string(user, "real_name", "name")


def _room_name(text: Text, people: dict[str, str]) -> str:
    """Return the channel's name; direct messages are named after their members."""
    for name in ("dms.json", "mpims.json"):
        for item in _objects(text.shared(name)):
            members = item.get("members")
            is_room = text.name in (key_of(item.get("id")), key_of(item.get("name")))
            if is_room and isinstance(members, list):
                ids = map(key_of, members)
                return clean_name(", ".join(people.get(each) or each for each in ids))
    return clean_name(text.name)


def _message(
    item: Any, names: Names, people: dict[str, str], zone: timezone, account: Account
) -> Message | None:
    if not isinstance(item, dict) or item.get("type") != "message" or "ts" not in item:
        return None
    number, at = key_of(item["ts"]), moment(key_of(item["ts"]).partition(".")[0], zone)
    text, subtype = plain_text(string(item, "text"), people), string(item, "subtype")
    user = key_of(item.get("user"))
    if subtype == "tombstone":
        account.kinds["deleted"] += 1
        return Message("", "", at, "media", "deleted", number)
    if subtype not in _SPOKEN or not user:
        kind = "by a bot" if item.get("bot_id") else "notice"
        account.kinds[kind] += 1
        return Message("", text, at, "system", "", number)
    speaker = names.of(user, people.get(user) or _profile_name(item))
    thread = key_of(item.get("thread_ts"))
    reply_to = thread if thread != number else ""
    media = _media(item)
    if media:
        account.kinds[media] += 1
    if media and not text:
        return Message(speaker, "", at, "media", media, number, reply_to)
    return Message(speaker, text, at, "message", "", number, reply_to)


def _profile_name(item: dict[str, Any]) -> str:
    profile = item.get("user_profile")
    return string(profile, "display_name", "real_name") if isinstance(profile, dict) else ""


def _media(item: dict[str, Any]) -> str:
    files = item.get("files")
    if not isinstance(files, list) or not files:
        return ""
    return kind_of_file(string(files[0], "name", "title") if isinstance(files[0], dict) else "")


def plain_text(text: str, people: dict[str, str]) -> str:
    """Write out mentions and links, then the characters that Slack escapes.

    >>> plain_text("<@U1> see <https://example.com|this> &amp; <!here>", {"U1": "Mina"})
    '@Mina see this & @here'
    """
    if "<" in text:
        text = _LINK.sub(lambda match: _written_out(match, people), text)
    for escaped, char in _ESCAPES if "&" in text else ():
        text = text.replace(escaped, char)
    return encodable(text)


def _written_out(match: re.Match[str], people: dict[str, str]) -> str:
    mark, target, label = match[1], match[2], match[3]
    if mark == "@":
        return f"@{label or people.get(target) or target}"
    if mark == "#":
        return f"#{label or target}"
    return f"@{label or target}".replace("@@", "@") if mark == "!" else label or target


READER = Reader(
    "slack",
    lambda _head: False,  # a day alone tells neither its channel nor who speaks
    read_messages,
    "Slack",
    "in Slack: workspace settings, import/export data, export; keep it a zip",
    rooms_in=rooms_in,
)
