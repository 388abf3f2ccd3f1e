"""`chatbot qna demo`: an invented desk, from its database to answers; needs no desk of yours."""

import argparse
import csv
import importlib
import io
from pathlib import Path

from chatbot.cli.arguments import positive, positive_float
from chatbot.cli.invented_desk import invent_desk, invent_questions, write_desk
from chatbot.cli.main import call
from chatbot.cli.project import make_invented_project, write_setting
from chatbot.cli.screen import display, say
from chatbot.ingest.qna.rows import read_rows
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes

FOLDER = "data/desk"
_NEEDED = ("torch", "tqdm", "safetensors")
_N_QUESTIONS = 8
_COLUMNS = {
    "table": "qna", "id": "no", "question": "content", "answer": "reply", "type": "category",
    "time": "created_at", "deleted": "is_deleted",
}  # fmt: skip
_STEPS = (
    ("1. inspect: what the database holds", "qna", "inspect"),
    ("2. extract: its questions and answers to a table", "qna", "extract"),
    ("3. prepare: masked prompts, cleaned responses", "qna", "prepare"),
    ("4. preprocess: rows -> tokens", "preprocess", ""),
    ("   what is trained (*)", "preprocess", "--show 1"),
    ("5. train", "train", ""),
)


def add_subcommand(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add demo."""
    summary = "show all of it on an invented desk, in data/desk"
    demo = subcommands.add_parser("demo", help=summary, description=summary)
    demo.add_argument("--rows", type=positive, default=900, metavar="N", help="rows to invent")
    demo.add_argument(
        "--minutes",
        type=positive_float,
        default=2.0,
        metavar="M",
        help="maximum minutes of training",
    )
    demo.set_defaults(run_subcommand=_demo)


def _demo(args: argparse.Namespace, config: Config) -> None:
    """Create a separate project in data/desk, and run all commands of a desk in it."""
    for name in _NEEDED:  # before anything is written
        importlib.import_module(name)
    root = config.path(FOLDER)
    say(f"the desk lives in {root}; nothing of yours is touched")
    make_desk(root, args.rows, config.runtime.seed)
    overrides = (f"optimization.max_minutes={args.minutes}", *args.overrides)
    in_desk = ["--root", str(root), *(part for each in overrides for part in ("--set", each))]
    for title, command, words in _STEPS:
        say(f"\n== {title}")
        call([command, *in_desk, *words.split()])
    say("\n== 6. infer: new questions, asked in a table")
    questions, answers = root / "data/questions.csv", root / "data/answers.csv"
    answers.unlink(missing_ok=True)
    call(["qna", *in_desk, "infer", str(questions), "--output", str(answers)])
    for row in read_rows(answers):
        display(f"> {row.question}")
        display(f"  {row.answer}")
    say(f"\ntalk to it: `chatbot chat --root {root}`")


def make_desk(root: Path, n_rows: int, seed: int) -> None:
    """Write the settings, the database and the new questions, unless they are there."""
    make_invented_project(root, f"DB_URL=sqlite:///{(root / 'desk.db').absolute()}")
    for name, column in _COLUMNS.items():
        write_setting(root / "configs/qna.yaml", f'{name}: ""', f"{name}: {column}")
    table = "data/qna_prompt_response.csv"
    write_setting(root / "configs/paths.yaml", "tables: []", f"tables: [{table}]")
    database = root / "desk.db"
    if not database.exists():
        write_desk(database, invent_desk(n_rows, seed))
    text = io.StringIO(newline="")
    rows = [("type", "question"), *invent_questions(_N_QUESTIONS, seed + 1)]
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_bytes(root / "data/questions.csv", text.getvalue().encode())
