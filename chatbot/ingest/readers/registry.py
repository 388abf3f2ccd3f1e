"""The registry of export formats: what is known of every messenger that is read."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timezone

from chatbot.conversation import Message
from chatbot.ingest.readers import kakaotalk, kakaotalk_csv, kakaotalk_names
from chatbot.ingest.readers.account import Account

OpenLines = Callable[[], Iterator[str]]


@dataclass(frozen=True)
class Reader:
    """One family of formats: how to recognize it by its first lines, and how to read it.

    `messenger` and `export_steps`: its name and where it exports a chat, for hints. `room_of` and
    `chunk_of`: what a file's name tells of the room, and of which export the file is which part.
    `exporter_names`: what stands in place of the name of whoever made the export, `unknown_names`
    in place of people who left and of bots. `notice`: lines that the messenger adds to what
    somebody wrote. `cut_chars`: the length at which its phones cut a text.
    """

    name: str
    recognizes: Callable[[list[str]], bool]
    read: Callable[[OpenLines, timezone, Account], Iterator[Message]]
    messenger: str = ""
    export_steps: str = ""
    room_of: Callable[[str], str] = lambda _stem: ""
    chunk_of: Callable[[str], tuple[str, int] | None] = lambda _stem: None
    exporter_names: tuple[str, ...] = ()
    unknown_names: tuple[str, ...] = ()
    notice: re.Pattern[str] | None = None
    cut_chars: int | None = None


READERS = (
    Reader("kakaotalk_csv", kakaotalk_csv.recognizes, kakaotalk_csv.read_messages),
    Reader(
        "kakaotalk",
        kakaotalk.recognizes,
        lambda open_lines, zone, account: kakaotalk.read_messages(open_lines(), zone, account),
        kakaotalk_names.MESSENGER,
        kakaotalk_names.EXPORT_STEPS,
        kakaotalk_names.room_of,
        kakaotalk_names.chunk_of,
        kakaotalk_names.EXPORTER_NAMES,
        kakaotalk_names.UNKNOWN_NAMES,
        kakaotalk_names.NOTICE,
        kakaotalk_names.CUT_CHARS,
    ),
)
MESSENGERS = " or ".join(reader.messenger for reader in READERS if reader.messenger)
EXPORT_STEPS = "; ".join(reader.export_steps for reader in READERS if reader.export_steps)
EXPORTER_NAMES = tuple(name for reader in READERS for name in reader.exporter_names)
UNKNOWN_NAMES = ("", *(name for reader in READERS for name in reader.unknown_names))
NOTICES = tuple(reader.notice for reader in READERS if reader.notice is not None)
CUT_CHARS = tuple(reader.cut_chars for reader in READERS if reader.cut_chars is not None)


def room_of(stem: str) -> str:
    """Return the room that a file's name tells, "" if it tells none."""
    return next(filter(None, (reader.room_of(stem) for reader in READERS)), "")


def chunk_of(stem: str) -> tuple[str, int] | None:
    """Return which export a file is a part of, and which part; None for another name."""
    return next(filter(None, (reader.chunk_of(stem) for reader in READERS)), None)
