"""Count, show or delete the choices between replies that were stored, or train on them."""

import argparse

from chatbot.cli.keys import require_owner
from chatbot.cli.screen import display, say, table
from chatbot.corpus.preferences import (
    Preference,
    count_kinds,
    delete_preferences,
    read_preferences,
)
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --list, --show, --delete."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="count what is stored")
    what.add_argument("--show", action="store_true", help="show what is stored, with its text")
    what.add_argument("--delete", action="store_true", help="delete all that is stored")


def run(args: argparse.Namespace, config: Config) -> None:
    """Do one of these."""
    require_owner(config)
    if args.delete:
        delete_preferences(config)
        say("deleted: nothing is stored")
        return
    rows = read_preferences(config)
    if args.show:
        _show(rows)
    else:
        _count(rows)


def _count(rows: list[Preference]) -> None:
    counts = count_kinds(rows)
    lines = [[kind, str(pairs), str(alone)] for kind, (pairs, alone) in counts.items()]
    display(table([["by", "pairs", "rejected only"], *lines]))


def _show(rows: list[Preference]) -> None:
    lines = [["at", "by", "before it", "chosen", "rejected"]]
    for row in rows:
        before = row.context[-1][1] if row.context else ""
        texts = (before, row.chosen or "-", row.rejected)
        lines.append([row.at[:16], row.kind, *(text.replace("\n", " / ") for text in texts)])
    display(table(lines))
