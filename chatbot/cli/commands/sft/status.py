"""Say where the run is: step, losses, speed, time left, and whether a trainer lives."""

import argparse

from chatbot.cli.commands import status as of_one
from chatbot.cli.commands.sft._stage import current_stage
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to add."""
    of_one.add_arguments(parser)


def run(args: argparse.Namespace, config: Config) -> None:
    """Print the truth about the stage that is under way."""
    of_one.run(args, current_stage(args, config))
