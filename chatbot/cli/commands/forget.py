"""Take messages out of the data for good, and mark every model that learned from them."""

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from chatbot.cli.commands import preprocess
from chatbot.cli.commands.sft.preprocess import write_wanted_jsonl
from chatbot.cli.screen import say, table
from chatbot.corpus.hf_tokenizer import open_tokenizer
from chatbot.corpus.speakers import Speakers, match_name, propose_name
from chatbot.corpus.store import read_stats, remove_corpus
from chatbot.errors import ChatbotError, CorpusError
from chatbot.ingest.organize.forgetting import (
    FILE,
    ForgetRule,
    day_of,
    message_id,
    read_rules,
    speaker_hash,
    with_aliases,
    write_rules,
)
from chatbot.ingest.organize.rooms import choose_rooms, read_room, resolve_aliases, verify_exports
from chatbot.settings.aliases import STAGES, load_sft_config
from chatbot.settings.schema import Config
from chatbot.storage.files import sha256_of, write_json
from chatbot.training.folder import FOLDERS, RunFolder, busy, published_mark


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
    _require_calm(config)
    for exports in choose_rooms(config).values():
        verify_exports(exports, config)
    names = _speakers(config)
    rule, path = _rule(args, names), rules_path(config)
    n_messages = _count(rule, config)
    if n_messages == 0:
        raise CorpusError(
            "no message fits",
            hint="`chatbot forget --find TEXT` lists messages",
            private=propose_name(args.speaker, names) if args.speaker else "",
        )
    before, rules = _fingerprint(config), read_rules(path)
    # Rule and marks first: if this is killed, the same command again finishes it.
    write_rules(path, [*(other for other in rules if other != rule), rule])
    _mark(rule, config)
    for data_dir, error in _rebuild(config):
        say(f"nothing is left to train on, {data_dir} is removed: {error}")
    receipt = _receipt(rule, n_messages, before, config)
    say(f"{n_messages:,} messages are forgotten; receipt: {receipt}")
    say("models that learned from them are marked: train anew before publishing")
    say("your exports in data/raw still hold them, and so do files that you gave away")


def _require_calm(config: Config) -> None:
    """Refuse while a trainer reads the data that is to change."""
    for folder in _runs(config):
        if (holder := folder.trainer()) is not None:
            raise busy(folder, holder)


def _rebuild(config: Config) -> Iterator[tuple[str, ChatbotError]]:
    """Make all tokens anew, those of a base by the tokenizer that they came with.

    Where that fails the old ones are removed, since they hold what is to be forgotten; yield
    which, and why.
    """
    stages = [stage for stage in _stages(config) if (stage.processed_dir / "stats.json").exists()]
    for stage in (config, *stages):
        try:
            tokenizer = None if stage is config else open_tokenizer(stage.processed_dir)
            preprocess.build(stage, _only((stage, tokenizer)))
            write_wanted_jsonl(stage)
        except ChatbotError as error:
            remove_corpus(stage.processed_dir)
            yield stage.processed.dir, error


def _only(target: preprocess.Target) -> Callable[[Speakers], list[preprocess.Target]]:
    """Return what gives one target, whoever speaks."""
    return lambda _speakers: [target]


def _stages(config: Config) -> list[Config]:
    """Return the settings of the stages of a pretrained base, if the project has any."""
    root = Path(config.root)
    if (root / "configs").is_dir() and not (root / "configs" / "sft.yaml").exists():
        return []  # the demo has none; no folder at all means the defaults
    stages = [load_sft_config(root, (), stage) for stage in STAGES]
    return [replace(stage, raw=config.raw) for stage in stages]  # one log, one list of rules


def _runs(config: Config) -> list[RunFolder]:
    own = sorted(config.path(config.storage.checkpoints_dir).glob("*/"))
    runs = [RunFolder(path) for path in own if path.is_dir()]
    for stage in _stages(config)[:1]:
        tuned = sorted(stage.path(stage.storage.checkpoints_dir).glob("*/"))
        runs += [RunFolder(path, layout=FOLDERS) for path in tuned if path.is_dir()]
    return runs


def _published(config: Config) -> list[Path]:
    tuned = [stage.path(stage.storage.artifacts_dir) for stage in _stages(config)[:1]]
    folders = {config.path(config.storage.artifacts_dir), *tuned}
    found = [path for folder in folders for path in folder.glob("*_latest.*")]
    return sorted(path for path in found if path.suffix in (".safetensors", ".enc"))


def _count(rule: ForgetRule, config: Config) -> int:
    """Count the messages that a rule fits, by any name of their speakers."""
    rooms = choose_rooms(config)
    aliases = {room: resolve_aliases(exports, config) for room, exports in rooms.items()}
    pairs = [pair for room in aliases.values() for names in room.values() for pair in names.items()]
    rules = with_aliases([rule], pairs)
    return sum(
        any(one.applies(message) for one in rules)
        for room, exports in rooms.items()
        for message in read_room(exports, aliases[room], config)
    )


def _mark(rule: ForgetRule, config: Config) -> None:
    """Mark every run and what was published."""
    marks = [folder.stale for folder in _runs(config)]
    marks += [published_mark(path) for path in _published(config)]
    for path in marks:
        if not path.exists():
            write_json(path, {"rule": rule.kind, "at": _now().isoformat(timespec="seconds")})


def _now() -> datetime:
    return datetime.now(UTC)


def rules_path(config: Config) -> Path:
    """Where the rules stand: beside the manifest of the exports."""
    return config.path(config.raw.manifest_path).with_name(FILE)


def _speakers(config: Config) -> set[str]:
    """Return every name that the exports of the rooms hold."""
    rooms = choose_rooms(config).values()
    return {name for exports in rooms for entry in exports for name in entry.speakers}


def _rule(args: argparse.Namespace, names: set[str]) -> ForgetRule:
    if args.speaker:
        return ForgetRule("speaker", speaker_hash(match_name(args.speaker, names) or args.speaker))
    if args.before:
        return ForgetRule("before", day_of(args.before))
    return ForgetRule("message", args.message_id)


def _fingerprint(config: Config) -> str | None:
    if not (config.processed_dir / "stats.json").exists():
        return None
    return read_stats(config.processed_dir).fingerprint


def _receipt(rule: ForgetRule, n: int, before: str | None, config: Config) -> Path:
    """Write what happened: hashes, no names and no text."""
    runs = [folder for folder in _runs(config) if folder.model.exists()]
    stamp = _now().strftime("%Y-%m-%d_%H%M%S")
    receipt = config.path(config.raw.manifest_path).with_name(f"forgotten_{stamp}.json")
    content = {
        "rule": rule.kind,
        "value": rule.value,
        "at": _now().isoformat(timespec="seconds"),
        "n_messages": n,
        "data_before": before,
        "data_after": _fingerprint(config),
        "stale_runs": {
            f"{run.path.parent.name}/{run.path.name}": sha256_of(run.model) for run in runs
        },
        "artifacts": {path.name: sha256_of(path) for path in _published(config)},
    }
    write_json(receipt, content)
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
