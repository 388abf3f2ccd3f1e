"""Tables of questions and answers: every shape is read back as it was written."""

import csv
import io
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.errors import CorpusError
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.ingest.qna.rows import (
    HEADER,
    SHAPES,
    QnaRow,
    csv_values,
    read_rows,
    write_jsonl,
)

LABEL = "고객문의"
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip)
WORDS = TEXTS.filter(lambda text: text and not text.startswith("["))
KINDS = st.text("가나다 abc/", max_size=6).map(str.strip)
ROWS = st.lists(
    st.builds(
        QnaRow,
        id=st.integers(1, 10**9).map(str),
        kind=KINDS,
        question=WORDS,
        answer=WORDS,
        asked_at=st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(lambda t: t.replace(microsecond=0)),
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("rows") / "table"


@given(ROWS)
def test_csv_gives_back_the_rows(path, rows):
    target = path.with_suffix(".csv")
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([HEADER, *map(csv_values, rows)])
    target.write_bytes(text.getvalue().encode())
    assert list(read_rows(target)) == rows


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=30)
@given(rows=ROWS)
def test_every_shape_of_jsonl_gives_back_questions_and_answers(path, shape, rows):
    target = path.with_suffix(".jsonl")
    with target.open("wb") as file:
        write_jsonl(rows, file, LABEL, shape)
    returned = list(read_rows(target, LABEL))
    parts = [(row.kind, row.question, row.answer) for row in returned]
    assert parts == [(row.kind, row.question, row.answer) for row in rows]
    if shape == "prompt":
        assert returned == rows


@given(KINDS, WORDS)
def test_the_labels_of_a_prompt_are_taken_off_again(kind, question):
    form = QuestionForm(LABEL)
    prompt = form.of(question, kind)
    assert form.split(prompt) == (kind, question)
    assert form.asked(question, kind) == prompt == form.asked(prompt, kind)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "Q,A,label\n언제 와요,내일요,0\n"),
        ("b.csv", "\ufeff질문,답변\n언제 와요,내일요\n"),
        ("c.jsonl", '{"instruction": "언제", "input": "", "output": "내일요", "question": "언제 와요"}\n'),
        ("d.json", '[{"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "언제 와요"}, {"role": "assistant", "content": "내일요"}]}]'),
    ],
)  # fmt: skip
def test_tables_of_other_tools_are_read(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    (row,) = read_rows(tmp_path / name)
    assert (row.question, row.answer) == ("언제 와요", "내일요")


def test_a_table_that_excel_saved_in_korea_is_read(tmp_path):
    (tmp_path / "a.csv").write_bytes("질문,답변\n환불 언제 되나요,내일 됩니다\n".encode("cp949"))
    (row,) = read_rows(tmp_path / "a.csv")
    assert row.answer == "내일 됩니다"


@pytest.mark.parametrize("text", ['{"prompt": "x"}', "[1]", "3", "{", '{"messages": []}'])
def test_a_row_without_an_answer_is_refused_by_its_line(tmp_path, text):
    good = '{"prompt": "a", "response": "b"}\n'
    (tmp_path / "a.jsonl").write_text(f"{good}\n{text}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="line 3") as caught:
        list(read_rows(tmp_path / "a.jsonl"))
    assert caught.value.hint
