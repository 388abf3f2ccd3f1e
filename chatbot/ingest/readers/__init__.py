"""An export of any messenger -> messages: files, zips, and exports split into chunks."""

import contextlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from functools import partial
from pathlib import Path

from chatbot.conversation import Message
from chatbot.errors import ExportError
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.archive import (
    ZIP_ERRORS,
    Allowance,
    Archive,
    RoomText,
    damaged_zip,
    open_file,
    too_large,
)
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
)
from chatbot.settings.schema import RawConfig

KST = timezone(timedelta(hours=9), "KST")

_TEXT_ENDINGS = (".txt", ".csv", ".json", ".jsonl", ".md")
_MAX_STRANGE = 5_000  # texts of a zip that are looked at before the first chat


@dataclass(frozen=True)
class TextPart:
    """One readable text inside an export: the file itself, or an entry of a zip."""

    text: Text
    n_undecodable: int
    reader: Reader
    path: Path  # name inside the zip, if it is in a zip
    archive: Archive | None = None


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


def read_parts(parts: Sequence[TextPart], zone: timezone, account: Account) -> Iterator[Message]:
    """Yield the messages of the texts that `find_parts` returned, as `read_messages` does."""
    with held(parts):
        for part in parts:
            account.dialect = account.dialect or part.reader.name
            account.encoding = account.encoding or part.text.encoding
            account.n_undecodable += part.n_undecodable
            try:
                yield from part.reader.read(part.text, zone, account)
            except ZIP_ERRORS as error:
                raise damaged_zip() from error


@contextlib.contextmanager
def held(parts: Sequence[TextPart]) -> Iterator[None]:
    """Keep the zips of texts open inside the block."""
    archives = {id(part.archive): part.archive for part in parts if part.archive is not None}
    with contextlib.ExitStack() as stack:
        for archive in archives.values():
            stack.enter_context(archive.held())
        yield


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
        parts = [part] if (part := _part(partial(open_file, path), path, readers)) else []
    if not parts and (kind := other_kind(path)):
        raise _other(kind)
    if not parts:
        raise ExportError(
            f"unrecognized export; its first lines look like {_shapes(path)}",
            hint=f"export the chat from {MESSENGERS}: docs/exports.md has the steps",
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


def _zip_parts(path: Path, readers: Sequence[Reader]) -> list[TextPart]:
    archive, allowance = Archive(partial(open_file, path)), Allowance.of(path)
    try:
        return list(_parts_of_zip(archive, allowance, readers, is_inner=False))
    except ZIP_ERRORS as error:
        raise damaged_zip() from error


def _parts_of_zip(
    archive: Archive, allowance: Allowance, readers: Sequence[Reader], *, is_inner: bool
) -> Iterator[TextPart]:
    """Yield the texts of a zip in order; if it has none, those of the zips directly inside it.

    Next to a chat, an inner zip is an attachment that somebody sent.
    """
    with archive.held():
        archive.read_index()
        parts = list(_room_parts(archive, allowance, readers))
        claimed = {name for part in parts for name in _entries_of(part)}
        texts = [name for name in archive.ending_with(_TEXT_ENDINGS) if name not in claimed]
        allowance.take(archive, texts)
        for n_looked, name in enumerate(texts):
            if part := _part(partial(archive.open, name), Path(name), readers):
                parts.append(replace(part, archive=archive))
            elif n_looked == _MAX_STRANGE and not parts:
                raise too_large()
        yield from parts
        inner = [] if is_inner or parts else archive.ending_with((".zip",))
        allowance.take(archive, inner)
        for name in inner:
            yield from _parts_of_zip(archive.inner(name), allowance, readers, is_inner=True)


def _room_parts(
    archive: Archive, allowance: Allowance, readers: Sequence[Reader]
) -> Iterator[TextPart]:
    """Yield the rooms of a zip whose layout a reader knows."""
    for reader in readers:
        for room in reader.rooms_in(list(archive.entries)):
            allowance.take(archive, [*room.entries, *room.shared])
            opened = partial(archive.open, room.entries[0])
            text = RoomText(opened, archive=archive, room=room)
            yield TextPart(text, 0, reader, Path(room.entries[0]), archive)


def _entries_of(part: TextPart) -> tuple[str, ...]:
    room = part.text.room if isinstance(part.text, RoomText) else None
    return (*room.entries, *room.shared) if room else ()


def _shapes(path: Path) -> str:
    """Describe what the first lines look like, without their text."""
    open_bytes = partial(open_file, path)
    lines = read_head(open_bytes, detect_encoding(open_bytes)[0])
    return " / ".join([shape_of(line) for line in lines if line.strip()][:3])
