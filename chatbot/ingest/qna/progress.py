"""How far an extraction has come: a file beside the incomplete output, replaced after each page."""

import csv
import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from chatbot.ingest.qna.rows import HEADER, QnaRow, csv_values
from chatbot.settings.qna import QnaSourceConfig
from chatbot.storage.files import explained, sync_directory, sync_file, write_bytes

# Rows and characters in memory: an answer may have 1 MB.
_N_AT_ONCE, _CHARS_AT_ONCE = 500, 1_000_000


class Account(msgspec.Struct, kw_only=True):
    """What became of the rows: read = written + dropped; `notes` are counts of changed values."""

    n_read: int = 0
    n_written: int = 0
    dropped: dict[str, int] = msgspec.field(default_factory=dict)
    notes: dict[str, int] = msgspec.field(default_factory=dict)

    def drop(self, reason: str, n_rows: int = 1) -> None:
        """Count rows that are not written."""
        if n_rows:
            self.dropped[reason] = self.dropped.get(reason, 0) + n_rows

    def note(self, change: str) -> None:
        """Count a changed value."""
        self.notes[change] = self.notes.get(change, 0) + 1

    def copy(self) -> "Account":
        """Return an account that is counted on its own."""
        return msgspec.structs.replace(self, dropped=dict(self.dropped), notes=dict(self.notes))


class Progress(msgspec.Struct, kw_only=True):
    """A state that an extraction continues from: `last` key, size of the output up to there."""

    fingerprint: str
    last: int | str | None = None
    size_bytes: int = 0
    account: Account = msgspec.field(default_factory=Account)


def fingerprint_of(source: QnaSourceConfig) -> str:
    """Return a hash of the settings that decide which rows are written."""
    reading = msgspec.structs.replace(source, page_rows=1, retries=0)
    return hashlib.sha256(msgspec.json.encode(reading)).hexdigest()


class Output:
    """The csv of an extraction: `path` itself appears only when it is complete."""

    def __init__(self, path: Path, source: QnaSourceConfig) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        self._state = path.with_name(f"{path.name}.progress")
        self.progress = self._begun(fingerprint_of(source))
        self.is_continued = self.progress.last is not None
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._part.touch(mode=0o600)
            self._file = self._part.open("r+b")
        self.rewind()

    def _begun(self, fingerprint: str) -> Progress:
        """Return the saved progress if it is of these settings and of the file as it is."""
        try:
            saved = msgspec.json.decode(self._state.read_bytes(), type=Progress)
            is_whole = self._part.stat().st_size >= saved.size_bytes
        except (OSError, msgspec.DecodeError):
            return Progress(fingerprint=fingerprint)
        is_same = saved.fingerprint == fingerprint
        return saved if is_same and is_whole else Progress(fingerprint=fingerprint)

    def rewind(self) -> None:
        """Drop what was written after the last saved progress."""
        saved = self.progress
        self.account = saved.account.copy()
        self._file.truncate(saved.size_bytes)
        self._file.seek(saved.size_bytes)
        if not saved.size_bytes:
            self.write([HEADER])

    def write(self, values: Iterable[tuple[str, ...]]) -> None:
        """Write rows."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(values)
        with explained(self._path):
            self._file.write(text.getvalue().encode())

    def add(self, rows: Iterable[QnaRow]) -> None:
        """Write rows, a few at a time, and count them."""
        batch: list[tuple[str, ...]] = []
        n_chars = 0
        for row in rows:
            batch.append(csv_values(row))
            n_chars += len(row.question) + len(row.answer)
            if len(batch) == _N_AT_ONCE or n_chars > _CHARS_AT_ONCE:
                self._count_written(batch)
                batch, n_chars = [], 0
        self._count_written(batch)

    def _count_written(self, batch: list[tuple[str, ...]]) -> None:
        self.write(batch)
        self.account.n_written += len(batch)

    def save(self, last: int | str) -> None:
        """Put what was written on disk, then remember that all rows up to a key are in it."""
        with explained(self._path):
            self._file.flush()
            sync_file(self._file.fileno())
        self.progress = msgspec.structs.replace(
            self.progress, last=last, size_bytes=self._file.tell(), account=self.account.copy()
        )
        write_bytes(self._state, msgspec.json.encode(self.progress), mode=0o600)

    def finish(self) -> None:
        """Give the output its name."""
        with explained(self._path):
            self._file.flush()
            sync_file(self._file.fileno())
            self._file.close()
            os.replace(self._part, self._path)  # noqa: PTH105 as everywhere, after fsync
            self._state.unlink(missing_ok=True)
            sync_directory(self._path.parent)

    def __enter__(self) -> Self:
        """Return the open output."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Close the output; what is incomplete stays, to be continued."""
        del kind, error
        self._file.close()
