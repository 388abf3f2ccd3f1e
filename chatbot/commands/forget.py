"""Take messages out of the data for good, and mark every model that learned from them."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatbot.commands import preprocess
from chatbot.commands._terminal import say, table
from chatbot.corpus.store import read_stats
from chatbot.errors import CorpusError
from chatbot.ingest.forgetting import (
    FILE,
    ForgetRule,
    day_of,
    message_id,
    read_rules,
    speaker_hash,
    write_rules,
)
from chatbot.ingest.rooms import choose_rooms, read_room, resolve_aliases
from chatbot.settings import Config
from chatbot.storage.files import sha256_of, write_json
from chatbot.training.folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to forget, and --find."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--speaker", metavar="NAME", help="all that somebody said")
    what.add_argument("--before", metavar="DATE", help="all that was said before a day: 2025-03-31")
    what.add_argument("--message-id", metavar="ID", help="one message, as --find lists it")
    what.add_argument(
        "--find", metavar="TEXT", help="list messages that hold a text, with their ids"
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Rebuild the data without it, mark models stale, write a receipt."""
    if args.find:
        _list_messages(args.find, config)
        return
    rule = _rule(args)
    path = rules_path(config)
    before, known = _fingerprint(config), read_rules(path)
    write_rules(path, [*known, rule])
    n_known = 0 if before is None else read_stats(config.processed_dir).dropped.get("forgotten", 0)
    try:
        preprocess.run(argparse.Namespace(show=None, show_masked=False), config)
        n_forgotten = read_stats(config.processed_dir).dropped.get("forgotten", 0) - n_known
        if n_forgotten < 1:
            raise CorpusError("no message fits", hint="`chatbot forget --find TEXT` lists messages")
    except BaseException:
        write_rules(path, known)  # nothing was forgotten: say so, and change nothing
        raise
    receipt = _receipt(rule, n_forgotten, before, config)
    say(f"{n_forgotten:,} messages are forgotten; receipt: {receipt}")
    say("models that learned from them are marked: train anew before publishing")
    say("your exports in data/raw still hold them, and so do files that you gave away")


def rules_path(config: Config) -> Path:
    """Where the rules stand: beside the manifest of the exports."""
    return config.path(config.raw.manifest_path).with_name(FILE)


def _rule(args: argparse.Namespace) -> ForgetRule:
    if args.speaker:
        return ForgetRule("speaker", speaker_hash(args.speaker))
    if args.before:
        return ForgetRule("before", day_of(args.before))
    return ForgetRule("message", args.message_id)


def _fingerprint(config: Config) -> str | None:
    if not (config.processed_dir / "stats.json").exists():
        return None
    return read_stats(config.processed_dir).fingerprint


def _receipt(rule: ForgetRule, n: int, before: str | None, config: Config) -> Path:
    """Mark every run, and write what happened: hashes, no names and no text."""
    now = datetime.now(UTC)
    runs: dict[str, Any] = {}
    reason = {"rule": rule.kind, "at": now.isoformat(timespec="seconds")}
    for path in sorted(config.path(config.storage.checkpoints_dir).glob("*/model.safetensors")):
        folder = RunFolder(path.parent)
        runs[path.parent.name] = sha256_of(path)
        write_json(folder.stale, reason)
    artifacts = config.path(config.storage.artifacts_dir)
    files = {path.name: sha256_of(path) for path in sorted(artifacts.glob("model_latest.*"))}
    receipt = config.path(config.raw.manifest_path).with_name(
        f"forgotten_{now.strftime('%Y-%m-%d_%H%M%S')}.json"
    )
    about = {"data_before": before, "data_after": _fingerprint(config), "n_messages": n}
    write_json(
        receipt, {**reason, "value": rule.value, **about, "stale_runs": runs, "artifacts": files}
    )
    return receipt


def _list_messages(text: str, config: Config) -> None:
    rows = [["id", "sent", "speaker", "text"]]
    for exports in choose_rooms(config).values():
        for message in read_room(exports, resolve_aliases(exports, config), config):
            if message.kind == "message" and text in message.text:
                sent = "" if message.sent_at is None else f"{message.sent_at:%Y-%m-%d %H:%M}"
                rows.append([message_id(message), sent, message.speaker, message.text[:60]])
    if len(rows) == 1:
        raise CorpusError("no message holds that text", hint="try fewer words")
    print(table(rows))
