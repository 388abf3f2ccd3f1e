"""Lines of a csv or tsv file -> records, where one damaged line costs no other."""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from chatbot.errors import CorpusError

_DELIMITERS = (",", "\t", ";", "|")
_MAX_CHARS = 4_000_000  # of a record: a quote that never closes would swallow the file
_FIELD_CHARS = 1 << 30


class Record(NamedTuple):
    """A record of a table: the line where it begins, and its fields; None if it is damaged."""

    line: int
    fields: Any


def read_separated(
    lines: Iterator[str], path: Path, is_header: Callable[[list[str]], bool]
) -> Iterator[Record]:
    """Yield the records below the header, which `is_header` recognizes by its columns.

    Raises CorpusError without such a header; `path` is for its message.
    """
    source = _Lines(lines)
    delimiter, columns = _header(source, path, is_header)
    while (start := source.next_line()) is not None:
        if not start.strip():
            continue
        line = source.n_read
        values = _values(source, start, delimiter)
        is_whole = values is not None and len(values) == len(columns)
        yield Record(line, dict(zip(columns, values or (), strict=True)) if is_whole else None)


def _header(
    source: "_Lines", path: Path, is_header: Callable[[list[str]], bool]
) -> tuple[str, list[str]]:
    start = (source.next_line() or "").removeprefix("\ufeff")
    for delimiter in _DELIMITERS:
        columns = _split([start], delimiter)
        if columns and is_header(columns) and len(set(columns)) == len(columns):
            return delimiter, columns
    raise CorpusError(
        f"{path} has no column for questions",
        hint="name its columns in the first line: question,answer or prompt,response",
    )


class _Lines:
    """Lines that can be put back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._returned: deque[str] = deque()
        self.n_read = 0

    def next_line(self) -> str | None:
        """Return the next line, None at the end."""
        line = self._returned.popleft() if self._returned else next(self._lines, None)
        self.n_read += line is not None
        return line

    def put_back(self, lines: list[str]) -> None:
        """Read these lines again."""
        self._returned.extendleft(reversed(lines))
        self.n_read -= len(lines)


def _values(source: _Lines, start: str, delimiter: str) -> list[str] | None:
    """Return the values of the record that begins with a line, None if it is damaged.

    A quoted value may contain line ends. If its quote never closes, only the first line is lost.
    """
    if '"' not in start or not _is_open([start], delimiter):
        return _split([start], delimiter)
    lines, n_chars = [start], len(start)
    while n_chars < _MAX_CHARS and (line := source.next_line()) is not None:
        lines.append(line)
        n_chars += len(line)
        if '"' not in line:  # the quote cannot end here
            continue
        if (is_open := _is_open(lines, delimiter)) is None:
            break
        if not is_open:
            return _split(lines, delimiter)
    source.put_back(lines[1:])
    return None


def _is_open(lines: list[str], delimiter: str) -> bool | None:
    """Whether a quoted value goes on after these lines; None if quotes are in wrong places."""
    csv.field_size_limit(_FIELD_CHARS)
    try:
        next(csv.reader(_ended(lines), delimiter=delimiter, strict=True), None)
    except csv.Error as error:
        return True if "end of data" in str(error) else None
    return False


def _split(lines: list[str], delimiter: str) -> list[str] | None:
    csv.field_size_limit(_FIELD_CHARS)
    try:
        return next(csv.reader(_ended(lines), delimiter=delimiter), None)
    except csv.Error:
        return None


def _ended(lines: list[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)
