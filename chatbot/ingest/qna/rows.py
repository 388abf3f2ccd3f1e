"""Questions and answers <-> csv and jsonl, in the shapes that other tools write and read."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any

import msgspec

from chatbot.errors import CorpusError
from chatbot.ingest.readers.text import detect_encoding

HEADER = ("id", "type", "question", "answer", "asked_at")
PROMPT_HEADER = ("id", "type", "prompt", "response", "asked_at")
_TURNS = {
    "user": "question", "human": "question", "customer": "question",
    "assistant": "answer", "gpt": "answer", "desk": "answer",
}  # fmt: skip
# Column or key -> part of a row; compared in lower case.
_PARTS = {
    "id": ("id", "idx", "no"),
    "kind": ("type", "kind", "category", "유형", "분류"),
    "question": ("question", "prompt", "instruction", "q", "질문", "문의", "문의내용"),
    "answer": ("answer", "response", "output", "a", "답변", "응답"),
    "asked_at": ("asked_at", "created_at", "time", "date", "일시", "등록일"),
}


class QnaRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A question to a desk and its answer.

    `id`: of the question where it came from. `kind`: the type of the question, or "". `asked_at`:
    the desk's own clock, without a time zone.
    """

    question: str
    answer: str
    id: str = ""
    kind: str = ""
    asked_at: datetime | None = None


def prompt_of(row: QnaRow, label: str) -> str:
    """Return the prompt of a row: type, label and question.

    >>> prompt_of(QnaRow(kind="배송", question="언제 오나요", answer=""), "고객문의")
    '[배송] [고객문의] 언제 오나요'
    """
    labels = [f"[{text}]" for text in (row.kind, label) if text]
    return " ".join([*labels, row.question])


def without_labels(prompt: str, label: str) -> tuple[str, str]:
    """Split a prompt into the type and the question.

    >>> without_labels("[배송] [고객문의] 언제 오나요", "고객문의")
    ('배송', '언제 오나요')
    """
    match = re.match(rf"(?:\[([^\[\]]*)\] )?{re.escape(f'[{label}] ')}", prompt) if label else None
    return (match[1] or "", prompt[match.end() :]) if match else ("", prompt)


def read_rows(path: Path, label: str = "") -> Iterator[QnaRow]:
    """Yield the rows of a csv or jsonl file, whichever shape it has.

    `label`: the one that `prompt_of` put before the question of a prompt. Raises CorpusError, which
    names the line, if a row has no question or no answer.
    """
    if not path.is_file():
        raise CorpusError(f"no table {path.name}", hint="check `processed.tables` and its path")
    records = _csv_records(path) if path.suffix.lower() == ".csv" else _json_records(path)
    for line, record in records:
        row = _row_of(record, label)
        if row is None:
            raise CorpusError(
                f"line {line} of a table has no question and answer",
                hint="columns: question and answer, prompt and response, instruction and output; "
                "or messages",
            )
        yield row


def _csv_records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    csv.field_size_limit(sys.maxsize if sys.maxsize < 2**32 else 2**31 - 1)
    encoding, _ = detect_encoding(lambda: path.open("rb"))
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        for record in reader:
            yield reader.line_num, record


def _json_records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the objects of a jsonl file, or of a json file that is one list."""
    with path.open(encoding="utf-8-sig") as file:
        first = file.read(1)
        if first == "[":
            yield from enumerate(_objects(first + file.read(), 1), 1)
            return
        for number, line in enumerate(chain([first + file.readline()], file), 1):
            if line.strip():
                yield number, next(_objects(f"[{line}]", number))


def _objects(text: str, line: int) -> Iterator[Mapping[str, Any]]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise CorpusError(
            f"line {line} of a table is not JSON", hint="one object in each line"
        ) from error
    for value in values:
        if not isinstance(value, dict):
            raise CorpusError(f"line {line} of a table is no object", hint='{"prompt": ...}')
        yield value


def _row_of(record: Mapping[str, Any], label: str) -> QnaRow | None:
    """Return the row in a record; None if it has no question or no answer."""
    fields = {str(key).strip().lower(): value for key, value in record.items() if key}
    parts = {
        part: next((text for name in names if (text := _text(fields.get(name)))), "")
        for part, names in _PARTS.items()
    }
    turns = fields.get("messages") or fields.get("conversations")
    if isinstance(turns, list):
        parts |= _first_turns(turns)
    elif extra := _text(fields.get("input")):
        parts["question"] = "\n".join(filter(None, (parts["question"], extra)))
    if not parts["question"] or not parts["answer"]:
        return None
    kind, question = without_labels(parts["question"], label)
    return QnaRow(
        id=parts["id"],
        kind=parts["kind"] or kind,
        question=question,
        answer=parts["answer"],
        asked_at=parse_time(parts["asked_at"]),
    )


def _first_turns(turns: list[Any]) -> dict[str, str]:
    """Return the first question and the answer to it; a system prompt is neither."""
    parts: dict[str, str] = {}
    for turn in turns:
        fields = turn if isinstance(turn, dict) else {}
        part = _TURNS.get(str(fields.get("role") or fields.get("from")))
        if part and part not in parts and (part == "question" or parts):
            parts[part] = _text(fields.get("content") or fields.get("value"))
    return parts


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | float) else ""


def parse_time(text: str) -> datetime | None:
    """Read a time as a database or a tool writes it; None for a zero date or none.

    >>> parse_time("2024-01-31 10:20:30"), parse_time("0000-00-00 00:00:00")
    (datetime.datetime(2024, 1, 31, 10, 20, 30), None)
    """
    try:
        return datetime.fromisoformat(text.strip().replace("/", "-")).replace(tzinfo=None)
    except ValueError:
        return None


def csv_values(row: QnaRow) -> tuple[str, ...]:
    """Return the values of a row under HEADER."""
    return row.id, row.kind, row.question, row.answer, _time_text(row)


def _time_text(row: QnaRow) -> str:
    return row.asked_at.isoformat(" ", "seconds") if row.asked_at else ""


def prompt_record(row: QnaRow, label: str) -> dict[str, Any]:
    """Return a row under PROMPT_HEADER."""
    values = row.id, row.kind, prompt_of(row, label), row.answer, _time_text(row)
    return dict(zip(PROMPT_HEADER, values, strict=True))


def _instruction(row: QnaRow, label: str) -> dict[str, Any]:
    return {"instruction": prompt_of(row, label), "input": "", "output": row.answer}


def _messages(row: QnaRow, label: str) -> dict[str, Any]:
    asked = {"role": "user", "content": prompt_of(row, label)}
    return {"messages": [asked, {"role": "assistant", "content": row.answer}]}


def _sharegpt(row: QnaRow, label: str) -> dict[str, Any]:
    asked = {"from": "human", "value": prompt_of(row, label)}
    return {"conversations": [asked, {"from": "gpt", "value": row.answer}]}


# Shapes of jsonl: what other tools call them -> a row's object.
SHAPES: Mapping[str, Callable[[QnaRow, str], dict[str, Any]]] = {
    "prompt": prompt_record,
    "alpaca": _instruction,
    "messages": _messages,
    "sharegpt": _sharegpt,
}


def write_jsonl(rows: Iterable[QnaRow], file: IO[bytes], label: str, shape: str = "prompt") -> None:
    """Write rows as one JSON object in a line."""
    record_of, encoder = SHAPES[shape], msgspec.json.Encoder()
    for row in rows:
        file.write(encoder.encode(record_of(row, label)) + b"\n")
