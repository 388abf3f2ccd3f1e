"""What a file is if no reader recognizes it: by its first bytes and patterns, else by its suffix.

A file's own text is never repeated; the content of a zip is recognized by its entry names.
"""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from chatbot.ingest.readers.archive import ZIP_ERRORS
from chatbot.ingest.readers.csv_table import unmapped
from chatbot.ingest.readers.registry import MESSENGERS

_HEAD_BYTES = 1 << 14
_ZIP_START = b"PK\x03\x04"


@dataclass(frozen=True)
class FileKind:
    """A kind of file: what it is, and what to do with it."""

    name: str
    advice: str


@dataclass(frozen=True)
class _Signature:
    kind: FileKind
    pattern: re.Pattern[bytes]


_TEXT_ONLY = f"only exports of chats are read, from {MESSENGERS}; move it away"
_UNREAD = "not read yet; docs/exports.md names what is; move it away"
_EXPORT = f"export the chat from {MESSENGERS}: docs/exports.md has the steps"
_AS_JSON = "export it again in the format JSON"
_AS_ZIP = "put the zip that Slack made here as it is, or zip its folder"
_AS_TABLE = "move it away and name it in `processed.tables`"
_UNPACK = "unpack it and put its files here"
_SAVE_AS_TEXT = f"chat exports are text files; {_EXPORT}"
_ATTACHMENT = "save the export that is attached to it here (txt, csv or zip)"

EMPTY = FileKind("an empty file", "export the chat again")
CUT_OFF = FileKind("a zip that is damaged or cut off", "copy it again")
PLAIN_ZIP = FileKind("a zip without a chat", _EXPORT)


def _signed(name: str, advice: str, pattern: bytes) -> _Signature:
    return _Signature(FileKind(name, advice), re.compile(pattern, re.DOTALL | re.MULTILINE))


# The first bytes of binary formats.
_BINARY = (
    _signed("a picture", _TEXT_ONLY, rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|RIFF....WEBP"),
    _signed("a picture", _TEXT_ONLY, rb"....ftyp(hei|mif1|msf1|avif)|II\*\0|MM\0\*|BM.{4}\0{4}"),
    _signed("a sound recording", _TEXT_ONLY, rb"....ftypM4A|ID3[\2-\4]|OggS|fLaC|#!AMR"),
    _signed("a sound recording", _TEXT_ONLY, rb"RIFF....WAVE|\xff[\xf1-\xf3\xf9-\xfb][^\0]"),
    _signed("a video", _TEXT_ONLY, rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI |\0\0\x01\xba"),
    _signed("a PDF", _SAVE_AS_TEXT, rb"%PDF-"),
    _signed("an Office or Hangul document", _SAVE_AS_TEXT, rb"\xd0\xcf\x11\xe0\xa1\xb1|\{\\rtf"),
    _signed("an archive that is no zip", _UNPACK, rb"7z\xbc\xaf|Rar!\x1a|\x1f\x8b\x08|\xfd7zXZ\0"),
    _signed("an archive that is no zip", _UNPACK, rb"BZh[1-9]1AY|ALZ\x01|EGGA|.{257}ustar"),
    _signed("a database", _EXPORT, rb"SQLite format 3\0"),
    _signed("an encrypted file", "decrypt it first", rb"age-encryption\.org/|Salted__"),
    _signed("a program", "move it away", rb"\x7fELF|MZ.\0"),
)

_DATE = rb"^(?:\xe2\x80\x8e)?%b\d{1,4}[./-] ?\d{1,2}[./-] ?\d{2,4}\.?,?"
_TIME = rb"[^\d\n]{0,12}\d{1,2}[:.]\d{2}(?:[:.]\d{2})?[^\d\n\]]{0,12}"
_HTML = rb"(?i:\A\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html|head|body)\b)"


def _has_keys(*keys: bytes, start: bytes = rb"\{") -> bytes:
    """Return a pattern of JSON that begins with `start` and soon has every key (a pattern each)."""
    return rb"\A\s*" + start + b"".join(rb'(?=.*"(?:%b)"\s*:)' % key for key in keys)


_ODD_CLOCK = "its dates are not understood; set the phone to English and export the chat again"
_TELEGRAM = "a Telegram export of HTML pages"
_META = "an Instagram or Messenger export of HTML pages"
_WHATSAPP, _SIGNAL = "a WhatsApp export", "a Signal export"

_TABLE = "a table of conversations with a model"
_OF_A_MODEL = (b"messages|conversations", b"role|from", b"content|value")

# Patterns of text, searched in the first bytes; the first match wins.
_TEXT = (
    _signed(_WHATSAPP, _ODD_CLOCK, _DATE % rb"\[" + _TIME + rb"\] [^\n]{1,80}: "),
    _signed(_WHATSAPP, _ODD_CLOCK, _DATE % b"" + _TIME + rb" - \S"),
    _signed("a part of a Slack export", _AS_ZIP, _has_keys(b"type", b"ts", start=rb"\[\s*\{")),
    _signed(_TABLE, _AS_TABLE, _has_keys(*_OF_A_MODEL)),
    _signed(_TABLE, _AS_TABLE, _has_keys(*_OF_A_MODEL, start=rb"\[\s*\{")),
    _signed(_TELEGRAM, _AS_JSON, _HTML + rb"(?=.*Exported Data)"),
    _signed("an HTML page", _SAVE_AS_TEXT, _HTML),
    _signed(
        "an e-mail",
        _ATTACHMENT,
        rb"\A(?:[A-Z][\w-]*: [^\n]*\n(?:[ \t][^\n]*\n)*){0,40}?"
        rb"(?i:MIME-Version|Message-ID|Received|Return-Path|Content-Type): ",
    ),
    _signed("a JSON file", _EXPORT, rb'\A\s*(\{\s*"|\[\s*[{\["])'),
    _signed("an XML file", _EXPORT, rb"\A\s*<\?xml"),
)

# Names of a zip's entries, one a line.
_ZIPPED = (
    _signed("a Word document", _SAVE_AS_TEXT, rb"^word/document\.xml$"),
    _signed("an Excel workbook", "save it as csv", rb"^xl/workbook\.xml$"),
    _signed("a presentation", _TEXT_ONLY, rb"^ppt/presentation\.xml$"),
    _signed("a Hangul document", _SAVE_AS_TEXT, rb"^Contents/section0\.xml$"),
    _signed("an OpenDocument or e-book file", _SAVE_AS_TEXT, rb"^mimetype$"),
    _signed("a program", "move it away", rb"^(AndroidManifest\.xml|META-INF/MANIFEST\.MF)$"),
    _signed("a Slack export without a message", _EXPORT, rb"^(channels|dms|groups)\.json$"),
    _signed(_WHATSAPP, _ODD_CLOCK, rb"^([^\n]*/)?(_chat|WhatsApp [^\n/]*)\.txt$"),
    _signed(_META, _AS_JSON, rb"^([^\n]*/)?messages/[^\n]*message_1\.html$"),
    _signed(_TELEGRAM, _AS_JSON, rb"^([^\n]*/)?messages\d*\.html$"),
    _signed(_SIGNAL, _UNREAD, rb"^([^\n]*/)?(main\.jsonl|chat\.md)$"),
)


# By suffix, if the content is damaged or has no pattern.
_BY_ENDING = {
    ending: FileKind(name, advice)
    for name, advice, endings in (
        ("a Hangul document", _SAVE_AS_TEXT, ".hwp .hwpx"),
        ("a Word document", _SAVE_AS_TEXT, ".doc .docx .rtf"),
        ("an Excel workbook", _SAVE_AS_TEXT, ".xls .xlsx"),
        ("a presentation", _SAVE_AS_TEXT, ".ppt .pptx"),
        ("an OpenDocument or e-book file", _SAVE_AS_TEXT, ".odt .ods .odp .epub"),
        ("an e-mail", _ATTACHMENT, ".eml .msg .mbox"),
    )
    for ending in endings.split()
}


def binary_kind(path: Path) -> FileKind | None:
    """Return what a file is by its first bytes; None if it may be text or is a complete zip."""
    head = _head(path)
    if head.startswith(_ZIP_START) and not zipfile.is_zipfile(path):
        document = _by_ending(path)
        return (
            FileKind(f"{document.name} that is damaged", document.advice) if document else CUT_OFF
        )
    return next((each.kind for each in _BINARY if each.pattern.match(head)), None)


def other_kind(path: Path) -> FileKind | None:
    """Return the kind of an unrecognized file: another messenger's export, a document, ..."""
    if zipfile.is_zipfile(path):
        return _zip_kind(path)
    head = _plain(_head(path))
    if not head.strip():
        return EMPTY
    kind = next((each.kind for each in _TEXT if each.pattern.search(head)), _by_ending(path))
    return kind or _table_kind(head)


def _table_kind(head: bytes) -> FileKind | None:
    table = unmapped(head.lstrip().partition(b"\n")[0].decode("utf-8", "replace"))
    return FileKind(*table) if table else None


def _by_ending(path: Path) -> FileKind | None:
    return _BY_ENDING.get(path.suffix.lower())


def _zip_kind(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = "\n".join(archive.namelist()).encode("utf-8", "replace")
    except ZIP_ERRORS:  # its end is whole, its directory is not
        return CUT_OFF
    return next((each.kind for each in _ZIPPED if each.pattern.search(names)), PLAIN_ZIP)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _plain(head: bytes) -> bytes:
    """Return the first bytes as UTF-8 with LF, without a byte order mark."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = head.decode(encoding, "surrogateescape" if encoding == "utf-8-sig" else "replace")
    return text.replace("\r\n", "\n").encode("utf-8", "surrogateescape")
