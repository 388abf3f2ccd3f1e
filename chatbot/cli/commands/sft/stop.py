"""Ask the trainer to save and end, and wait until it has."""

import argparse

from chatbot.cli.commands import stop as of_one
from chatbot.cli.commands.sft._stage import current_stage
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --cooldown."""
    of_one.add_arguments(parser)


def run(args: argparse.Namespace, config: Config) -> None:
    """Stop the stage that is under way."""
    of_one.run(args, current_stage(args, config))
