"""A table of questions and answers -> rows, in whatever form another program wrote it.

Forms: csv and tsv with a header; jsonl, and one json array, of records. Records and columns:
question/answer, prompt/response, instruction/input/output, `messages` (role, content), and
`conversations` (from, value) as ShareGPT writes them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec.structs import replace

from chatbot.errors import CorpusError
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.ingest.qna.separated import Record, read_separated
from chatbot.ingest.readers.text import detect_encoding, read_lines

_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # xlsx, xls
_QUESTION = ("prompt", "question", "q", "query", "질문", "문의", "문의내용", "고객문의", "질문내용")
_ANSWER = ("response", "answer", "completion", "output", "a", "reply", "답변", "답변내용", "응답")
_KIND = ("type", "kind", "category", "label", "유형", "분류", "카테고리", "구분")
_TIME = (
    *("time", "asked_at", "created_at", "datetime", "date", "timestamp"),
    *("일시", "시각", "작성일", "등록일"),
)
_ID = ("id", "row_id", "idx", "no", "번호", "아이디")
_TALK = {"messages": ("role", "content"), "conversations": ("from", "value")}
_CUSTOMER = frozenset(("user", "human", "customer", "고객"))
_DESK = frozenset(("assistant", "gpt", "bot", "chatgpt", "desk", "model", "상담원"))
_SECONDS, _MILLISECONDS = 10, 13  # digits of a time since 1970


class TableTurn(msgspec.Struct, frozen=True):
    """What the customer or the desk writes."""

    is_desk: bool
    text: str


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row: turns in order, the first by the customer; without an answer one turn.

    `line`: where it begins in the file. `kind`: the type of the question, "" if none is given.
    `id`: the row's own, else its line.
    """

    line: int
    id: str
    turns: tuple[TableTurn, ...]
    kind: str = ""
    asked_at: datetime | None = None

    @property
    def question(self) -> str:
        """The customer's first turn."""
        return self.turns[0].text

    @property
    def answer(self) -> str:
        """The desk's first turn, "" if there is none."""
        return next((turn.text for turn in self.turns if turn.is_desk), "")

    def as_prompt(self, form: QuestionForm) -> "TableRow":
        """Return the row with type and label before its question, unless they are there."""
        first = replace(self.turns[0], text=form.asked(self.question, self.kind))
        return replace(self, turns=(first, *self.turns[1:]))


class DamagedRow(msgspec.Struct, frozen=True):
    """A record without a readable question: where it begins."""

    line: int


def read_table(path: Path, zone: tzinfo = UTC) -> Iterator[TableRow | DamagedRow]:
    """Yield the rows of a table in order; times without a zone are in `zone`.

    Raises CorpusError if the file is missing or is no such table; it never quotes the file.
    """
    if not path.is_file():
        raise CorpusError(
            f"no table at {path}", hint="name a csv or jsonl file, as `processed.tables` does"
        )
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(_SPREADSHEETS):
        raise CorpusError(
            f"{path} is a spreadsheet, not text", hint="save it as CSV UTF-8 and name that file"
        )
    encoding, _ = detect_encoding(lambda: path.open("rb"))
    for record in _records(path, encoding, _first_char(head, encoding)):
        yield _row_of(record, zone)


def _first_char(head: bytes, encoding: str) -> str:
    return head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")[:1]


def _records(path: Path, encoding: str, first: str) -> Iterator[Record]:
    def open_bytes() -> IO[bytes]:
        return path.open("rb")

    if first == "[":
        yield from _array_records(path, encoding)
    elif first == "{":
        yield from _json_records(open_bytes, encoding)
    elif first:
        yield from read_separated(read_lines(open_bytes, encoding), path, _is_table)
    else:
        raise CorpusError(f"{path} is empty", hint="name a table with rows")


def _json_records(open_bytes: Callable[[], IO[bytes]], encoding: str) -> Iterator[Record]:
    for line, text in enumerate(read_lines(open_bytes, encoding), start=1):
        text = text.strip("\ufeff \t")
        if text:
            yield Record(line, _decoded(text))


def _array_records(path: Path, encoding: str) -> Iterator[Record]:
    records = _decoded(path.read_text(encoding, "replace").lstrip("\ufeff"))
    if not isinstance(records, list):
        raise CorpusError(
            f"{path} is not valid JSON", hint="write a record per line (jsonl) or one array"
        )
    for number, record in enumerate(records, start=1):
        yield Record(number, record)


def _decoded(text: str) -> Any:
    """Return the value of a JSON text, None if it is damaged."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


# ---------------------------------------------------------------- a record -> a row
def _is_table(columns: list[str]) -> bool:
    """Whether a header names questions."""
    names = {_plain(column) for column in columns}
    return bool(names & {*_QUESTION, "instruction"})


def _row_of(record: Record, zone: tzinfo) -> TableRow | DamagedRow:
    if not isinstance(record.fields, Mapping):
        return DamagedRow(record.line)
    fields = {_plain(str(name)): value for name, value in record.fields.items()}
    turns = _turns_of(fields)
    if turns is None or any("\ufffd" in turn.text for turn in turns):
        return DamagedRow(record.line)
    return TableRow(
        line=record.line,
        id=_text_of(fields, _ID) or str(record.line),
        turns=turns,
        kind=(_text_of(fields, _KIND) or "").strip(),
        asked_at=time_of(_text_of(fields, _TIME) or "", zone),
    )


@lru_cache
def _plain(name: str) -> str:
    return re.sub(r"[\s\ufeff]+", "", name).lower()


def _turns_of(fields: Mapping[str, Any]) -> tuple[TableTurn, ...] | None:
    """Return the turns of a record, None if it has no readable question or answer."""
    for name, keys in _TALK.items():
        if isinstance(fields.get(name), list):
            return _talk_of(fields[name], *keys)
    if not _is_table(list(fields)):
        return None
    question = _text_of(fields, _QUESTION)
    if question == "" and "instruction" in fields:
        asked = [_text_of(fields, (name,)) for name in ("instruction", "input")]
        question = None if asked[0] is None else "\n".join(filter(None, asked))
    answer = _text_of(fields, _ANSWER)
    if question is None or answer is None:
        return None
    turns = TableTurn(False, question.strip()), TableTurn(True, answer.strip())
    return turns if turns[1].text else turns[:1]


def _text_of(fields: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """Return the text of the first of `names` that a record has; "" if it has none.

    None for a value that is no text, as a list.
    """
    value = next((fields[name] for name in names if name in fields), None)
    if value is None:
        return ""
    return str(value) if isinstance(value, str | int | float) else None


def _talk_of(messages: list[Any], role: str, content: str) -> tuple[TableTurn, ...] | None:
    """Return the turns of a talk from its first question on; system messages are left out."""
    turns: list[TableTurn] = []
    for message in messages:
        if not isinstance(message, Mapping):
            return None
        text, who = _content_of(message.get(content)), str(message.get(role)).lower()
        if text is None or who not in _CUSTOMER | _DESK | {"system", "developer"}:
            return None
        turn = TableTurn(who in _DESK, text.strip())
        if who not in _CUSTOMER | _DESK or (turn.is_desk and not turns):
            continue
        if turns and turns[-1].is_desk == turn.is_desk:
            turn = TableTurn(turn.is_desk, f"{turns.pop().text}\n{turn.text}")
        turns.append(turn)
    return tuple(turns) or None


def _content_of(content: Any) -> str | None:
    """Return the text of a message: a string, or the text parts of a list."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        texts = [part for part in parts if isinstance(part, str)]
        return "\n".join(texts) if len(texts) == len(content) else None
    return content if isinstance(content, str) else None


def time_of(text: str, zone: tzinfo) -> datetime | None:
    """Read a time as tables write it; None if it is none.

    >>> time_of("2025.03.02 09:05", UTC).isoformat(), time_of("0000-00-00 00:00:00", UTC)
    ('2025-03-02T09:05:00+00:00', None)
    """
    text = text.strip()
    try:
        if text.isdecimal() and len(text) in (_SECONDS, _MILLISECONDS):
            seconds = int(text) / (1 if len(text) == _SECONDS else 1000)
            return datetime.fromtimestamp(seconds, UTC)
        day, clock = re.sub(r"[./]", "-", text[:10]), text[10:].strip(" T")
        at = datetime.fromisoformat(f"{day} {clock}".strip())
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=zone)
