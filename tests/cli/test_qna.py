"""`chatbot qna`: from a database nobody described to prompts and responses."""

import subprocess
import sys
import time

import pytest

from chatbot.ingest.qna.rows import read_rows
from tests.conftest import REPOSITORY
from tests.ingest.qna.shops import SOURCE, make_shop

ROWS = [
    (i, "배송", f"주문 {i}번은 언제 오나요?", f"{i}일 안에 도착합니다.", "2024-01-01")
    for i in range(1, 31)
]


def test_what_inspect_proposes_is_pasted_and_used(project, capsys):
    make_shop(project, ROWS)
    assert project.run("qna", "inspect") == 0
    shown = capsys.readouterr()
    assert "qna: 30 rows" in shown.err
    assert "주문" not in shown.out + shown.err and "도착" not in shown.out + shown.err
    (project.root / "configs/qna.yaml").write_text(shown.out, encoding="utf-8")
    assert project.run("qna", "extract") == 0
    shown = capsys.readouterr()
    assert "30 rows read, 30 written" in shown.err
    assert shown.out.strip().endswith("data/qna_dataset_sample.csv")
    assert project.run("qna", "prepare") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    text = (project.root / "data/qna_prompt_response.csv").read_text("utf-8")
    assert "[배송] [고객문의] 주문 7번은 언제 오나요?,7일 안에 도착합니다." in text


def test_an_error_is_a_sentence_and_a_hint(project, capsys):
    make_shop(project, ROWS)
    assert project.run("qna", "extract") == 2
    told = capsys.readouterr().err
    assert (
        "error: `qna.source.columns.question` and" in told and "hint: `chatbot qna inspect`" in told
    )


def test_sqlite_needs_no_package(project):
    make_shop(project, ROWS)
    code = (
        "import sys; sys.modules['sqlalchemy'] = sys.modules['pymysql'] = None\n"
        "from chatbot.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["qna", "--root", str(project.root), "inspect"]
    assert (
        subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True).returncode
        == 0
    )
    (project.root / ".env").write_text("DB_HOST=127.0.0.1\nDB_NAME=shop\n")
    shown = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert shown.returncode == 2 and "pip install 'chatbot[db]'" in shown.stderr


@pytest.mark.slow
def test_a_killed_extraction_continues_without_a_lost_or_doubled_row(project):
    make_shop(project, [(i, "", f"질문 {i}", f"답변 {i}", None) for i in range(1, 4001)])
    settings = [
        part for setting in (*SOURCE, "qna.source.page_rows=3") for part in ("--set", setting)
    ]
    command = [
        sys.executable,
        "-m",
        "chatbot",
        "qna",
        "--root",
        str(project.root),
        *settings,
        "extract",
    ]
    progress = project.root / "data/qna_dataset_sample.csv.progress"
    for _ in range(3):
        before = progress.read_bytes() if progress.exists() else None
        running = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        while running.poll() is None and (not progress.exists() or progress.read_bytes() == before):
            time.sleep(0.01)
        time.sleep(0.1)
        running.kill()
        running.wait()
    assert progress.exists()
    shown = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert shown.returncode == 0 and "continuing after" in shown.stderr
    rows = list(read_rows(project.root / "data/qna_dataset_sample.csv"))
    assert [int(row.id) for row in rows] == list(range(1, 4001))
