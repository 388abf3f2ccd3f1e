"""Questions and answers <-> csv and jsonl, in the shapes that other tools write and read."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from chatbot.errors import CorpusError
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.ingest.qna.table_rows import DamagedRow, TableRow, read_table, time_of

HEADER = ("id", "type", "question", "answer", "asked_at")
PROMPT_HEADER = ("id", "type", "prompt", "response", "asked_at")


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


def read_rows(
    path: Path, label: str = "", is_left_out: Callable[[TableRow], bool] = lambda _row: False
) -> Iterator[QnaRow]:
    """Yield the rows of a csv or jsonl file, whichever shape it has.

    `label`: the one before the question of a prompt. Raises CorpusError, which
    names the line, if a row has no question or no answer.
    """
    return _rows(path, label, _refuse, is_left_out)


def read_usable_rows(path: Path, dropped: Counter[str]) -> Iterator[QnaRow]:
    """Yield the rows as `read_rows` does; count those without question or answer in `dropped`."""

    def count(_line: int, reason: str) -> None:
        dropped[reason] += 1

    return _rows(path, "", count, lambda _row: False)


def _rows(
    path: Path,
    label: str,
    on_fault: Callable[[int, str], None],
    is_left_out: Callable[[TableRow], bool],
) -> Iterator[QnaRow]:
    for row in read_table(path):
        if isinstance(row, DamagedRow):
            on_fault(row.line, "damaged")
        elif not (row.question and row.answer):
            on_fault(row.line, "unanswered")
        elif not is_left_out(row):
            kind, question = QuestionForm(label).split(row.question)
            yield QnaRow(
                id=row.id,
                kind=row.kind or kind,
                question=question,
                answer=row.answer,
                asked_at=row.asked_at and row.asked_at.replace(tzinfo=None),
            )


def _refuse(line: int, reason: str) -> None:
    raise CorpusError(
        f"line {line} of a table is {reason}",
        hint="columns: question and answer, prompt and response, instruction and output; "
        "or messages",
    )


def parse_time(text: str) -> datetime | None:
    """Read a time as a database or a tool writes it; None for a zero date or none.

    >>> parse_time("2024-01-31 10:20:30"), parse_time("0000-00-00 00:00:00")
    (datetime.datetime(2024, 1, 31, 10, 20, 30), None)
    """
    at = time_of(text, UTC)
    return at and at.replace(tzinfo=None)


def csv_values(row: QnaRow) -> tuple[str, ...]:
    """Return the values of a row under HEADER."""
    return row.id, row.kind, row.question, row.answer, _time_text(row)


def _time_text(row: QnaRow) -> str:
    return row.asked_at.isoformat(" ", "seconds") if row.asked_at else ""


def _prompt_of(row: QnaRow, label: str) -> str:
    return QuestionForm(label).of(row.question, row.kind)


def prompt_record(row: QnaRow, label: str) -> dict[str, Any]:
    """Return a row under PROMPT_HEADER."""
    values = row.id, row.kind, _prompt_of(row, label), row.answer, _time_text(row)
    return dict(zip(PROMPT_HEADER, values, strict=True))


def _instruction(row: QnaRow, label: str) -> dict[str, Any]:
    return {"instruction": _prompt_of(row, label), "input": "", "output": row.answer}


def _messages(row: QnaRow, label: str) -> dict[str, Any]:
    asked = {"role": "user", "content": _prompt_of(row, label)}
    return {"messages": [asked, {"role": "assistant", "content": row.answer}]}


def _sharegpt(row: QnaRow, label: str) -> dict[str, Any]:
    asked = {"from": "human", "value": _prompt_of(row, label)}
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
