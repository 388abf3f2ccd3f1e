"""Answers that are not complete yet: a line of JSON each, so that a stopped job continues."""

import os
from pathlib import Path

import msgspec

from chatbot.errors import ConfigError
from chatbot.storage.files import explained, sync_file

_SYNC_EVERY = 50  # lines: a power failure costs no more


class Answer(msgspec.Struct, frozen=True):
    """An answer to a row: its text, and the ids of the rows it rests on.

    `is_handed_over`: a person has to answer, and the text says so. `is_cut`: it has as many tokens
    as an answer may have, and would go on.
    """

    text: str
    sources: tuple[str, ...] = ()
    is_handed_over: bool = False
    is_cut: bool = False


class Entry(msgspec.Struct, frozen=True):
    """A line: the key of a row, its seed and its answer."""

    key: str
    seed: int
    answer: Answer


class _Head(msgspec.Struct, frozen=True):
    """The first line: what answers, as a hash of model and settings."""

    answerer: str


class Journal:
    """Appends entries to a file, and returns those of a job that was stopped.

    Raises ConfigError if those are of another model or of other settings.
    """

    def __init__(self, path: Path, answerer: str) -> None:
        self._path = path
        self._places: dict[str, int] = {}
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        if self._end_of_valid_lines(answerer) == 0:
            self._append(_Head(answerer))

    def _end_of_valid_lines(self, answerer: str) -> int:
        """Index the entries, and cut off what a killed process wrote in part."""
        self._file.seek(0)
        end = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                if end == 0:
                    self._require_same(msgspec.json.decode(line, type=_Head), answerer)
                else:
                    self._places[msgspec.json.decode(line, type=Entry).key] = end
            except (msgspec.DecodeError, UnicodeError):
                break
            end += len(line)
        self._file.truncate(end)
        return end

    def _require_same(self, head: _Head, answerer: str) -> None:
        if head.answerer != answerer:
            self._file.close()
            raise ConfigError(
                "these answers were begun by another model, or with other settings",
                hint=f"delete {self._path} to begin again",
            )

    def __contains__(self, key: str) -> bool:
        """Whether a row is answered."""
        return key in self._places

    def __len__(self) -> int:
        """Return the number of rows that are answered."""
        return len(self._places)

    def __getitem__(self, key: str) -> Entry:
        """Return the entry of a row."""
        self._file.seek(self._places[key])
        return msgspec.json.decode(self._file.readline(), type=Entry)

    def add(self, entry: Entry) -> None:
        """Append an entry."""
        self._places[entry.key] = self._append(entry)
        if len(self._places) % _SYNC_EVERY == 0:
            sync_file(self._file.fileno())

    def _append(self, value: msgspec.Struct) -> int:
        """Append a line; return where it begins."""
        with explained(self._path):
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(msgspec.json.encode(value) + b"\n")
            self._file.flush()
        return start

    def close(self) -> None:
        """End writing; the file remains."""
        self._file.close()

    def remove(self) -> None:
        """Delete the file: everything in it stands elsewhere now."""
        self.close()
        self._path.unlink(missing_ok=True)
