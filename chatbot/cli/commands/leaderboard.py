"""Compare every run ever made, archived ones too; rank those on the same data."""

import argparse
from pathlib import Path

from chatbot.cli.screen import display, say, sparkline, table
from chatbot.errors import CheckpointError
from chatbot.evaluation.leaderboard import Group, Leaderboard, read_leaderboard
from chatbot.evaluation.leaderboard_page import (
    describe_group,
    leaderboard_page,
    markdown,
    text_rows,
)
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes

_COLUMNS = 16  # of a curve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --md and --html."""
    parser.add_argument("--md", type=Path, metavar="FILE", help="also write it as Markdown")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with curves")


def run(args: argparse.Namespace, config: Config) -> None:
    """Print the leaderboard, and write the files asked for."""
    board = read_leaderboard(config)
    if not board.groups:
        raise CheckpointError("there is no run yet", hint="start one with `chatbot train`")
    for group in board.groups:
        _print(group, board)
    for problem in board.problems:
        say(f"warning: {problem}")
    say("only runs measured on the same data are ranked; lower is better")
    for path, text in ((args.md, markdown), (args.html, leaderboard_page)):
        if path is not None:
            write_bytes(path, text(board).encode(), mode=0o600)
            say(f"written to {path}")


def _print(group: Group, board: Leaderboard) -> None:
    display(describe_group(group))
    rows = text_rows(group, board)
    curves = [sparkline([e.val_loss for e in run.evaluations], _COLUMNS) for run in group.runs]
    shown = [(*row[:-2], c, *row[-2:]) for row, c in zip(rows, ["curve", *curves], strict=True)]
    display(table(shown))
    display()
