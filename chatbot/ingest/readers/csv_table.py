"""Tables that no messenger wrote, with the columns that `raw.columns` names -> messages."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timezone
from functools import partial
from itertools import islice

from chatbot.conversation import Message
from chatbot.errors import ExportError
from chatbot.ingest.readers.account import Account
from chatbot.ingest.readers.clock import AFTER, BEFORE, DIGITS, SPACES, half_of, time_of
from chatbot.ingest.readers.date_order import Fields, date_of, find_order
from chatbot.ingest.readers.json_items import DAMAGED, moment, seconds_of, stamp
from chatbot.ingest.readers.reader import Reader, RoomItem
from chatbot.ingest.readers.text import INVISIBLE, Text, clean_name, shape_of
from chatbot.settings.schema import ColumnsConfig, RawConfig

_N_HEAD = 60
_FIELD_CHARS = 1 << 17  # more is a quote that never closes
_DELIMITERS = ",;\t|"
_TIME = re.compile(
    rf"(?P<date>\d{{1,4}}[./년-] ?\d{{1,2}}[./월-] ?\d{{1,4}}[.일]?),?[{SPACES}T]{{1,2}}"
    rf"{BEFORE}{DIGITS}(?:\.\d+)?{AFTER}\s*$"
)
_NUMBERS = re.compile(r"\d+")
_MAX_SECONDS = 10**10
# Words of headers that tell nothing about anybody, and what they may stand for.
_WORDS = {
    "speaker": (
        "speaker sender from author user username name nickname who 보낸사람 "
        "보낸_사람 발신자 작성자 화자 이름 닉네임 사용자 送信者 发送者"
    ),
    "text": (
        "text message body content msg utterance chat_message 내용 메시지 "
        "메세지 본문 대화 대화내용 발화 メッセージ 内容"
    ),
    "time": (
        "time date datetime timestamp sent_at created_at created sent date_time "
        "시간 날짜 시각 일시 보낸시간 작성일 日時 时间"
    ),
    "room": ("room chat channel thread conversation group chat_id room_id 방 채팅방 대화방 톡방"),
    "": ("id no number index type kind message_id reply_to platform 번호 종류 유형"),
}
_ROLES = {word.replace("_", " "): role for role, words in _WORDS.items() for word in words.split()}


@dataclass(frozen=True)
class _Layout:
    """How a table is written: the delimiter, and the place of each column that is set."""

    delimiter: str
    n_columns: int
    places: dict[str, int]  # role -> index

    def cell(self, row: list[str], role: str) -> str:
        place = self.places.get(role)
        return "" if place is None else row[place]


def configured(reader: Reader, raw: RawConfig) -> Reader:
    """Return the reader of tables with the columns that the settings name."""
    return replace(
        reader,
        recognizes=lambda head: _layout(head, raw.columns) is not None,
        read=partial(read_messages, raw),
        items_of_rooms=partial(items_of_rooms, raw) if raw.columns.room else None,
    )


def _layout(head: list[str], columns: ColumnsConfig) -> _Layout | None:
    """Return the layout of a table by its first line; None if it lacks a column that is set."""
    first = next((line for line in head if line.strip()), "").translate(INVISIBLE)
    roles = {role: getattr(columns, role) for role in ("speaker", "text", "time", "room")}
    names = {role: name for role, name in roles.items() if name}
    for delimiter in _DELIMITERS if columns.speaker and columns.text else "":
        cells = _cells(first, delimiter)
        if set(names.values()) <= set(cells):
            places = {role: cells.index(name) for role, name in names.items()}
            return _Layout(delimiter, len(cells), places)
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:  # a carriage return, or 128 kB without a delimiter
        return []


def read_messages(
    raw: RawConfig, text: Text, zone: timezone, account: Account
) -> Iterator[Message]:
    """Yield the messages of a table, accounting for every physical line.

    Raises ExportError if it is of several rooms, if a quote in it never closes, or if none of its
    times is understood.
    """
    layout = _layout(list(islice(text(), _N_HEAD)), raw.columns)
    if layout is None:
        return
    times = _Times(text, layout, raw.date_order, zone)
    is_first = True
    unread = ""
    for row, n_lines in _rows(text(), layout.delimiter):
        if not any(cell.strip() for cell in row):
            account.lines["blank"] += n_lines
        elif is_first:
            account.lines["header"] += n_lines
            is_first = False
        elif (message := _message(row, layout, times, account)) is None:
            account.unparsed(" ".join(row))
            account.lines["unparsed"] += n_lines - 1
            unread = unread or _time_shape(row, layout)
        else:
            account.lines[message.kind] += 1
            account.lines["continuation"] += n_lines - 1
            yield message
    if unread and not account.lines["message"]:
        raise ExportError(
            f"its times are not understood; they look like {unread}",
            hint="write them as 2026-10-02 09:01, or check `raw.columns.time`",
        )


def items_of_rooms(raw: RawConfig, text: Text) -> Iterator[RoomItem]:
    """Yield the rows with their rooms, as the JSON lines that `json_table` reads likewise."""
    layout = _layout(list(islice(text(), _N_HEAD)), raw.columns)
    if layout is None:
        return
    times = _Times(text, layout, raw.date_order, UTC)
    room, names = "", list[str]()
    for row, _ in _rows(text(), layout.delimiter):
        if not any(cell.strip() for cell in row):
            continue
        if not names:
            names = [cell.strip() for cell in row]
        elif _message(row, layout, times, Account()) is None:
            yield RoomItem(room, DAMAGED)
        else:
            room = clean_name(layout.cell(row, "room")) or room
            values = dict(zip(names, row, strict=True))
            if raw.columns.time:
                values[raw.columns.time] = times.normal(layout.cell(row, "time"))
            yield RoomItem(room, values)


def _time_shape(row: list[str], layout: _Layout) -> str:
    return shape_of(layout.cell(row, "time")) if len(row) == layout.n_columns else ""


def _rows(lines: Iterator[str], delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Yield rows, each with its number of physical lines."""
    csv.field_size_limit(_FIELD_CHARS)  # of the process: tables of questions raise it
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    before = 0
    try:
        for row in reader:
            yield row, reader.line_num - before
            before = reader.line_num
    except csv.Error as error:
        raise ExportError(
            f"a quote that opens behind line {before} never closes", hint="save the table again"
        ) from error


def _message(row: list[str], layout: _Layout, times: "_Times", account: Account) -> Message | None:
    if len(row) != layout.n_columns:
        return None
    room = clean_name(layout.cell(row, "room"))
    if room and account.room and room != account.room:
        raise ExportError(
            f"line {account.n_lines + 1} begins another room",
            hint="save each room to a file of its own",
        )
    account.room = account.room or room
    at = times.moment(layout.cell(row, "time"))
    if at is None and "time" in layout.places:
        return None
    speaker = clean_name(layout.cell(row, "speaker"))
    text = layout.cell(row, "text")
    return Message(speaker, text, at, "message" if speaker else "system")


class _Times:
    """Reads the column of times: ISO 8601, seconds since 1970, or what spreadsheets write."""

    def __init__(self, text: Text, layout: _Layout, order: str, zone: timezone) -> None:
        self._zone = zone
        self._text, self._layout, self._order = text, layout, order

    def moment(self, written: str) -> datetime | None:
        """Return the time of a cell; None if it is not understood."""
        written = written.strip()
        if at := stamp(written, self._zone):
            return at
        if match := _TIME.match(written):
            return self._matched(match)
        return self._since_1970(written)

    def normal(self, written: str) -> str:
        """Return a time of a spreadsheet in ISO 8601, and others as they are."""
        match = _TIME.match(written.strip())
        at = self._matched(match) if match else None
        return at.replace(tzinfo=None).isoformat() if at else written

    def _since_1970(self, written: str) -> datetime | None:
        if not written.replace(".", "", 1).isdecimal():
            return None
        seconds = seconds_of(float(written))
        return moment(seconds, self._zone) if seconds < _MAX_SECONDS else None

    def _matched(self, match: re.Match[str]) -> datetime | None:
        word = match["before"] or match["after"]
        half = half_of(word) if word else None
        day = date_of(_fields(match), self._date_order())
        clock = time_of(int(match["hour"]), int(match["minute"]), int(match["second"] or 0), half)
        if day is None or clock is None or (word and half is None):
            return None
        return datetime(day.year, day.month, day.day, tzinfo=self._zone) + clock

    def _date_order(self) -> str:
        """Return the order of dates of the whole column, which is read once more."""
        if self._order == "auto":
            self._order = find_order(self._dates(), is_eastern=False, is_dotted=False)
        return self._order

    def _dates(self) -> Iterator[Fields]:
        for row, _ in _rows(self._text(), self._layout.delimiter):
            if len(row) == self._layout.n_columns:
                match = _TIME.match(self._layout.cell(row, "time").strip())
                if match:
                    yield _fields(match)


def _fields(match: re.Match[str]) -> Fields:
    first, second, third = map(int, _NUMBERS.findall(match["date"]))
    return first, second, third


def is_table(head: list[str]) -> bool:
    """Whether the first line of a file holds the names of columns."""
    return unmapped(next((line for line in head if line.strip()), "")) is not None


def unmapped(first_line: str) -> tuple[str, str] | None:
    """Return what a table without settings is, and the settings to paste; None for other text.

    Only words that are common in headers are repeated: the first line may be a message.

    >>> unmapped("sender,body,date")[1].partition("its columns: ")[2]
    'columns: {speaker: sender, text: body, time: date}'
    """
    cells = max((_cells(first_line.translate(INVISIBLE), each) for each in _DELIMITERS), key=len)
    words = [cell for cell in cells if cell.lower().replace("_", " ") in _ROLES]
    if len(cells) < 2 or len(words) < 2:
        return None
    names: dict[str, str] = {}
    for word in words:
        names.setdefault(_ROLES[word.lower().replace("_", " ")], word)
    roles = {role: names.get(role, "COLUMN") for role in ("speaker", "text", "time")}
    roles |= {"room": names["room"]} if "room" in names else {}
    listed = ", ".join(f"{role}: {name}" for role, name in roles.items())
    return (
        f"a table that no messenger wrote; of its {len(cells)} columns, these are known: "
        f"{', '.join(words)}",
        "write into section raw of `configs/paths.yaml`, in place of its columns: "
        f"columns: {{{listed}}}",
    )


READER = Reader(
    "csv_table",
    lambda _head: False,
    partial(read_messages, RawConfig()),
    configured=configured,
)
