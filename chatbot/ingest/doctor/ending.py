"""The last bytes of an export -> whether the file ends in the middle."""

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path

from chatbot.ingest.doctor.findings import Finding, attention, note
from chatbot.ingest.doctor.origin import ITEM_FORMATS
from chatbot.ingest.readers import TextPart
from chatbot.ingest.readers import kakaotalk_grammar as grammar

_TAIL_BYTES = 1 << 16
# How the first line of a message begins, up to its time.
_BEGUN_HEADER = re.compile(
    r"\d{4}(?:년(?: ?\d{1,2}월?)?(?: ?\d{1,2}일?)?(?: (?:오[전후]?)?)?|[.-][\d. -]{0,12})"
    r"[\d: ]{0,6}$|\[[^\]\n]{1,40}\] ?\[[^\]\n]{0,10}$"
)


def ending_of(path: Path, part: TextPart) -> Iterator[Finding]:
    """Yield a finding if a file of text ends inside a character, a header or a line.

    JSON has ends of its own, which its readers check.
    """
    if part.reader.name in ITEM_FORMATS:
        return
    tail = _tail(path)
    text, is_whole = _decoded(tail, part.text.encoding)
    if text.endswith("\n"):
        return
    last = text.rpartition("\n")[2]
    is_open = part.reader.name == "kakaotalk_csv" and not last.rstrip().endswith('"')
    is_begun = bool(_BEGUN_HEADER.fullmatch(last)) and not grammar.parse_day_line(last)
    yield attention("cut_file") if not is_whole or is_open or is_begun else note("no_line_end")


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES) & ~3)  # at the start of a character of UTF-16
        return file.read()


def _decoded(tail: bytes, encoding: str) -> tuple[str, bool]:
    """Return the text of the last bytes, and whether they end with a whole character."""
    is_wide = encoding.startswith("utf-16")
    decoder = codecs.getincrementaldecoder(_wide(tail, encoding) if is_wide else encoding)(
        "replace"
    )
    text = decoder.decode(tail)
    return text, not decoder.decode(b"", final=True)


def _wide(tail: bytes, encoding: str) -> str:
    """Return the byte order of UTF-16 by its zeros, because the tail has no byte order mark."""
    if encoding != "utf-16":
        return encoding
    return "utf-16-le" if tail[1::2].count(0) >= tail[::2].count(0) else "utf-16-be"
