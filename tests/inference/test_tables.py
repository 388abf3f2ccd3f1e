"""Tables of questions: every row answered once, in order, whatever stops the job and when."""

import csv
import json
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.errors import ConfigError
from chatbot.inference.journal import Answer, Entry, Journal
from chatbot.inference.tables import TableJob, answer_table
from chatbot.ingest.qna.table_rows import read_table

QUESTIONS = st.lists(st.sampled_from(["", "a?", "b?", "언제 와요?", '"c",\n?']), max_size=12)


class Stop(Exception):  # noqa: N818 not an error
    """Stops a job."""


class Desk:
    """Answers by the question and its seed; stops after a number of answers."""

    def __init__(self, n_most=10**9):
        self.asked, self._n_most, self._lock = Counter(), n_most, threading.Lock()

    def __call__(self, row, seed):
        with self._lock:
            if self.asked.total() >= self._n_most:
                raise Stop
            self.asked[row.line] += 1
        return Answer(f"{row.turns[-1].text} {seed}", ("7", "9"))


def job_of(folder, questions=(), target="answers.csv", n_at_once=3):
    source = folder / "questions.csv"
    if questions:
        with source.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("question", "answer"), *((q, "old") for q in questions)])
    return TableJob(source, folder / target, "model", 1, n_at_once, UTC)


def read_questions(job):
    return [row for row in read_table(job.source) if row.question]


def answers_of(job):
    return [(row.id, row.question, row.answer) for row in read_table(job.target)]


@given(questions=QUESTIONS, n_most=st.integers(0, 12), target=st.sampled_from(["a.csv", "a.jsonl"]))
def test_a_stopped_job_continues_to_the_same_answers(tmp_path_factory, questions, n_most, target):
    folder = tmp_path_factory.mktemp("job")
    whole = job_of(folder, ["x?", *questions], f"whole_{target}")
    result = answer_table(whole, Desk())
    assert result.n_rows == len(questions) + 1 == result.n_answered + result.dropped.total()
    asked = [question for question in ["x?", *questions] if question]
    assert [question for _, question, _ in answers_of(whole)] == asked
    job, first, second = replace(whole, target=folder / target), Desk(n_most), Desk()
    try:
        answer_table(job, first)
    except Stop:
        assert not job.target.exists()
        n_lost = first.asked.total() - answer_table(job, second).n_continued
        assert 0 <= n_lost <= 2 * job.n_at_once  # those that were being answered
    assert first.asked.keys() | second.asked.keys() == {row.line for row in read_questions(whole)}
    assert job.target.read_bytes() == whole.target.read_bytes()
    assert not job.unfinished.exists()


def test_answers_that_end_where_their_tokens_do_are_counted(tmp_path):
    def answer(row, _seed):
        return Answer("네", is_cut=row.question == "a?")

    assert answer_table(job_of(tmp_path, ["a?", "b?"]), answer).n_cut == 1


def test_rows_that_are_added_later_are_asked_alone(tmp_path):
    job = job_of(tmp_path, ["a?", "b?"])
    answer_table(job, Desk())
    before, desk = answers_of(job), Desk()
    job_of(tmp_path, ["a?", "b?", "c?"])
    assert answer_table(job, desk).n_continued == 2
    assert desk.asked == {4: 1} and answers_of(job)[:2] == before


def test_a_line_that_was_cut_is_asked_again(tmp_path):
    journal = Journal(tmp_path / "a", "model")
    for number in range(3):
        journal.add(Entry(str(number), number, Answer("네")))
    journal.close()
    content = (tmp_path / "a").read_bytes()
    for length in range(len(content)):
        (tmp_path / "a").write_bytes(content[:length])
        again = Journal(tmp_path / "a", "model")
        n_whole = max(0, content[:length].count(b"\n") - 1)
        assert len(again) == n_whole and all(again[str(n)].seed == n for n in range(n_whole))
        again.add(Entry("new", 5, Answer("아니요")))
        assert again["new"].answer.text == "아니요"
        again.close()


def test_another_model_does_not_continue(tmp_path):
    job = job_of(tmp_path, ["a?", "b?"])
    with pytest.raises(Stop):
        answer_table(job, Desk(1))
    with pytest.raises(ConfigError, match="another model") as caught:
        answer_table(replace(job, answerer_hash="other"), Desk())
    assert str(job.unfinished) in caught.value.hint


def test_the_table_itself_is_never_the_target(tmp_path):
    job = job_of(tmp_path, ["a?"], "questions.csv")
    with pytest.raises(ConfigError, match="table of the questions"):
        answer_table(job, Desk())
    with pytest.raises(ConfigError, match="neither a csv nor a jsonl"):
        answer_table(replace(job, target=tmp_path / "a.xlsx"), Desk())


def test_sources_and_what_is_handed_over_are_written(tmp_path):
    job = job_of(tmp_path, ["a?"], "a.jsonl")
    handed = Answer("담당자에게 전달할게요.", ("3",), is_handed_over=True)
    assert answer_table(job, lambda _row, _seed: handed).n_handed_over == 1
    record = json.loads(job.target.read_text(encoding="utf-8"))
    assert record["sources"] == "3" and record["handed_over"] == "yes" and record["seed"] > 0
