"""Talk with the bot: /reset forgets, /undo takes back, /retry answers anew, /exit ends, /help."""

import argparse
import contextlib

from chatbot.cli.bot import open_bot
from chatbot.cli.screen import ask, display, say
from chatbot.inference.bot import Bot
from chatbot.settings.schema import Config

_HELP = "/reset forgets, /undo takes the last turn back, /retry answers anew, /exit ends"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to add."""


def run(args: argparse.Namespace, config: Config) -> None:
    """Read lines, answer them, until /exit or the end of input."""
    del args
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 makes input() edit Hangul by the character

    bot = open_bot(config)
    say(_HELP)
    while True:
        try:
            line = ask("you> ").strip()
        except EOFError:
            say()
            return
        except KeyboardInterrupt:
            say(" (/exit ends)")
            continue
        if line == "/exit":
            return
        if line:
            take_line(line, bot)


def take_line(line: str, bot: Bot) -> None:
    """Run a /command or answer a message."""
    if line == "/reset":
        bot.forget()
        say("forgotten")
    elif line == "/undo":
        undo(bot)
        say("taken back")
    elif line == "/retry":
        if bot.history and bot.history[-1].speaker == bot.number:
            bot.forget(1)
        if bot.history:
            _speak(bot)
        else:
            say("there is nothing to answer yet")
    elif line.startswith("/"):
        say(_HELP if line == "/help" else f"unknown command; {_HELP}")
    else:
        bot.hear(line)
        _speak(bot)


def undo(bot: Bot) -> None:
    """Remove the bot's latest turn and the message before it."""
    if bot.history and bot.history[-1].speaker == bot.number:
        bot.forget(1)
    if bot.history and bot.history[-1].speaker != bot.number:
        bot.forget(1)


def _speak(bot: Bot) -> None:
    display("bot> ", end="")
    try:
        for piece in bot.stream():
            display(piece.replace("\n", "\n     "), end="")
    except KeyboardInterrupt:
        display(" ...", end="")
    display()
