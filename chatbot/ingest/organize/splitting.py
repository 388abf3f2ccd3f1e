"""An export of several rooms -> one export for each, as the same messenger would write it alone."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatbot.ingest.readers import TextPart, held
from chatbot.ingest.readers.archive import Archive, RoomText, ZipRoom
from chatbot.ingest.readers.reader import RoomItem

_BLOCK = 1 << 20
_MAX_HELD = 1 << 20  # characters of lines before they are written


def split_rooms(parts: list[TextPart], folder: Path) -> list[Path]:
    """Write the rooms of an export into a folder, one file each; [] if it is of one room.

    The same export is always split into the same files.
    """
    rooms = [part.text for part in parts if isinstance(part.text, RoomText)]
    if len(rooms) > 1 and len(rooms) == len(parts):
        folder.mkdir(parents=True)
        with held(parts):
            return list(_split_zip(rooms, folder))
    items_of = parts[0].reader.items_of_rooms
    if len(parts) > 1 or items_of is None or not _has_two(items_of(parts[0].text)):
        return []
    folder.mkdir(parents=True)
    return _split_items(items_of(parts[0].text), folder)


def _has_two(items: Iterator[RoomItem]) -> bool:
    first = next(items, None)
    return first is not None and any(each.room != first.room for each in items)


def _split_zip(rooms: list[RoomText], folder: Path) -> Iterator[Path]:
    for number, text in enumerate(rooms, 1):
        path = folder / f"{number:04}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in _entries_of(text.room):
                _copy_entry(text.archive, name, archive)
        yield path


def _entries_of(room: ZipRoom) -> list[str]:
    return [*dict.fromkeys((*room.shared, *room.entries))]


def _copy_entry(source: Archive, name: str, target: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo(name)  # always of the same date
    info.compress_type = zipfile.ZIP_DEFLATED
    with source.open(name) as stream, target.open(info, "w", force_zip64=True) as copy:
        shutil.copyfileobj(stream, copy, _BLOCK)


@dataclass
class _RoomFile:
    """The file of a room, which is appended to: a thousand rooms are too many to hold open."""

    path: Path
    is_array: bool
    held: list[str] = field(default_factory=list)
    n_held: int = 0
    n_items: int = 0

    def add(self, item: Any) -> None:
        """Append an item."""
        begin = ",\n" if self.is_array and self.n_items else "\n" if self.is_array else ""
        line = begin + json.dumps(item, ensure_ascii=True) + ("" if self.is_array else "\n")
        self.n_items += 1
        self._hold(line)

    def begin(self, header: dict[str, Any]) -> None:
        """Write the values that stand before the items of an array."""
        inside = json.dumps(header, ensure_ascii=True)[1:-1]
        self._hold(f'{{{inside}, "messages": [')

    def end(self) -> None:
        """Write what is held, and close the array."""
        if self.is_array:
            self._hold("\n]}\n")
        self._write()

    def _hold(self, text: str) -> None:
        self.held.append(text)
        self.n_held += len(text)
        if self.n_held > _MAX_HELD:
            self._write()

    def _write(self) -> None:
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write("".join(self.held))
        self.held, self.n_held = [], 0


def _split_items(items: Iterator[RoomItem], folder: Path) -> list[Path]:
    files: dict[str, _RoomFile] = {}
    for each in items:
        room = files.get(each.room)
        if room is None:
            ending = "json" if each.header is not None else "jsonl"
            path = folder / f"{len(files) + 1:04}.{ending}"
            room = files[each.room] = _RoomFile(path, each.header is not None)
            if each.header is not None:
                room.begin(each.header)
        room.add(each.item)
    for room in files.values():
        room.end()
    return [room.path for room in files.values()]
