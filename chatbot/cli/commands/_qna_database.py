"""`chatbot qna inspect`, `extract` and `prepare`: from a database to prompts and responses."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chatbot.cli.screen import TERMINAL, display, say, table
from chatbot.ingest.qna.rows import SHAPES
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.ingest.qna.inspect import TableShape


def add_subcommands(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add inspect, extract and prepare."""
    summary = "list the tables of the database, and propose settings for configs/qna.yaml"
    inspect = subcommands.add_parser("inspect", help=summary, description=summary)
    inspect.set_defaults(run_subcommand=_inspect)
    summary = "read questions and answers from the database, or continue"
    extract = subcommands.add_parser("extract", help=summary, description=summary)
    extract.set_defaults(run_subcommand=_extract)
    summary = "mask and clean the extracted rows, and write prompts and responses"
    prepare = subcommands.add_parser("prepare", help=summary, description=summary)
    prepare.add_argument(
        "--shape", choices=[*SHAPES], default="prompt", help="form of the jsonl, for other tools"
    )
    prepare.set_defaults(run_subcommand=_prepare)


def _inspect(_args: argparse.Namespace, config: Config) -> None:
    """Print tables and columns, never values, and a proposal."""
    from chatbot.ingest.qna.database import open_database
    from chatbot.ingest.qna.inspect import inspect_tables, propose

    database = open_database(config)
    try:
        shapes = inspect_tables(database)
    finally:
        database.close()
    for shape in shapes:
        say(f"{shape.table.name}: {shape.n_rows:,} rows")
        say(table(_column_rows(shape)))
    proposal = propose(shapes)
    if proposal is None:
        say("no table looks like questions and answers; name the columns in `configs/qna.yaml`")
        return
    say("put this into `configs/qna.yaml`, then `chatbot qna extract`:")
    display(proposal.as_yaml(), end="")


def _column_rows(shape: "TableShape") -> list[list[str]]:
    head = ["  column", "type", "filled", "mean length"]
    return [head] + [
        [f"  {c.name}", c.type, f"{c.filled:.0%}", f"{c.mean_chars:.0f}" if c.is_text else ""]
        for c in shape.columns
    ]


def _extract(_args: argparse.Namespace, config: Config) -> None:
    """Write the csv of the database's rows."""
    from chatbot.ingest.qna.database import open_database
    from chatbot.ingest.qna.extract import extract

    account = extract(config, open_database, TERMINAL)
    say(f"{account.n_read:,} rows read, {account.n_written:,} written")
    _say_counts("dropped", account.dropped)
    _say_counts("changed", account.notes)
    say("next: `chatbot qna prepare`")
    display(str(config.path(config.qna.source.path)))


def _prepare(args: argparse.Namespace, config: Config) -> None:
    """Write prompts and responses."""
    from chatbot.ingest.qna.prepare import prepare

    account = prepare(config, args.shape)
    say(f"{account.n_read:,} rows read, {account.n_written:,} written")
    _say_counts("dropped", account.dropped)
    _say_counts("removed", account.removed)
    _say_counts("masked", account.masked)
    for path in (config.qna.prepare.csv_path, config.qna.prepare.jsonl_path):
        display(str(config.path(path)))


def _say_counts(what: str, counts: Mapping[str, int]) -> None:
    for reason, n in sorted(counts.items(), key=lambda item: -item[1]):
        say(f"{what}: {n:,} {reason}")
