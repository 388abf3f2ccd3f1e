"""Commands as a user meets them: what is printed, where, and the exit status."""

import os
import pty
import re
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from chatbot.cli.invented_room import invent_room, write_android_export
from chatbot.cli.screen import duration, sparkline, table, width
from chatbot.corpus.store import read_stats
from chatbot.ingest.readers.registry import MESSENGERS
from chatbot.settings.schema import PreprocessConfig
from tests.conftest import TINY

COMMAND = [sys.executable, "-m", "chatbot"]


def start(project, *arguments, settings=TINY, **options):
    pairs = [part for setting in settings for part in ("--set", setting)]
    command = [*COMMAND, arguments[0], "--root", str(project.root), *pairs, *arguments[1:]]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


# The transcripts: (command, what stderr says), each with exit status 2.
REFUSALS = [
    (
        ["organize"],
        f"error: no export found\nhint: put a {MESSENGERS} export (txt, csv, json, zip) into data/raw/inbox\n",
    ),
    (
        ["preprocess"],
        f"error: no export is organized yet\nhint: put a {MESSENGERS} export into data/raw/inbox and run `chatbot organize`\n",
    ),
    (
        ["train"],
        "error: no processed data in {root}/data/processed\nhint: run `chatbot preprocess` first\n",
    ),
    (
        ["train", "--resume", "gone.pt"],
        "error: no checkpoint at gone.pt\nhint: drop --resume to continue the run by itself\n",
    ),
    (["status"], "error: run main has not begun\nhint: start it with `chatbot train`\n"),
    (
        ["smoke"],
        "error: run main has no model yet\nhint: `chatbot train` makes one; put a model that you received into {root}/artifacts\n",
    ),
    (
        ["reply", "안녕"],
        "error: run main has no model yet\nhint: `chatbot train` makes one; put a model that you received into {root}/artifacts\n",
    ),
    (["reply", " "], 'error: there is nothing to answer\nhint: `chatbot reply "오늘 뭐함"`\n'),
    (["bridge"], "error: no messenger is connected yet\nhint: `chatbot bridge --dry`\n"),
    (
        ["publish"],
        "error: no model at {root}/checkpoints/main/model.safetensors\nhint: `chatbot train` makes one\n",
    ),
    (
        ["plan", "--card", "8"],
        "error: --card does not apply to this kind of model\nhint: --minutes does\n",
    ),
    (
        ["train", "--stage", "cpt"],
        "error: this project has no stage cpt\nhint: train without --stage\n",
    ),
    (
        ["train", "--fresh-sft"],
        "error: this project has no stage before its last\nhint: drop --fresh-sft\n",
    ),
    (
        ["status", "--set", "model.n_layers=1"],
        "error: unknown setting model.n_layers\nhint: did you mean model.n_layer?\n",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "said"), REFUSALS, ids=lambda value: value[0] if isinstance(value, list) else ""
)
def test_mistakes_are_a_sentence_a_hint_and_status_2(project, capsys, arguments, said):
    assert project.run(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.err == said.format(root=project.root)
    assert shown.out == ""


@pytest.mark.parametrize("command", [["smoke"], ["reply", "안녕"], ["chat"], ["bridge", "--dry"]])
def test_without_a_password_every_door_is_shut(trained, capsys, command):
    (trained.root / ".env").unlink()
    assert trained.run(*command) == 2
    assert capsys.readouterr().err.startswith(
        "error: no password is set: CHATBOT_PASSWORD is not in .env\nhint:"
    )


def test_short_log_says_how_much_is_needed(project, capsys):
    project.add_export("a.txt", write_android_export(iter(list(invent_room(60, 1))[:21])))
    assert project.run("organize") == 0
    assert project.run("preprocess") == 2
    assert re.search(
        r"error: the chat has \d+ messages after cleaning\nhint: at least 100 are needed",
        capsys.readouterr().err,
    )


@pytest.mark.parametrize(
    ("n", "shown"), [(4, "0.jpg, 1.jpg, 2.jpg, 3.jpg: "), (5, "2.jpg and 2 more: ")]
)
def test_a_few_files_that_are_left_are_all_named(project, export, capsys, n, shown):
    project.add_export("a.txt", export)
    for number in range(n):
        project.add_export(f"{number}.jpg", b"\xff\xd8\xff")
    assert project.run("organize", "--dry") == 0
    assert f"{shown}left in place, it is a picture" in capsys.readouterr().err


def test_dry_organize_moves_nothing(project, export):
    path = project.add_export("a.txt", export)
    assert project.run("organize", "--dry") == 0
    assert path.exists() and not (project.root / "data/raw/manifest.json").exists()


@pytest.mark.parametrize("what", ["--show", "--show-masked"])
def test_a_look_at_data_that_is_not_made_yet_tells_all_steps_in_order(project, capsys, what):
    assert project.run("preprocess", what) == 2
    _, hint = capsys.readouterr().err.split("hint: ")
    assert re.findall(r"data/raw/inbox|chatbot \w+", hint) == [
        "data/raw/inbox",
        "chatbot organize",
        "chatbot preprocess",
    ]


def test_show_marks_what_is_trained(processed, capsys):
    assert processed.run("preprocess", "--show", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("  하늘: ") and lines[2].startswith("* 도윤: ")


def test_lines_of_the_messenger_are_no_messages(processed, capsys):
    stats = read_stats(processed.root / "data/processed")
    assert processed.run("preprocess") == 0
    n_messages = stats.messages["seen"] - stats.dropped["system"]
    shown = capsys.readouterr().err
    assert f"\n{n_messages:,} messages: " in shown and "lines of the messenger itself" in shown


def test_smoke_asks_the_three_questions(trained, capsys):
    assert trained.run("smoke") == 0
    asked = [line for line in capsys.readouterr().out.splitlines() if line.startswith("> ")]
    assert asked == ["> 오늘 뭐함", "> 밥 먹었어?", "> 주말에 뭐해?"]


def test_done_run_says_so(trained, capsys):
    assert trained.run("train") == 0
    assert "training is finished" in capsys.readouterr().err


def test_run_folder_explains_itself(trained):
    folder = trained.root / "checkpoints/main"
    names = {path.name for path in folder.iterdir()}
    assert {
        "latest.pt",
        "previous.pt",
        "checksums.json",
        "best.pt",
        "model.safetensors",
        "snapshots",
        "status.json",
        "metrics.jsonl",
        "samples.txt",
        "config.yaml",
    } <= names
    assert {path.name for path in (folder / "snapshots").glob("*.pt")} == {
        "step_000006.pt",
        "step_000012.pt",
    }


def test_chat_answers_and_obeys(trained):
    with start(trained, "chat") as process:
        shown, _ = process.communicate(
            "안녕\n/undo\n/retry\n뭐해\n/retry\n/nonsense\n/help\n/reset\n/exit\n", timeout=60
        )
    assert process.returncode == 0
    assert shown.count("bot> ") == 3
    assert "taken back" in shown and "there is nothing to answer yet" in shown
    assert shown.count("unknown command") == 1 and "forgotten" in shown
    assert shown.count("/retry answers anew") == 3  # at the start, after nonsense, at /help


def test_bridge_prints_what_would_be_sent(trained):
    with start(trained, "bridge", "--dry") as process:
        shown, _ = process.communicate("하늘: 뭐해?\n\n하늘: 밥 먹었어?\n", timeout=60)
    assert process.returncode == 0
    assert shown.count("would send: ") >= 2


def test_hangul_is_edited_by_the_character_at_a_terminal(trained):
    """Backspace removes one syllable: what is left is a command, which needs no model to check."""
    leader, follower = pty.openpty()
    pairs = [part for setting in TINY for part in ("--set", setting)]
    env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(
        [*COMMAND, "chat", "--root", str(trained.root), *pairs],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=env,
        close_fds=True,
    )
    os.close(follower)
    shown = _read_until(leader, b"you> ")
    os.write(leader, "/reset가나\x7f\x7f\r".encode())
    shown += _read_until(leader, b"forgotten")
    os.write(leader, b"/exit\r")
    assert process.wait(timeout=30) == 0
    os.close(leader)
    assert b"unknown command" not in shown


def _read_until(leader, wanted):
    shown, deadline = b"", time.monotonic() + 60
    while wanted not in shown and time.monotonic() < deadline:
        shown += os.read(leader, 4096)
    assert wanted in shown
    return shown


LONG = (*TINY, "optimization.max_steps=100000", "logging.eval_interval=50")


def wait_for_step(project, least=1):
    status = project.root / "checkpoints/main/status.json"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (
            status.exists()
            and (found := re.search(r'"step":(\d+)', status.read_text()))
            and int(found[1]) >= least
        ):
            return
        time.sleep(0.1)
    raise AssertionError("training did not begin")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGINT, "Ctrl+C"), (signal.SIGTERM, "SIGTERM")]
)
def test_signals_end_training_after_a_save(processed, capsys, number, reason):
    with start(processed, "train", settings=LONG) as process:
        wait_for_step(processed, 3)
        process.send_signal(number)
        shown, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown
    assert processed.run("status") == 0
    assert "stopping: saving and measuring" in shown and "held out" in shown
    assert f"stopped ({reason})" in capsys.readouterr().out
    assert (processed.root / "checkpoints/main/best.pt").exists()


@pytest.mark.slow
def test_background_training_is_seen_refused_twice_and_stopped(processed, capsys):
    assert processed.run("train", "--background", settings=LONG) == 0
    wait_for_step(processed)
    assert processed.run("status") == 0
    assert "running" in capsys.readouterr().out
    for arguments in (["train"], ["train", "--background"], ["archive"]):
        assert processed.run(*arguments, settings=LONG) == 2
        assert "being trained" in capsys.readouterr().err
    assert processed.run("stop") == 0
    assert processed.run("status") == 0
    assert "stopped (STOP file)" in capsys.readouterr().out
    assert not (processed.root / "checkpoints/main/STOP").exists()


@pytest.mark.slow
def test_killed_trainer_is_told_and_its_run_goes_on(processed, capsys):
    with start(processed, "train", settings=LONG) as process:
        wait_for_step(processed, 5)
        process.kill()
        process.communicate()
    assert processed.run("status") == 0
    assert "died" in capsys.readouterr().out
    assert processed.run("train", "--set", "optimization.max_steps=20") == 0
    assert "continuing at step" in capsys.readouterr().err


@pytest.mark.slow
def test_continued_training_says_where_it_was(trained, capsys):
    assert trained.run("train", "--background", settings=LONG) == 0
    assert trained.run("status") == 0
    shown = capsys.readouterr().out
    assert re.search(r"state +(starting|running)", shown)
    assert re.search(r"step +1[2-9]|step +[2-9]\d|step +\d{3}", shown)
    assert "held out" in shown
    assert trained.run("stop") == 0


def test_stop_without_a_trainer_leaves_no_stop_file(trained, capsys):
    assert trained.run("stop") == 0
    assert "is not being trained" in capsys.readouterr().err
    assert not (trained.root / "checkpoints/main/STOP").exists()


def test_old_stop_file_does_not_end_a_new_training(processed):
    folder = processed.root / "checkpoints/main"
    folder.mkdir(parents=True)
    (folder / "STOP").touch()
    time.sleep(0.05)
    assert processed.run("train") == 0
    assert '"state":"finished"' in (folder / "status.json").read_text()


def test_password_prints_a_line_that_opens_the_gate(project, capsys, monkeypatch):
    with start(project, "password") as process:
        shown, _ = process.communicate("열려라\n", timeout=60)
    line = next(line for line in shown.splitlines() if line.startswith("CHATBOT_PASSWORD_HASH="))
    (project.root / ".env").write_text(line + "\n")
    monkeypatch.setenv("CHATBOT_PASSWORD", "닫혀라")
    assert project.run("reply", "안녕") == 2
    assert "wrong password" in capsys.readouterr().err
    monkeypatch.setenv("CHATBOT_PASSWORD", "열려라")
    assert project.run("reply", "안녕") == 2
    assert "no model yet" in capsys.readouterr().err


def test_demo_runs_end_to_end_and_its_model_answers(project, capsys):
    assert project.run("demo", "--sessions", "40", "--minutes", "0.05") == 0
    assert "> 오늘 뭐함" in capsys.readouterr().out
    assert (project.root / "data/demo/artifacts/model_latest.safetensors").exists()


def test_screen_width_counts_hangul_twice():
    assert width("가나a👍") == 7
    assert table([["가", "b"], ["aaa", "c"]]) == "가   b\naaa  c"
    assert duration(3725) == "1h02m"
    assert sparkline([3, 2, 1]) == "█▅▁"


@pytest.mark.parametrize("place", [".", "data", "data/raw", "docs", "data/raw/organized/x", "/"])
def test_preprocess_deletes_nothing_that_it_did_not_write(project, export, place):
    project.add_export("KakaoTalkChats.txt", export)
    (project.root / "docs").mkdir()
    (project.root / "docs" / "mine.md").write_text("mine")
    assert project.run("organize") == 0
    before = sorted(project.root.rglob("*"))
    assert project.run("preprocess", "--set", f"processed.dir={place}") == 2
    assert sorted(project.root.rglob("*")) == before


@pytest.mark.parametrize("name", ["session_gap_minutes", "merge_gap_minutes", "max_run"])
def test_preprocess_works_at_the_largest_number_that_is_accepted(project, export, name):
    bounds = next(f.type for f in msgspec.structs.fields(PreprocessConfig) if f.name == name)
    project.add_export("KakaoTalkChats.txt", export)
    assert project.run("organize") == 0
    largest = msgspec.json.schema(bounds)["maximum"]
    assert project.run("preprocess", "--set", f"processed.preprocess.{name}={largest}") == 0
