"""A customer-service desk: its database to prompts and responses, its index and its answers."""

import argparse

from chatbot.cli.commands import _qna_database, _qna_demo, _qna_eval, _qna_index, _qna_infer
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
    _qna_database.add_subcommands(subcommands)
    _qna_infer.add_subcommand(subcommands)
    _qna_demo.add_subcommand(subcommands)
    _qna_index.add_subcommand(subcommands)
    _qna_eval.add_subcommand(subcommands)


def run(args: argparse.Namespace, config: Config) -> None:
    """Run a subcommand."""
    args.run_subcommand(args, config)
