"""A database's tables -> which of them hold questions and answers, judged by names and shapes.

Values are read to measure them, and never leave this module.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import yaml

from chatbot.ingest.qna.tables import Database, Table
from chatbot.ingest.qna.text import plain_text, time_of

_N_SAMPLE = 200
_N_CHARS = 2000  # of a value that are measured
_TEXT_TYPES = re.compile("char|text|clob|json|string|^$")
_WORDS = {
    "question": "question q inquiry inquire ask asked qst 문의 질문",
    "answer": "answer a reply response ans answered comment 답변 답글",
    "type": "type category cate kind class label code topic 유형 분류 구분",
    "time": "created regdate regdt reg date time datetime wdate asked 등록일 작성일 일시",
    "deleted": "deleted del delyn removed 삭제",
}  # fmt: skip
_CONTENT_WORDS = re.compile("contents?|body|text|memo|message|msg|subject|title|내용|제목")
_ASKS = re.compile(r"[?？]|(?:나요|가요|까요|을까|는지|인가|해요|주세요|싶어요?)[.~! ]*$")
_TELLS = re.compile(r"(?:니다|세요|드려요|하죠|에요|예요|네요|어요|아요|거예요)[.~! ]*$")
_LEAST_SCORE = 1.0


@dataclass(frozen=True)
class ColumnShape:
    """What a column holds, as shares of its sampled values."""

    name: str
    type: str
    is_text: bool
    mean_chars: float
    filled: float
    asks: float
    tells: float
    is_time: float
    distinct: float


@dataclass(frozen=True)
class TableShape:
    """A table, its number of rows, and what its columns hold."""

    table: Table
    n_rows: int
    columns: tuple[ColumnShape, ...]


@dataclass(frozen=True)
class Proposal:
    """Settings of `qna.source` that fit a database."""

    table: str
    columns: dict[str, str] = field(default_factory=dict)
    joins: tuple[str, ...] = ()

    def as_yaml(self) -> str:
        """Return the settings to paste into configs/qna.yaml."""
        names = ("id", "question", "answer", "type", "time", "deleted")
        columns = {name: self.columns.get(name, "") for name in names}
        source = {"table": self.table, "columns": columns, "joins": list(self.joins)}
        return yaml.safe_dump({"qna": {"source": source}}, allow_unicode=True, sort_keys=False)


def inspect_tables(database: Database) -> list[TableShape]:
    """Return the tables of a database, measured on their first rows."""
    return [_measured(database, database.table(name)) for name in database.table_names()]


def propose(shapes: Sequence[TableShape]) -> Proposal | None:
    """Return the likeliest settings; None if no table holds questions and answers."""
    ranked = [*_single_tables(shapes), *_pairs(shapes)]
    return max(ranked, key=lambda pair: pair[0], default=(0.0, None))[1]


def _measured(database: Database, table: Table) -> TableShape:
    name = database.quote(table.name)
    with database.select(f"select count(*) from {name}", {}) as result:
        n_rows = next(iter(result.rows))[0]
    with database.select(f"select * from {name} limit {_N_SAMPLE}", {}) as result:
        rows = list(islice(result.rows, _N_SAMPLE))
    columns = tuple(
        _column_shape(column.name, column.type, [row[i] for row in rows])
        for i, column in enumerate(table.columns)
    )
    return TableShape(table, n_rows, columns)


def _column_shape(name: str, kind: str, values: Sequence[object]) -> ColumnShape:
    filled = [value for value in values if value not in (None, "", b"")]
    is_text = _TEXT_TYPES.search(kind) is not None
    texts = [plain_text(str(value)[:_N_CHARS]) for value in filled] if is_text else []
    n = max(1, len(filled))
    # A number is a time only where its name says so: ids look like seconds as well.
    is_number = re.search("int|decimal|float|double|real|bool|bit", kind) is not None
    may_be_time = not is_number or _name_score(name, "time") == 1.0
    n_times = sum(time_of(value, 0.0) is not None for value in filled) if may_be_time else 0
    return ColumnShape(
        name=name,
        type=kind,
        is_text=is_text,
        mean_chars=sum(map(len, texts)) / n,
        filled=len(filled) / max(1, len(values)),
        asks=sum(_ASKS.search(text) is not None for text in texts) / n,
        tells=sum(_TELLS.search(text) is not None for text in texts) / n,
        is_time=n_times / n,
        distinct=len({str(value) for value in filled}) / n,
    )


def _words(name: str) -> list[str]:
    """Split a name: inquiryContents, INQUIRY_CONTENTS -> inquiry, contents, content."""
    words = re.findall(r"[a-z]+|[가-힣]+", re.sub("([a-z])([A-Z])", r"\1_\2", name).lower())
    singular = [re.sub("ies$", "y", word).removesuffix("s") for word in words]
    return [*words, *(word for word in singular if word not in words)]


def _name_score(name: str, part: str) -> float:
    words, sought = _words(name), _WORDS[part].split()
    if any(word in sought for word in words):
        return 1.0
    long = [word for word in sought if len(word) > 2 or word > "가"]
    return 0.6 if any(word in "".join(words) for word in long) else 0.0


def _score(shape: ColumnShape, part: str, table: str) -> float:
    """Return how well a column fits a question or an answer; 0: not at all."""
    if not shape.is_text or shape.mean_chars < 2 or shape.is_time > 0.5 or shape.distinct < 0.02:
        return 0.0
    other = "answer" if part == "question" else "question"
    name = _name_score(shape.name, part) - _name_score(shape.name, other)
    if any(_CONTENT_WORDS.fullmatch(word) for word in _words(shape.name)):
        # body, memo: of what the table is named for
        name += 0.3 + 0.7 * (_name_score(table, part) - _name_score(table, other))
    content = shape.asks if part == "question" else shape.tells
    return max(0.0, 2 * name + content + min(shape.mean_chars, 40) / 100)


def _best(shape: TableShape, part: str, but: str = "") -> tuple[float, str]:
    scores = [
        (_score(column, part, shape.table.name), column.name)
        for column in shape.columns
        if column.name != but
    ]
    return max(scores, default=(0.0, ""))


def _single_tables(shapes: Sequence[TableShape]) -> Iterator[tuple[float, Proposal]]:
    """Yield tables that hold both, with their score."""
    for shape in shapes:
        question_score, question = _best(shape, "question")
        answer_score, answer = _best(shape, "answer", but=question)
        if min(question_score, answer_score) >= _LEAST_SCORE and shape.n_rows:
            columns = {"question": question, "answer": answer, **_others(shape, question, answer)}
            yield question_score + answer_score, Proposal(shape.table.name, columns)


def _pairs(shapes: Sequence[TableShape]) -> Iterator[tuple[float, Proposal]]:
    """Yield tables of questions with a table of answers that refers to them."""
    for asked in shapes:
        question_score, question = _best(asked, "question")
        for answered in shapes:
            link = _link(asked.table, answered.table) if asked is not answered else None
            answer_score, answer = _best(answered, "answer")
            if link and min(question_score, answer_score) >= _LEAST_SCORE and asked.n_rows:
                others = _others(asked, question, "")
                columns = {"question": question, "answer": f"{answered.table.name}.{answer}"}
                score = question_score + answer_score
                yield score, Proposal(asked.table.name, columns | others, (link,))


def _link(asked: Table, answered: Table) -> str | None:
    """Return the join between a table of questions and one of answers, by their names."""
    if len(asked.key) != 1:
        return None
    key, table = asked.key[0], asked.name.lower()
    singular = table.removesuffix("s")
    names = {f"{singular}_{key}", f"{table}_{key}", f"{singular}{key}", f"{singular}_id"}
    names |= {f"{word}_{key}" for word in ("question", "inquiry", "qna", "parent")}
    names |= {key.lower()} - {"id", "idx", "no", "seq"}
    for column in answered.columns:
        if column.name.lower() in {name.lower() for name in names}:
            return f"{answered.name}.{column.name} = {asked.name}.{key}"
    return None


def _others(shape: TableShape, *taken: str) -> dict[str, str]:
    """Return the columns of id, type, time and deletion, where there are some."""
    key = shape.table.key
    columns = {"id": key[0]} if len(key) == 1 else {}
    rest = [column for column in shape.columns if column.name not in {*taken, *key}]
    kinds = [
        c for c in rest if _name_score(c.name, "type") and c.distinct < 0.5 and c.mean_chars < 40
    ]
    times = [c for c in rest if c.is_time > 0.5 or ("date" in c.type or "time" in c.type)]
    deleted = [c for c in rest if _name_score(c.name, "deleted") == 1.0]
    times = [c for c in times if c not in deleted]
    times.sort(key=lambda c: -_name_score(c.name, "time"))
    for part, fitting in (("type", kinds), ("time", times), ("deleted", deleted)):
        if fitting:
            columns[part] = fitting[0].name
    return columns
