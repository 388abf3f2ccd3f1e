"""The chat.md that signal-export writes -> messages; quotes and reactions are no part of a text."""

import re
from collections.abc import Iterator
from datetime import datetime, timezone

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.attachments import kind_of_file
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.stamped import Head, read_stamped
from chatbot.ingest.readers.text import Text, clean_name

_HEAD = re.compile(
    r"\[(?P<day>\d{4}-\d{2}-\d{2})(?P<comma>,?) (?P<clock>\d{2}:\d{2}(?::\d{2})?)\] ?(?P<rest>.*)$"
)
_MAX_NAME = 120
_REACTIONS = re.compile(r"\s*\(- [^\n]{1,400}? -\)\s*$")
_ATTACHMENT = re.compile(r"!?\[(?P<name>[^\[\]\n]{0,200})\]\(\.{0,2}/?[^()\n]{1,400}\)\s*")
_STICKER = re.compile(r"\(\( [^\n]{0,80} \)\)\s*")
_SIGNS = re.compile(r"\] Me: |\(- [^\n]{1,200} -\)\s*$|!\[[^\n]*\]\(\./|\(\( ")


def recognizes(head: list[str]) -> bool:
    """Whether a file begins as chat.md does.

    With seconds, WhatsApp in Swedish begins likewise: only "Me", reactions and attachments in
    brackets are Signal's alone.
    """
    first = _HEAD.match(next((line for line in head if line.strip()), ""))
    if first is None or ": " not in f"{first['rest']} ":
        return False
    is_old = bool(first["comma"]) and len(first["clock"]) == len("00:00")
    return is_old or (
        not first["comma"] and any(_SIGNS.search(line) for line in head if _HEAD.match(line))
    )


def read_messages(text: Text, zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of a chat.md in file order, accounting for every line."""

    def head_of(line: str) -> Head | None:
        match = _HEAD.match(line) if line[:1] == "[" else None
        if match is None:
            return None
        try:
            at = datetime.fromisoformat(f"{match['day']} {match['clock']}").replace(tzinfo=zone)
        except ValueError:
            return None
        name, colon, words = f"{match['rest']} ".partition(": ")
        if not colon or len(name) > _MAX_NAME or not clean_name(name):
            return Head(at, "", match["rest"])
        return Head(at, clean_name(name), words[:-1])

    return read_stamped(text(), head_of, settle, account)


def settle(text: str) -> tuple[str, str | None]:
    """Return what somebody wrote: no quote before it, no reactions and attachments behind it.

    >>> settle("네! (- 가람: 👍 -)"), settle("![1.jpg](./media/1.jpg)")
    (('네!', None), ('![1.jpg](./media/1.jpg)', 'photo'))
    """
    plain = _REACTIONS.sub("", text) if text.rstrip().endswith("-)") else text
    plain = _without_quote(plain)
    if "](" not in plain and "((" not in plain:
        return plain, None
    words = _STICKER.sub("", _ATTACHMENT.sub("", plain)).strip()
    if words:
        return words, None
    match = _ATTACHMENT.search(plain)
    return plain, kind_of_file(match["name"]) if match else "emoticon"


def _without_quote(text: str) -> str:
    """Drop the lines that the message answers: they follow an empty first line."""
    lines = text.split("\n")
    if len(lines) < 2 or lines[0].strip():
        return text
    number = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if not lines[number].startswith("> "):
        return text
    while number < len(lines) and (lines[number].startswith(">") or not lines[number].strip()):
        number += 1
    return "\n".join(lines[number:]) or text


READER = Reader(
    "signal_md",
    recognizes,
    read_messages,
    "Signal",
    "with signal-export: chat.md",
    exporter_names=("Me",),
)
