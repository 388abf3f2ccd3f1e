"""The text form of age files: base64 in lines of 64 between BEGIN and END, strictly."""

import base64
import binascii
import io
import re
from collections.abc import Iterator
from typing import IO

from chatbot.errors import CryptoError

_BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
_END = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_MAX_BLANK = 1024  # white space allowed around the text
_FULL = re.compile(rb"[A-Za-z0-9+/]{64}")


def is_armored(source: IO[bytes]) -> bool:
    """Whether a seekable file is in the text form; its position is reset to the beginning."""
    start = source.tell()
    head = source.read(_MAX_BLANK + len(_BEGIN))
    source.seek(start)
    return b"-----" in head and not head.startswith(b"age-encryption.org/")


def armored(content: bytes) -> bytes:
    """Return the text form of an age file."""
    text = base64.b64encode(content)
    lines = [text[i : i + _COLUMNS] for i in range(0, len(text), _COLUMNS)]
    return b"\n".join([_BEGIN, *lines, _END, b""])


def unarmored(source: IO[bytes]) -> io.RawIOBase:
    """Return a stream of the bytes behind the text form; raises CryptoError as it is read."""
    return _Pieces(_decoded(source))


class _Pieces(io.RawIOBase):
    """A stream of the bytes that an iterator yields."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        n = min(len(buffer), len(self._rest))
        buffer[:n], self._rest = self._rest[:n], self._rest[n:]
        return n


def _decoded(source: IO[bytes]) -> Iterator[bytes]:
    lines = _lines(source)
    if next((line for line in lines if line.strip()), b"").rstrip(b"\r") != _BEGIN:
        raise _damaged()
    is_short = False
    for line in lines:
        line = line.removesuffix(b"\r")
        if line == _END:
            break
        if is_short or not line or len(line) > _COLUMNS:
            raise _damaged()
        is_short = not _FULL.fullmatch(line)
        yield _decode(line)
    else:
        raise _damaged()
    if any(line.strip() for line in lines):
        raise _damaged()


def _lines(source: IO[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends; white space around the whole is limited."""
    n_blank = 0
    while line := source.readline(_MAX_BLANK):
        n_blank += 0 if line.strip() else len(line)
        if n_blank > _MAX_BLANK:
            raise _damaged()
        yield line.removesuffix(b"\n")


def _decode(line: bytes) -> bytes:
    try:
        content = base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise _damaged() from error
    if base64.b64encode(content) != line:
        raise _damaged()
    return content


def _damaged() -> CryptoError:
    return CryptoError(
        "the encrypted file's armor is damaged",
        hint="copy the whole text, from BEGIN to END, or ask for the file again",
    )
