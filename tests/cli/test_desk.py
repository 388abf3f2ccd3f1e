"""A customer-service desk by its commands: from a database or a table to answers."""

import csv
import json
import re
import subprocess

import pytest

from chatbot.cli.invented_desk import invent_desk, invent_questions
from tests.conftest import REPOSITORY, TINY, make_project
from tests.ingest.qna.desks import days, write_table
from tests.retrieval.desks import SETTINGS, write_desk

DESK = ("processed.tables=[desk.csv]", "processed.rooms=none")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("CHATBOT_PASSWORD", "open sesame")
    project = make_project(tmp_path / "desk")
    write_table(project.root / "desk.csv", days(0, 150))
    return project


def answers(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_from_a_table_to_a_table_of_answers(desk, capsys):
    assert desk.run("preprocess", settings=(*TINY, *DESK)) == 0
    assert re.search(r"^table1 +150 +150$", capsys.readouterr().out, re.MULTILINE)
    assert desk.run("train", settings=(*TINY, *DESK)) == 0
    questions = desk.root / "questions.jsonl"
    asked = [{"id": 7, "question": "언제 와요?"}, {"question": ""}, {"id": 8, "question": "왜요?"}]
    questions.write_text("\n".join([*map(json.dumps, asked), "{"]), encoding="utf-8")
    output = desk.root / "out.csv"
    infer = (
        "--set",
        "qna.infer.max_new_tokens=4",
        "infer",
        str(questions),
        "--output",
        str(output),
    )
    assert desk.run("qna", *infer) == 0
    said = capsys.readouterr().err
    assert "4 rows: 2 answered; without an answer: 1 damaged, 1 empty" in said
    assert "damaged rows at line 4" in said
    assert [(row["id"], row["question"]) for row in answers(output)] == [
        ("7", "언제 와요?"),
        ("8", "왜요?"),
    ]
    before = output.read_bytes()
    assert desk.run("qna", *infer) == 0
    assert "2 of them had an answer before this call" in capsys.readouterr().err
    assert output.read_bytes() == before


@pytest.mark.slow
def test_a_base_learns_a_table_and_answers_one(tmp_path, bases, monkeypatch, capsys):
    from tests.sft import SftProject

    monkeypatch.setenv("CHATBOT_PASSWORD", "open sesame")
    project = SftProject(make_project(tmp_path / "desk").root, bases("qwen2"))
    write_table(project.root / "desk.csv", days(0, 150))
    tables = ("data.tables=[desk.csv]", "data.rooms=none")
    assert project.run("preprocess", settings=tables) == 0
    assert project.run("train", settings=tables) == 0
    questions = write_table(project.root / "new.csv", days(150, 153))
    assert project.run("qna", "infer", str(questions), settings=tables) == 0
    assert len(answers(project.root / "new_answers.csv")) == 3


def test_an_invented_desk_holds_what_real_ones_do():
    rows = list(invent_desk(600, seed=1))
    assert rows == list(invent_desk(600, seed=1)) and len({row.no for row in rows}) == 600
    assert any(row.reply is None for row in rows) and any(row.is_deleted for row in rows)
    texts = " ".join(f"{row.content} {row.reply}" for row in rows)
    assert all(part in texts for part in ("<br>", "010-", "광고", "안녕하세요"))
    assert "{" not in texts and "None" not in {row.content for row in rows}
    assert len(list(invent_questions(8, seed=2))) == 8


def test_the_database_of_an_invented_desk_is_extracted_and_prepared(tmp_path, capsys):
    from chatbot.cli.commands._qna_demo import make_desk

    root = tmp_path / "desk"
    make_desk(root, 200, seed=3)
    project = make_project(root)
    (root / ".env").write_text("DB_URL=sqlite:///desk.db\n", encoding="utf-8")
    for command in (["qna", "inspect"], ["qna", "extract"], ["qna", "prepare"], ["preprocess"]):
        assert project.run(*command) == 0
    shown = capsys.readouterr()
    assert "question: content" in shown.out and "masked:" in shown.err
    stats = json.loads((root / "data/processed/stats.json").read_text(encoding="utf-8"))
    (table,) = stats["tables"].values()
    assert table["n_rows"] == table["n_kept"] + sum(table["dropped"].values()) > 100


@pytest.mark.parametrize("script", ["run_full_workflow.sh", "run_full_pipeline.sh"])
def test_the_scripts_call_the_commands_of_a_desk(tmp_path, script):
    """With a stand-in for run.sh, which prints what it is asked."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / script).write_bytes((REPOSITORY / "scripts" / script).read_bytes())
    (folder / "run.sh").write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    (folder / "run.sh").chmod(0o755)
    table = tmp_path / "new rows.csv"
    call = ["bash", str(folder / script), str(table), "--root", "desk"]
    lines = subprocess.run(call, capture_output=True, text=True, check=True).stdout.splitlines()
    if script == "run_full_pipeline.sh":
        assert lines == [f"qna --set qna.infer.ask_as=prompt --root desk infer {table}"]
        return
    assert lines[0] == f"qna --root desk --set qna.source.path={table} prepare"
    assert [line.split()[0] for line in lines[1:]] == ["preprocess", "train"]
    called = subprocess.run(call[:2], capture_output=True, text=True, check=True).stdout
    assert [line.split()[-1] for line in called.splitlines()[:2]] == ["extract", "prepare"]


@pytest.mark.parametrize("script", ["run_full_workflow", "run_full_pipeline"])
def test_the_scripts_of_windows_call_the_same_commands(script):
    words = re.compile(
        r"\b(?:extract|prepare|preprocess|train|infer|output|(?:qna|processed)\.\w+)"
    )
    texts = [(REPOSITORY / f"scripts/{script}.{end}").read_text("utf-8") for end in ("sh", "ps1")]
    in_bash, in_powershell = (
        {word for line in text.splitlines() if line[:1] != "#" for word in words.findall(line)}
        for text in texts
    )
    assert in_bash == in_powershell


def test_prepare_takes_any_table_and_counts_what_it_cannot_use(desk, capsys):
    table = desk.root / "other.csv"
    table.write_text("Q,A\n언제 와요?,내일 갑니다.\n왜요?,\n한 칸,두 칸,세 칸\n", encoding="utf-8")
    assert desk.run("qna", "--set", f"qna.source.path={table}", "prepare") == 0
    said = capsys.readouterr().err
    assert "3 rows read, 1 written" in said
    assert "dropped: 1 damaged" in said and "dropped: 1 unanswered" in said


def test_rows_are_listed_and_forgotten(desk, capsys):
    settings = (*TINY, *DESK)
    assert desk.run("preprocess", settings=settings) == 0
    assert desk.run("forget", "--find", "컵 7개", settings=settings) == 0
    row_id = capsys.readouterr().out.splitlines()[-1].split()[0]
    assert desk.run("forget", "--message-id", row_id, settings=settings) == 0
    shown = capsys.readouterr()
    assert re.search(r"^table1 +150 +149 +1$", shown.out, re.MULTILINE)
    assert "1 messages are forgotten" in shown.err


def test_where_rows_answer_a_table_names_them_or_is_handed_over(project, capsys):
    write_desk(project.root)
    (project.root / ".env").unlink()
    assert project.run("qna", "index", settings=SETTINGS) == 0
    questions = project.root / "questions.csv"
    questions.write_text("question\n주차 문의드려요\n오늘 날씨 좋네\n", encoding="utf-8")
    enabled = (*SETTINGS, "qna.answering.enabled=true")
    assert project.run("qna", "infer", str(questions), settings=enabled) == 0
    assert "2 answered, 1 handed over" in capsys.readouterr().err
    supported, other = answers(project.root / "questions_answers.csv")
    assert supported["sources"] and not supported["handed_over"]
    assert other["handed_over"] == "yes" and not other["sources"]
