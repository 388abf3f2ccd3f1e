"""A zip that holds an export -> its texts, opened as often as needed while its index is kept."""

import contextlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from chatbot.errors import ExportError
from chatbot.ingest.readers.text import OpenBytes, Text, decoded_chunks, zip_name

ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError),
    UnicodeDecodeError,  # a damaged name of an entry; texts are decoded with replacements
)
_MAX_TEXT_BYTES = 4 << 30
_MAX_INNER_BYTES = 256 << 20  # held in memory
# Chats shrink to a third or a tenth; deflate can reach a thousandth.
_MAX_SMALL_BYTES = 16 << 20
_MAX_RATIO = 200
_MAX_LOOKS = 200_000
_UTF8 = "utf-8-sig"


@dataclass
class Archive:
    """A zip, which stays open while any of its texts is read or `held`."""

    open_bytes: OpenBytes
    entries: dict[str, zipfile.ZipInfo] = field(default_factory=dict)
    _zip: zipfile.ZipFile | None = None
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _n_users: int = 0

    @contextlib.contextmanager
    def held(self) -> Iterator[zipfile.ZipFile]:
        """Keep the zip open: to read its index again for each of 10,000 texts takes hours."""
        if self._zip is None:
            stream = self._stack.enter_context(self.open_bytes())
            self._zip = self._stack.enter_context(zipfile.ZipFile(stream))
        self._n_users += 1
        try:
            yield self._zip
        finally:
            self._n_users -= 1
            if not self._n_users:
                self._zip = None
                self._stack.close()

    def read_index(self) -> None:
        """Fill `entries`, by their names in natural order; raises ExportError for a password."""
        with self.held() as opened:
            infos = [info for info in opened.infolist() if not info.is_dir()]
        if any(info.flag_bits & 1 for info in infos):
            raise ExportError("the zip has a password", hint="unpack it and add the txt file")
        infos.sort(key=lambda info: _natural(zip_name(info)))
        self.entries = {zip_name(info): info for info in infos}

    def open(self, name: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Open an entry."""
        return self._opened(self.entries[name])

    @contextlib.contextmanager
    def _opened(self, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
        with self.held() as archive, archive.open(info) as stream:
            yield stream

    def inner(self, name: str) -> "Archive":
        """Return a zip inside this one; raises ExportError if it is too large."""
        if self.entries[name].file_size > _MAX_INNER_BYTES:
            raise too_large()
        return Archive(partial(self._open_whole, name))

    @contextlib.contextmanager
    def _open_whole(self, name: str) -> Iterator[IO[bytes]]:
        """Open a zip inside a zip; it is read whole, because its directory is at its end."""
        with self.open(name) as stream:
            yield io.BytesIO(stream.read())

    def ending_with(self, endings: tuple[str, ...]) -> list[str]:
        """Return the names of the entries with these endings."""
        return [name for name in self.entries if name.lower().endswith(endings)]


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes."""
    with path.open("rb") as stream:
        yield stream


@dataclass(frozen=True)
class ZipRoom:
    """A room of a zip: its name there, its texts in order, and texts that all rooms share."""

    name: str
    entries: tuple[str, ...]
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoomText(Text):
    """The texts of a room in a zip, opened one after the other."""

    archive: Archive = field(kw_only=True)
    room: ZipRoom = field(kw_only=True)

    @property
    def name(self) -> str:
        """What the zip calls the room."""
        return self.room.name

    def documents(self) -> Iterator[Iterator[str]]:
        """Yield the chunks of each text of the room."""
        for name in self.room.entries:
            yield decoded_chunks(partial(self.archive.open, name), _UTF8)

    def shared(self, name: str) -> Iterator[str]:
        """Yield the chunks of a text that the rooms share, by the last part of its name."""
        for entry in self.room.shared:
            if entry.rpartition("/")[2] == name:
                yield from decoded_chunks(partial(self.archive.open, entry), _UTF8)


@dataclass
class Allowance:
    """The bytes that may still be unpacked from a zip and the zips inside it."""

    n_bytes: int

    @classmethod
    def of(cls, path: Path) -> "Allowance":
        """Return that of a zip of this size."""
        n_bytes = max(_MAX_SMALL_BYTES, _MAX_RATIO * path.stat().st_size)
        return cls(min(_MAX_TEXT_BYTES, n_bytes))

    def take(self, archive: Archive, names: list[str]) -> None:
        """Count entries before any is read; raises ExportError if they are too large for a chat.

        At most the size that an entry claims is unpacked.
        """
        self.n_bytes -= sum(archive.entries[name].file_size for name in names)
        if self.n_bytes < 0 or len(names) > _MAX_LOOKS:
            raise too_large()


def too_large() -> ExportError:
    """Return the error for a zip that unpacks to more than a chat can be."""
    return ExportError("the zip unpacks to too much", hint="unpack it and add the txt files")


def damaged_zip() -> ExportError:
    """Return the error for a zip that cannot be read to its end."""
    return ExportError("the zip is damaged or cut off", hint="copy it again")


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key that puts chunk 2 before chunk 10, and a file without a number first."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
