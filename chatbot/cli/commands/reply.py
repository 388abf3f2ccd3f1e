"""Answer one message."""

import argparse

from chatbot.cli.bot import open_bot
from chatbot.cli.desk import open_desk_answers
from chatbot.cli.screen import display
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the message."""
    parser.add_argument("text", help='what to answer, for example "오늘 뭐함"')


def run(args: argparse.Namespace, config: Config) -> None:
    """Load the model or the desk, answer, print."""
    if not args.text.strip():
        raise ConfigError("there is nothing to answer", hint='`chatbot reply "오늘 뭐함"`')
    if config.qna.answering.enabled:
        display(open_desk_answers(config)(args.text.strip()))
        return
    bot = open_bot(config)
    bot.hear(args.text.strip())
    display(bot.reply().text)
