"""Answer a room of a messenger: typed lines, or a chat window, with approval of each message."""

import argparse
import sys

from chatbot.cli.bot import open_bot
from chatbot.cli.screen import display, say
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the modes, --auto and --room."""
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--dry", action="store_true", help="read typed lines, print replies")
    mode.add_argument("--calibrate", action="store_true", help="show where a window has its parts")
    mode.add_argument("--ui-dry", action="store_true", help="read a window, send nothing")
    mode.add_argument("--send", action="store_true", help="answer in a window, asking each time")
    parser.add_argument("--auto", action="store_true", help="with --send: without asking")
    parser.add_argument("--room", metavar="NAME", help="whole name of a room in `bridge.rooms`")


def run(args: argparse.Namespace, config: Config) -> None:
    """Answer stdin or a window; only --send sends."""
    if args.dry:
        _answer_lines(config)
    elif args.calibrate or args.ui_dry or args.send:
        _answer_window(args, config)
    else:
        raise ConfigError("no messenger is connected yet", hint="`chatbot bridge --dry`")


def _answer_lines(config: Config) -> None:
    from chatbot.serving.bridge.lines import answer_room

    bot = open_bot(config)
    say('dry run: type the messages of a room, one per line ("name: text"); end with Ctrl+D')
    for outgoing in answer_room(sys.stdin, bot, bot.names):
        display("<NO_REPLY>" if outgoing.text is None else f"would send: {outgoing.text}")


def _answer_window(args: argparse.Namespace, config: Config) -> None:
    from chatbot.cli import window_bridge

    title = window_bridge.room_of(config, args.room)
    if args.calibrate:
        window_bridge.calibrate(config, title)
        return
    if args.auto:
        window_bridge.require_unattended(config)
    approve = window_bridge.show_only if args.ui_dry else window_bridge.approve_at_terminal
    if args.send and args.auto:
        approve = window_bridge.send_at_once
    bot = open_bot(config)
    window_bridge.run_window(config, title, bot, approve, attended=not (args.send and args.auto))
