"""Type a room line by line ("name: text") and see what the bot would send to it."""

import argparse
import sys

from chatbot.cli.bot import open_bot
from chatbot.cli.screen import display, say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --dry."""
    parser.add_argument("--dry", action="store_true", help="print instead of sending")


def run(args: argparse.Namespace, config: Config) -> None:
    """Answer stdin; nothing is ever sent."""
    if not args.dry:
        raise ConfigError("no messenger is connected yet", hint="`chatbot bridge --dry`")
    from chatbot.serving.bridge.lines import answer_room

    bot = open_bot(config)
    say('dry run: type the messages of a room, one per line ("name: text"); end with Ctrl+D')
    for outgoing in answer_room(sys.stdin, bot, bot.names):
        display("<NO_REPLY>" if outgoing.text is None else f"would send: {outgoing.text}")
