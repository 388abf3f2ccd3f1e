"""A JSON text of any size, read in chunks -> its values, those of long arrays one at a time.

The standard library's scanner decodes one value at a place of a buffer. It was twice as fast as
ijson on a chat of 20 MB, and needs no dependency.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

Path = tuple[str, ...]  # the keys down to a value; "*" stands for the index in an array

_DECODER = json.JSONDecoder(strict=False)  # messages contain raw control characters
_GAPS = frozenset(" \t\r\n,:")
_GAP = re.compile(r"[ \t\r\n,:\ufeff]*")
_NEXT_LINE = re.compile(r"\n")
_MAX_BEGIN = 400  # characters of the first key of an item and the space around it
_N_NEAR = 16  # a literal, an escape or a number that the end of a chunk may have cut
_MAX_VALUE_CHARS = 64 << 20


@dataclass(frozen=True)
class Broken:
    """What stands in place of values that are no JSON: how many characters were passed over.

    `is_cut`: the text ends inside a value or before its arrays and objects are closed.
    """

    n_chars: int
    is_cut: bool = False


class _CutOff(Exception):  # noqa: N818 it is no error: the file ends
    """The text ends inside a value."""


class _Invalid(Exception):  # noqa: N818 the reader passes over it
    """The text is no JSON here."""


def walk(chunks: Iterable[str], *arrays: Path) -> Iterator[tuple[Path, Any]]:
    """Yield (path, value) in the order of the text; objects and arrays above `arrays` are opened.

    The items of `arrays` and everything beside them come whole. Never raises: what is no JSON
    comes as `Broken`, and reading continues at the next object that begins as its neighbours do.

    >>> list(walk(['{"name": "a", "chats": [{"id": 1}, {"i', 'd": 2}]}'], ("chats", "*")))
    [(('name',), 'a'), (('chats', '*'), {'id': 1}), (('chats', '*'), {'id': 2})]
    """
    opened = {array[:n] for array in arrays for n in range(len(array))}
    walker = _Walker(iter(chunks), opened)
    try:
        yield from walker.value(())
    except _CutOff:
        yield (), Broken(walker.n_left(), is_cut=True)
    except _Invalid:
        yield (), Broken(1)
    yield from walker.rest()


class _Walker:
    """The buffer and the place in it. Consumed text is forgotten when the buffer is refilled."""

    def __init__(self, chunks: Iterator[str], opened: set[Path]) -> None:
        self._chunks = chunks
        self._opened = opened
        self._text = ""
        self._at = 0
        self._array: Path = ()  # whose items came last, and how they begin
        self._begin: re.Pattern[str] | None = None

    def n_left(self) -> int:
        """Count the characters that are left, apart from space, and pass over them."""
        rest = chain((self._text[self._at :],), self._chunks)
        n_chars = sum(len(part.strip()) for part in rest)
        self._text, self._at = "", 0
        return n_chars

    def rest(self) -> Iterator[tuple[Path, Any]]:
        """Yield what follows the end: JSON lines, or items after a stray bracket."""
        while True:
            try:
                char = self._peek()
                if char in "]}":
                    self._at += 1
                elif char == "{":
                    yield self._array, self._decode()
                else:
                    raise _Invalid
            except _Invalid:
                yield self._array, Broken(self._skip())
            except _CutOff:
                if n_chars := self.n_left():
                    yield self._array, Broken(n_chars, is_cut=True)
                return

    def value(self, path: Path) -> Iterator[tuple[Path, Any]]:
        """Yield the values inside the next value, or the value itself if it is not opened."""
        char = self._peek()
        if path in self._opened and char in "{[":
            self._at += 1
            yield from self._members(path) if char == "{" else self._items(path)
        else:
            yield path, self._decode()

    def _members(self, path: Path) -> Iterator[tuple[Path, Any]]:
        while self._peek() != "}":
            try:
                if self._text[self._at] == "{":  # an item after a stray bracket
                    yield self._array, self._decode()
                    continue
                key = self._decode()
                if not isinstance(key, str):
                    raise _Invalid
                yield from self.value((*path, key))
            except _Invalid:
                yield path, Broken(self._skip())
        self._at += 1

    def _items(self, path: Path) -> Iterator[tuple[Path, Any]]:
        inner = (*path, "*")
        is_opened = inner in self._opened
        if self._peek() != "]" and not is_opened:
            self._array, self._begin = inner, self._beginning()
        while self._peek() != "]":
            try:
                if is_opened:
                    yield from self.value(inner)
                else:
                    yield inner, self._decode()
            except _Invalid:
                yield inner, Broken(self._skip())
        self._at += 1

    def _peek(self) -> str:
        """Pass over space, commas and colons; return the next character."""
        if self._at < len(self._text) and (char := self._text[self._at]) not in _GAPS:
            return char
        while True:
            gap = _GAP.match(self._text, self._at)
            self._at = gap.end() if gap else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            self._refill()

    def _refill(self) -> None:
        parts = [self._text[self._at :]]
        n_chars = 0
        for chunk in self._chunks:
            parts.append(chunk)
            n_chars += len(chunk)
            if n_chars >= len(parts[0]):  # doubled, so that a long value is scanned a few times
                break
        if not n_chars:
            raise _CutOff
        self._text, self._at = "".join(parts), 0

    def _decode(self) -> Any:
        """Return the value that begins here."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if not self._may_go_on(error):
                    raise _Invalid from None
                self._refill()
                continue
            # A number at the end of a chunk may go on in the next.
            if end < len(self._text) or self._text[end - 1] in '}]"' or not self._has_more():
                self._at = end
                return value

    def _has_more(self) -> bool:
        try:
            self._refill()
        except _CutOff:
            return False
        return True

    def _may_go_on(self, error: Exception) -> bool:
        """Whether an error may only mean that the value continues in the next chunk."""
        if len(self._text) - self._at > _MAX_VALUE_CHARS:
            return False
        if isinstance(error, json.JSONDecodeError):
            is_open_string = error.msg.startswith("Unterminated string")
            return is_open_string or error.pos >= len(self._text) - _N_NEAR
        return False  # too deep, or a number of thousands of digits

    def _beginning(self) -> re.Pattern[str] | None:
        """Return the pattern of where an item like the next one begins: its space and first key."""
        while len(self._text) - self._at < _MAX_BEGIN and self._has_more():
            pass
        match = re.compile(r"\{(\s*)(\"[^\"\\]*\")\s*:").match(self._text, self._at)
        if match is None:
            return None
        return re.compile(r"(?=\{" + re.escape(match[1]) + re.escape(match[2]) + r"\s*:)")

    def _skip(self) -> int:
        """Pass over what is no JSON; return the number of characters.

        Ends before the next item, if the items of the array begin alike, else at the next line.
        """
        pattern = self._begin or _NEXT_LINE
        n_chars, self._at = 1, self._at + 1
        while (match := pattern.search(self._text, self._at)) is None:
            overlap = min(len(self._text) - self._at, _MAX_BEGIN)
            n_chars += len(self._text) - self._at - overlap
            self._at = len(self._text) - overlap
            if not self._has_more():
                self._at = len(self._text)
                return n_chars + overlap
        n_chars += match.end() - self._at
        self._at = match.end()
        return n_chars
