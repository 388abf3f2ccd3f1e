"""What the registry knows of a messenger: a reader module, or its folder, offers one of these."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timezone
from typing import Any

from chatbot.conversation import Message
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.archive import ZipRoom
from chatbot.ingest.readers.text import Text
from chatbot.settings.schema import RawConfig


@dataclass(frozen=True)
class RoomItem:
    """An item of a file, its room's id, and what stands before the room's items if it stands alone.

    The header is None for JSON lines.
    """

    room: str
    item: Any
    header: dict[str, Any] | None = None


@dataclass(frozen=True)
class Reader:
    """One family of formats: how to recognize it by its first lines, and how to read it.

    `messenger` and `export_steps`: its name and where it exports a chat, for hints. `room_of` and
    `chunk_of`: what a file's name tells of the room, and of which export the file is which part.
    `exporter_names`: what stands in place of the name of whoever made the export, `unknown_names`
    in place of people who left and of bots. `notice`: lines that the messenger adds to what
    somebody wrote. `cut_chars`: the length at which its phones cut a text. `rooms_in`: the rooms of
    a zip by the names of its entries, [] for another zip. `items_of_rooms`: the items of a file
    that may hold several rooms, each with its room. `configured` returns the reader with what the
    settings say of its files.
    """

    name: str
    recognizes: Callable[[list[str]], bool]
    read: Callable[[Text, timezone, Account], Iterator[Message]]
    messenger: str = ""
    export_steps: str = ""
    room_of: Callable[[str], str] = lambda _stem: ""
    chunk_of: Callable[[str], tuple[str, int] | None] = lambda _stem: None
    exporter_names: tuple[str, ...] = ()
    unknown_names: tuple[str, ...] = ()
    notice: re.Pattern[str] | None = None
    cut_chars: int | None = None
    rooms_in: Callable[[Sequence[str]], list[ZipRoom]] = lambda _names: []
    items_of_rooms: Callable[[Text], Iterator[RoomItem]] | None = None
    configured: Callable[["Reader", RawConfig], "Reader"] = lambda reader, _raw: reader
