"""Tables of any form: what is written comes back, and damage costs only its own row."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.errors import CorpusError
from chatbot.ingest.qna.table_rows import DamagedRow, TableRow, read_table

CELLS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd\ufeff")
    | st.sampled_from('",;\n\t|'),
    min_size=1,
).filter(lambda text: text.strip() == text and not text.startswith(("[", "{")))
PAIRS = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8)
RECORDS = {
    "question and answer": lambda q, a: {"question": q, "answer": a},
    "prompt and response": lambda q, a: {"prompt": q, "response": a},
    "instruction and output": lambda q, a: {"instruction": q, "input": "", "output": a},
    "messages": lambda q, a: {
        "messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]
    },
    "parts": lambda q, a: {
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": q}]},
            {"role": "assistant", "content": a},
        ]
    },
    "ShareGPT": lambda q, a: {
        "conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]
    },
}


def pairs_of(path):
    return [(row.question, row.answer) for row in read_table(path)]


def written(path, content, encoding="utf-8"):
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
@given(pairs=PAIRS)
def test_every_form_of_record_gives_its_rows(tmp_path_factory, record, pairs):
    lines = [json.dumps(record(*pair), ensure_ascii=False) for pair in pairs]
    folder = tmp_path_factory.mktemp("table")
    assert pairs_of(written(folder / "a.jsonl", "\n".join(lines))) == pairs
    assert pairs_of(written(folder / "a.json", f"[{','.join(lines)}]")) == pairs


@pytest.mark.parametrize("delimiter", ",\t;|")
@given(pairs=PAIRS)
def test_a_table_with_any_delimiter_gives_its_rows(tmp_path_factory, delimiter, pairs):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([("Q", "A", "label"), *((*pair, "0") for pair in pairs)])
    path = written(tmp_path_factory.mktemp("table") / "a.csv", text.getvalue())
    assert pairs_of(path) == pairs


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_every_encoding_of_a_spreadsheet_is_read(tmp_path, encoding):
    content = "번호,유형,질문,답변,일시\r\n7,배송,언제 와요?,내일 갑니다.,2025.03.02 09:05\r\n"
    (row,) = read_table(written(tmp_path / "a.csv", content, encoding))
    assert (row.id, row.kind, row.line) == ("7", "배송", 2)
    assert row.asked_at == datetime(2025, 3, 2, 9, 5, tzinfo=UTC)
    assert (row.question, row.answer) == ("언제 와요?", "내일 갑니다.")


def test_a_damaged_row_is_counted_with_its_line_and_costs_no_other(tmp_path):
    content = 'question,answer\na,b\n"never closed,b\nc,d\ntoo,many,values\n\n"two\nlines",e\n'
    rows = list(read_table(written(tmp_path / "a.csv", content)))
    assert [row.line for row in rows if isinstance(row, DamagedRow)] == [3, 5]
    read = [(row.question, row.line) for row in rows if isinstance(row, TableRow)]
    assert read == [("a", 2), ("c", 4), ("two\nlines", 7)]
    lines = ['{"question": "a", "answer": "b"}', '{"question": "a', "[1]", '{"other": 1}']
    rows = list(read_table(written(tmp_path / "a.jsonl", "\n".join(lines))))
    assert [row.line for row in rows if isinstance(row, DamagedRow)] == [2, 3, 4]


@given(content=st.binary(max_size=400))
def test_any_bytes_are_rows_or_one_error_with_a_hint(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    for head in (b"", b"question,answer\n", b'{"question": "a"}\n', b"["):
        path.write_bytes(head + content)
        try:
            assert all(row.line > 0 for row in read_table(path))
        except CorpusError as error:
            assert error.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "spreadsheet"),
        ("이름,나이\n가람,3\n".encode(), "no column for questions"),
        (b"[not json", "not valid JSON"),
    ],
)
def test_what_is_no_table_is_an_error_that_quotes_nothing(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(CorpusError, match=message) as caught:
        list(read_table(tmp_path / "a.csv"))
    assert caught.value.hint and "가람" not in f"{caught.value}{caught.value.hint}"


def test_a_talk_keeps_its_turns_and_ends_where_it_does(tmp_path):
    talk = [("assistant", "hello"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("user", "d")]
    messages = [{"role": role, "content": text} for role, text in talk]
    (row,) = read_table(written(tmp_path / "a.jsonl", json.dumps({"messages": messages})))
    assert [(turn.is_desk, turn.text) for turn in row.turns] == [
        (False, "a\nb"),
        (True, "c"),
        (False, "d"),
    ]
