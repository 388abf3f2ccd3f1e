"""Show the messages of the training data nearest to a reply; for the owner's eyes only."""

import argparse

from chatbot.cli.sources import open_explainer
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the reply."""
    parser.add_argument("text", help='what the bot said, for example "나도 갈래"')


def run(args: argparse.Namespace, config: Config) -> None:
    """Print the nearest messages, with what each answered."""
    if not args.text.strip():
        raise ConfigError("there is no reply to explain", hint='`chatbot why "나도 갈래"`')
    open_explainer(config)(args.text)
