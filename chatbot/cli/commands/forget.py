"""Remove messages from the data for good, and mark every model that was trained on them."""

import argparse

from chatbot.cli.keys import require_owner
from chatbot.cli.reports import print_stats
from chatbot.cli.screen import TERMINAL, display, say, table
from chatbot.corpus.preferences import preferences_path
from chatbot.errors import ConfigError, CorpusError
from chatbot.ingest.organize.forgetting import ForgetRule, day_of, message_id
from chatbot.ingest.organize.inbox import ASIDE
from chatbot.ingest.organize.rooms import Room, open_rooms
from chatbot.privacy.forgetting import find_messages, forget, purge, speaker_rule
from chatbot.settings.schema import Config

_SHOWN_CHARS = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to forget, --find and --purge."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--speaker", metavar="NAME", help="all messages of a speaker")
    what.add_argument("--before", metavar="DATE", help="all messages before a date: 2025-03-31")
    what.add_argument(
        "--message-id", metavar="ID", help="a message, by its id in the list of --find"
    )
    what.add_argument(
        "--find", metavar="TEXT", help="list messages that contain a text, with their ids"
    )
    parser.add_argument(
        "--purge",
        action="store_true",
        help="delete archives, runs and published files with forgotten messages",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """List messages, or rebuild the data without forgotten ones, and report the consequences."""
    rule_is_named = args.speaker or args.before or args.message_id
    if not (rule_is_named or args.find or args.purge):
        raise ConfigError(
            "there is nothing to forget", hint="`chatbot forget --speaker NAME`, or --help"
        )
    if rule_is_named or args.find:
        _forget(args, config)
    if args.purge and not args.find:
        _purge(config)


def _forget(args: argparse.Namespace, config: Config) -> None:
    rooms = open_rooms(config)
    if args.find:
        require_owner(config)
        _list_messages(args.find, rooms, config)
        return
    had_preferences = preferences_path(config).exists()
    forgetting = forget(_rule(args, rooms), rooms, config, TERMINAL)
    for stats in forgetting.corpora:
        print_stats(stats)
    if had_preferences:
        say("the stored choices between replies of those models are deleted")
    n_messages = forgetting.receipt.n_messages
    say(f"{n_messages:,} messages are forgotten; receipt: {forgetting.path}")
    if forgetting.corpora:
        say("models that were trained on them are marked: train again before publishing")
    else:
        say(
            "models that learned from them are marked, and what is left of this chat trains no new "
            f"one: `chatbot archive`, put another export into {config.raw.inbox_dir}, then "
            "`chatbot organize`, `chatbot preprocess`, `chatbot train`"
        )
    if n_archives := len(forgetting.receipt.archives):
        say(f"{n_archives} archives hold them: `chatbot forget --purge` deletes those and models")
    tables = " and the tables of your desk" if config.processed.tables else ""
    exports = _places_of_exports(config)
    say(f"your exports in {exports}{tables} still hold them, and so do files that you gave away")


def _purge(config: Config) -> None:
    paths = purge(config)
    for path in paths:
        say(f"deleted {path}")
    if not paths:
        exports = _places_of_exports(config)
        say(f"nothing here holds forgotten messages but the exports in {exports}")


def _places_of_exports(config: Config) -> str:
    """Name the folders with exports as they came: `organize` puts some of them aside."""
    folders = [f"{config.storage.archive_dir}/{name}" for name in ASIDE]
    aside = [folder for folder in folders if any(config.path(folder).glob("*"))]
    return ", ".join(["data/raw", *aside])


def _rule(args: argparse.Namespace, rooms: list[Room]) -> ForgetRule:
    if args.speaker:
        return speaker_rule(args.speaker, rooms)
    if args.before:
        return ForgetRule("before", day_of(args.before))
    return ForgetRule("message", args.message_id)


def _list_messages(text: str, rooms: list[Room], config: Config) -> None:
    rows = [["id", "sent", "speaker", "text"]]
    for message in find_messages(text, rooms, config):
        sent = "" if message.sent_at is None else f"{message.sent_at:%Y-%m-%d %H:%M}"
        rows.append([message_id(message), sent, message.speaker, message.text[:_SHOWN_CHARS]])
    if len(rows) == 1:
        raise CorpusError("no message contains that text", hint="try fewer words")
    display(table(rows))
