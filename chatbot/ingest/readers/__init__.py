"""An export of any messenger -> messages: files, zips, and exports split into chunks."""

import contextlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone
from functools import partial
from pathlib import Path
from typing import IO

from chatbot.conversation import Message
from chatbot.errors import ExportError
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.reader import Reader
from chatbot.ingest.readers.recognize import FileKind, binary_kind, other_kind
from chatbot.ingest.readers.registry import MESSENGERS, READERS
from chatbot.ingest.readers.text import (
    OpenBytes,
    Text,
    composed,
    detect_encoding,
    is_decomposed,
    read_head,
    shape_of,
    zip_name,
)
from chatbot.settings.schema import RawConfig

KST = timezone(timedelta(hours=9), "KST")

_MAX_TEXT_BYTES = 4 << 30
_MAX_INNER_BYTES = 256 << 20  # held in memory
# Chats shrink to a third or a tenth; deflate can reach a thousandth.
_MAX_SMALL_BYTES = 16 << 20
_MAX_RATIO = 200
_MAX_LOOKS = 1_000_000  # texts times entries: 30 chunks beside 30,000 pictures

_TEXT_ENDINGS = (".txt", ".csv", ".json", ".jsonl", ".md")
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


@dataclass(frozen=True)
class TextPart:
    """One readable text inside an export: the file itself, or an entry of a zip."""

    text: Text
    n_undecodable: int
    reader: Reader
    path: Path  # name inside the zip, if it is in a zip


def read_messages(
    path: Path,
    *,
    raw: RawConfig | None = None,
    zone: timezone = KST,
    account: Account | None = None,
) -> Iterator[Message]:
    """Yield the messages of an export in the order of the file, streaming.

    A zip is read entry by entry, chunks in their order. `account` counts the lines; `raw` are the
    settings of formats. Raises ExportError if no reader recognizes the file.
    """
    return read_parts(find_parts(path, raw), zone, account if account is not None else Account())


def read_parts(parts: Iterable[TextPart], zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of the texts that `find_parts` returned, as `read_messages` does."""
    for part in parts:
        account.dialect = account.dialect or part.reader.name
        account.encoding = account.encoding or part.text.encoding
        account.n_undecodable += part.n_undecodable
        try:
            yield from part.reader.read(part.text, zone, account)
        except _ZIP_ERRORS as error:
            raise _damaged_zip() from error


def _damaged_zip() -> ExportError:
    return ExportError("the zip is damaged or cut off", hint="copy it again")


def find_parts(path: Path, raw: RawConfig | None = None) -> list[TextPart]:
    """Return the readable texts of an export in order; raises ExportError if there is none.

    `raw` are the settings of formats (the defaults if None).
    """
    if not path.is_file():
        raise ExportError("no such export", hint="check the path")
    if kind := binary_kind(path):
        raise _other(kind)
    settings = raw or RawConfig()
    readers = [reader.configured(reader, settings) for reader in READERS]
    if zipfile.is_zipfile(path):
        parts = _zip_parts(path, readers)
    else:
        parts = [part] if (part := _part(partial(_open_file, path), path, readers)) else []
    if not parts and (kind := other_kind(path)):
        raise _other(kind)
    if not parts:
        raise ExportError(
            f"unrecognized export; its first lines look like {_shapes(path)}",
            hint=f"export the chat as text from {MESSENGERS} (txt, csv, or the zip a phone makes)",
        )
    return parts


def _other(kind: FileKind) -> ExportError:
    return ExportError(f"it is {kind.name}", hint=kind.advice)


def _part(open_bytes: OpenBytes, path: Path, readers: Sequence[Reader]) -> TextPart | None:
    encoding, n_undecodable = detect_encoding(open_bytes)
    head = read_head(open_bytes, encoding)
    text = Text(open_bytes, encoding, is_decomposed(head))
    head = list(composed(head)) if text.is_decomposed else head
    reader = next((reader for reader in readers if reader.recognizes(head)), None)
    return TextPart(text, n_undecodable, reader, path) if reader else None


@contextlib.contextmanager
def _open_file(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as stream:
        yield stream


@contextlib.contextmanager
def _open_entry(open_zip: OpenBytes, entry: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    with open_zip() as file, zipfile.ZipFile(file) as archive, archive.open(entry) as stream:
        yield stream


@contextlib.contextmanager
def _open_inner(open_zip: OpenBytes, entry: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Open a zip inside a zip; it is read whole, because its directory is at its end."""
    with _open_entry(open_zip, entry) as stream:
        yield io.BytesIO(stream.read())


def _zip_parts(path: Path, readers: Sequence[Reader]) -> list[TextPart]:
    allowance = _Allowance(
        min(_MAX_TEXT_BYTES, max(_MAX_SMALL_BYTES, _MAX_RATIO * path.stat().st_size))
    )
    try:
        return list(_parts_of_zip(partial(_open_file, path), allowance, readers, is_inner=False))
    except _ZIP_ERRORS as error:
        raise _damaged_zip() from error


@dataclass
class _Allowance:
    """The bytes that may still be unpacked from a zip and the zips inside it."""

    n_bytes: int

    def take(self, chosen: list[zipfile.ZipInfo], n_entries: int) -> None:
        """Count entries before any is read; raises ExportError if they are too large for a chat.

        At most the size that an entry claims is unpacked. Opening an entry takes time for every
        entry of the zip.
        """
        self.n_bytes -= sum(entry.file_size for entry in chosen)
        if self.n_bytes < 0 or len(chosen) * n_entries > _MAX_LOOKS:
            raise _bomb()


def _bomb() -> ExportError:
    return ExportError("the zip unpacks to too much", hint="unpack it and add the txt files")


def _parts_of_zip(
    open_zip: OpenBytes, allowance: _Allowance, readers: Sequence[Reader], *, is_inner: bool
) -> Iterator[TextPart]:
    """Yield the texts of a zip in order; if it has none, those of the zips directly inside it.

    Next to a chat, an inner zip is an attachment that somebody sent.
    """
    with open_zip() as file, zipfile.ZipFile(file) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if any(entry.flag_bits & 1 for entry in entries):
        raise ExportError("the zip has a password", hint="unpack it and add the txt file")
    entries.sort(key=lambda entry: _natural(zip_name(entry)))
    has_text = False
    texts = _ending_with(_TEXT_ENDINGS, entries)
    allowance.take(texts, len(entries))
    for entry in texts:
        open_entry = partial(_open_entry, open_zip, entry)
        if part := _part(open_entry, Path(zip_name(entry)), readers):
            has_text = True
            yield part
    inner = [] if is_inner or has_text else _ending_with((".zip",), entries)
    allowance.take(inner, len(entries))
    for entry in inner:
        if entry.file_size > _MAX_INNER_BYTES:
            raise _bomb()
        open_inner = partial(_open_inner, open_zip, entry)
        yield from _parts_of_zip(open_inner, allowance, readers, is_inner=True)


def _ending_with(endings: tuple[str, ...], entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    return [entry for entry in entries if zip_name(entry).lower().endswith(endings)]


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key that puts chunk 2 before chunk 10, and a file without a number first."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _shapes(path: Path) -> str:
    """Describe what the first lines look like, without their text."""
    open_bytes = partial(_open_file, path)
    lines = read_head(open_bytes, detect_encoding(open_bytes)[0])
    return " / ".join([shape_of(line) for line in lines if line.strip()][:3])
