"""KakaoTalk CSV exports (macOS, newer Windows) -> messages."""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from itertools import chain

from chatbot.conversation import Message
from chatbot.ingest.readers import kakaotalk_grammar as grammar
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.text import INVISIBLE, clean_name

_HEADER = re.compile(r'"?Date"?,"?User"?,"?Message"?\s*$')
_STAMP = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}"
_IS_STAMP = re.compile(rf"{_STAMP}$")
_RECORD = re.compile(rf'({_STAMP}|),(?:"(.*?)"|([^",]*)),(.*)$', re.DOTALL)
# The first line of a record: with quoted names, with unquoted names, and a system record.
_QUOTED_START = re.compile(rf'{_STAMP},"(?!")|{_STAMP},"",|,"",')
_PLAIN_START = re.compile(rf'{_STAMP},|,"",')
_QUOTES = re.compile(r'"+')

Row = tuple[str, str, str, int]  # date, user, message, physical lines


def recognizes(head: list[str]) -> bool:
    """Whether the first lines of a file are those of a KakaoTalk CSV export."""
    first = next((line for line in head if line.strip()), "")
    return bool(_HEADER.match(first.translate(INVISIBLE)))


def read_messages(
    open_lines: Callable[[], Iterator[str]], zone: timezone, account: Account
) -> Iterator[Message]:
    """Yield the messages of a CSV export, accounting for every physical line.

    `open_lines` opens the file again: the first pass checks whether it is well-formed CSV. Old
    exports do not escape quotes; their records are recognized by their first line.
    """
    start = _record_start(open_lines())
    rows = (
        _strict_rows(open_lines())
        if _is_well_formed(open_lines(), start)
        else _tolerant_rows(open_lines(), start)
    )
    last: datetime | None = None
    for stamp, user, text, n_lines in rows:
        if not stamp and not user and not text:
            account.lines["blank"] += n_lines
            continue
        if not stamp[:1].isdigit() and _HEADER.match(f"{stamp},{user},{text}".translate(INVISIBLE)):
            account.lines["header"] += n_lines
            continue
        at = _moment(stamp, zone)
        if stamp and at is None:
            account.unparsed(stamp)
            account.lines["unparsed"] += n_lines - 1
            continue
        last = at or last
        message = _message(clean_name(user), text, last, is_dated=at is not None)
        account.lines[message.kind] += 1
        account.lines["continuation"] += n_lines - 1
        yield message


def _moment(stamp: str, zone: timezone) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp).replace(tzinfo=zone) if stamp else None
    except ValueError:
        return None


def _message(speaker: str, text: str, at: datetime | None, is_dated: bool) -> Message:
    if not is_dated or not speaker:
        return Message("", text, at, "system")
    if media := grammar.media_kind(text):
        return Message(speaker, text, at, "media", media)
    # The user column names who acted: "라온","라온님이 나갔습니다."
    if text.startswith((f"{speaker}님", f"{speaker} ")) and (
        grammar.is_event(text) or grammar.SYSTEM_WEAK.fullmatch(text)
    ):
        return Message("", text, at, "system")
    return Message(speaker, text, at)


def _record_start(lines: Iterator[str]) -> re.Pattern[str]:
    """Return the pattern of a record's first line, with or without quoted names."""
    first = next((line for line in lines if _PLAIN_START.match(line)), "")
    return _QUOTED_START if _QUOTED_START.match(first) else _PLAIN_START


def _is_well_formed(lines: Iterator[str], start: re.Pattern[str]) -> bool:
    """Whether every quote is escaped: no line inside a record begins another."""
    pending: list[str] = []

    def remembered() -> Iterator[str]:
        for line in _with_ends(lines):
            pending.append(line)
            yield line

    try:
        for row in csv.reader(remembered(), strict=True):
            if len(pending) > 1 and any(map(start.match, pending[1:])):
                return False
            pending.clear()
            is_record = len(row) == 3 and (row[0] == "" or _IS_STAMP.match(row[0]))
            if row and not is_record and not _HEADER.match(",".join(row).translate(INVISIBLE)):
                return False
    except csv.Error:
        return False
    return True


def _with_ends(lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield (line.lstrip("\ufeff") if number == 0 else line) + "\n"


def _strict_rows(lines: Iterator[str]) -> Iterator[Row]:
    reader = csv.reader(_with_ends(lines))
    before = 0
    for row in reader:
        n_lines, before = reader.line_num - before, reader.line_num
        stamp, user, text = row or ("", "", "")
        yield stamp, user, text.rstrip("\n") if n_lines == 1 else text, n_lines


def _tolerant_rows(lines: Iterator[str], start: re.Pattern[str]) -> Iterator[Row]:
    record: list[str] = []
    for line in chain(lines, (None,)):
        if line is not None and record and not start.match(line):
            record.append(line)
            continue
        if record:
            yield _tolerant_row(record)
        record = [line] if line is not None else []


def _tolerant_row(record: list[str]) -> Row:
    match = _RECORD.match("\n".join(record).lstrip("\ufeff"))
    if match is None:
        if _HEADER.match(record[0].translate(INVISIBLE)):
            return "Date", "User", "Message", len(record)
        is_blank = not "".join(record).strip()
        return ("", "", "", len(record)) if is_blank else ("?", "", "", len(record))
    stamp, quoted, plain, text = match.groups()
    user = quoted if quoted is not None else plain
    return stamp, _unquoted(user), _unquoted_text(text), len(record)


def _unquoted_text(text: str) -> str:
    """Remove the quotes around a message; a truncated file lacks the second one."""
    if not text.startswith('"'):
        return text.rstrip("\n")
    end = text.rstrip()
    return _unquoted(end[1:-1] if len(end) > 1 and end.endswith('"') else text[1:])


def _unquoted(text: str) -> str:
    """Replace doubled quotes by single ones, if all quotes come in pairs."""
    is_escaped = all(len(quotes) % 2 == 0 for quotes in _QUOTES.findall(text))
    return text.replace('""', '"') if is_escaped else text
