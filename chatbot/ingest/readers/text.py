"""Bytes of an export -> lines, for every encoding and line ending that phones and PCs write."""

import codecs
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import IO

OpenBytes = Callable[[], AbstractContextManager[IO[bytes]]]

# Invisible characters before headers and names: byte order mark, zero-width space, marks.
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200e\u200f\u2060"))
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 1 << 20
_HEAD_BYTES = 1 << 18
_HEAD_LINES = 60
_JAMO = re.compile("[\u1100-\u11ff]")
_JSON_START = re.compile(r'[\ufeff\s]*(?:\{\s*"|\[\s*\{\s*")')


@dataclass(frozen=True)
class Text:
    """A text of an export; each call opens it again, and yields its lines.

    `is_decomposed`: its Hangul is decomposed, as a Mac does, and lines are composed again.
    """

    open_bytes: OpenBytes
    encoding: str = "utf-8-sig"
    is_decomposed: bool = False

    @property
    def name(self) -> str:
        """What the container of the text calls its room, "" for a file."""
        return ""

    def __call__(self) -> Iterator[str]:
        """Yield lines without line endings."""
        lines = read_lines(self.open_bytes, self.encoding)
        return composed(lines) if self.is_decomposed else lines

    def head(self) -> list[str]:
        """Return the first lines; the last may be incomplete if lines are long."""
        head = read_head(self.open_bytes, self.encoding)
        return list(composed(head)) if self.is_decomposed else head

    def chunks(self) -> Iterator[str]:
        """Yield the text in pieces of any length: JSON may be one line of a gigabyte."""
        return decoded_chunks(self.open_bytes, self.encoding)

    def documents(self) -> Iterator[Iterator[str]]:
        """Yield the chunks of each of its documents in order: a room in a zip may have many."""
        yield self.chunks()

    def shared(self, name: str) -> Iterator[str]:
        """Yield the chunks of a document that the rooms of a zip share, nothing without one."""
        del name
        return iter(())


def detect_encoding(open_bytes: OpenBytes) -> tuple[str, int]:
    """Name the encoding of a whole stream (BOM, then strict UTF-8, UTF-16, cp949).

    Also returns the number of invalid byte sequences. A stream truncated inside a character still
    counts; if no encoding fits, the better of UTF-8 and cp949 wins.
    """
    with open_bytes() as stream:
        head = stream.read(4096)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name, _n_errors(open_bytes, name)
    if head.count(0) > len(head) // 8:
        name = "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
        return name, _n_errors(open_bytes, name)
    n_utf8 = _n_errors(open_bytes, "utf-8")
    if n_utf8 == 0:
        return "utf-8", 0
    n_cp949 = _n_errors(open_bytes, "cp949")
    return ("utf-8", n_utf8) if n_utf8 <= n_cp949 else ("cp949", n_cp949)


def _n_errors(open_bytes: OpenBytes, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    n_errors = 0
    with open_bytes() as stream:
        while chunk := stream.read(_CHUNK):
            n_errors += decoder.decode(chunk).count("\ufffd")
    return n_errors


def read_head(open_bytes: OpenBytes, encoding: str) -> list[str]:
    """Return the first lines of a text; the last may be incomplete if lines are long.

    JSON may be written with a key a line, and have hundreds of members before its first message.
    """
    with open_bytes() as stream:
        head = stream.read(_HEAD_BYTES)
    is_json = _JSON_START.match(head.decode(encoding, "replace")[:200])
    lines = read_lines(lambda: io.BytesIO(head), encoding)
    return list(islice(lines, None if is_json else _HEAD_LINES))


def decoded_chunks(open_bytes: OpenBytes, encoding: str) -> Iterator[str]:
    """Yield a stream's text in chunks."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    with open_bytes() as stream:
        while chunk := stream.read(_CHUNK // 4):
            yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def is_decomposed(lines: Iterable[str]) -> bool:
    """Whether lines contain decomposed Hangul (NFD)."""
    return any(map(_JAMO.search, lines))


def read_lines(open_bytes: OpenBytes, encoding: str) -> Iterator[str]:
    """Yield lines without line endings; only LF and CRLF end a line (U+2028 occurs in messages)."""
    with open_bytes() as stream:
        text = io.TextIOWrapper(stream, encoding, errors="replace", newline="\n")
        try:
            for line in text:
                yield line.rstrip("\r\n")
        finally:
            text.detach()


def composed(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines with Hangul composed again, which a Mac has decomposed (NFD)."""
    return (unicodedata.normalize("NFC", line) for line in lines)


def clean_name(name: str) -> str:
    """Normalize a speaker's name: NFC, nothing invisible, no space around."""
    return unicodedata.normalize("NFC", name.translate(INVISIBLE)).strip()


def shape_of(line: str) -> str:
    """Describe a line without its text: letters become a or 가, digits 0, repeats one.

    Control characters and overrides of the writing direction become "?".

    >>> shape_of("[Mina] [9:01 AM] hi")
    '[a] [0:0 a] a'
    """
    shape = re.sub(r"\d+", "0", line[:200])
    shape = re.sub(r"[^\W\d_]+", lambda run: "가" if "가" <= run[0][0] <= "힣" else "a", shape)
    return "".join(char if char.isprintable() else "?" for char in shape[:60])


def zip_name(entry: zipfile.ZipInfo) -> str:
    """Return the name of a zip entry; old Korean zips claim cp437 but are cp949."""
    if entry.flag_bits & 0x800:
        return entry.filename
    raw = entry.filename.encode("cp437", "replace")
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename
