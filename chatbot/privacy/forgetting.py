"""Remove messages from the data for good, and mark every model that was trained on them."""

import hmac
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from chatbot.conversation import Message
from chatbot.corpus.hf_tokenizer import open_tokenizer
from chatbot.corpus.pipeline import build_corpus
from chatbot.corpus.preferences import delete_preferences
from chatbot.corpus.speakers import match_name, propose_name
from chatbot.corpus.store import Stats, read_stats, remove_corpus
from chatbot.crypto.secrets import project_key, speaker_key
from chatbot.errors import ChatbotError, CorpusError
from chatbot.ingest.organize.forgetting import (
    ForgetRule,
    read_rules,
    rules_path,
    speaker_hash,
    with_aliases,
    write_rules,
)
from chatbot.ingest.organize.rooms import Room, read_room
from chatbot.ingest.qna.sessions import table_messages
from chatbot.listener import SILENCE, Listener
from chatbot.retrieval.index import remove_index
from chatbot.settings import run_files
from chatbot.settings.aliases import STAGES, load_sft_config
from chatbot.settings.schema import Config
from chatbot.storage.files import sha256_of, write_json
from chatbot.training.folder import FOLDERS, RunFolder, busy, published_mark, stale_mark


class StaleMark(msgspec.Struct, frozen=True):
    """STALE.json next to a model: it was trained on messages that are now forgotten."""

    rule: str
    at: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """forgotten_TIME.json: what happened, as hashes; no names and no text.

    `value`: a keyed hash of the rule's, so that guessed names or texts cannot be tested.
    """

    rule: str
    value: str
    at: str
    n_messages: int
    data_before: str | None
    data_after: str | None
    stale_runs: dict[str, str]
    artifacts: dict[str, str]
    archives: list[str]


@dataclass(frozen=True)
class Forgetting:
    """The result of forgetting: the receipt, its path, and the rebuilt corpora."""

    receipt: Receipt
    path: Path
    corpora: list[Stats]


def speaker_rule(typed: str, rooms: Sequence[Room]) -> ForgetRule:
    """Return the rule for a speaker by name; raises CorpusError if there is no such speaker."""
    names = {name for room in rooms for name in room.names}
    names |= {name for room in rooms for pair in room.alias_pairs for name in pair}
    name = match_name(typed, names)
    if name is None:
        raise _nothing_fits(propose_name(typed, names))
    return ForgetRule("speaker", speaker_hash(name))


def find_messages(text: str, rooms: Sequence[Room], config: Config) -> Iterator[Message]:
    """Yield the messages of rooms and tables that contain a text."""
    for message in _messages(rooms, config):
        if message.kind == "message" and text in message.text:
            yield message


def _messages(rooms: Sequence[Room], config: Config) -> Iterator[Message]:
    """Yield everything that may be learned: the messages of rooms, then those of tables."""
    for room in rooms:
        yield from read_room(room.exports, room.aliases, config)
    yield from table_messages(config)


def forget(
    rule: ForgetRule, rooms: Sequence[Room], config: Config, listener: Listener = SILENCE
) -> Forgetting:
    """Add a rule, mark models, rebuild the data, and write a receipt.

    Raises CheckpointError while a trainer reads the data, CorpusError if no message matches.
    """
    require_no_trainer(config)
    n_messages = _count_messages(rule, rooms, config)
    if n_messages == 0:
        raise _nothing_fits()
    before, path = _fingerprint(config), rules_path(config)
    # Rule and marks come first: if this is killed, the same command finishes it.
    write_rules(path, [*(other for other in read_rules(path) if other != rule), rule])
    _mark_models(rule, config)
    # Their replies are of models that are marked now, and may repeat what is forgotten.
    delete_preferences(config)
    corpora = list(_rebuild(config, listener))
    if remove_index(config.path(config.qna.answering.index_dir)):
        listener.say("the index of the desk is removed: `chatbot qna index` makes it without them")
    receipt = _receipt(rule, n_messages, before, config)
    return Forgetting(receipt, _write_receipt(receipt, config), corpora)


def may_hold_forgotten(data_fingerprint: str, config: Config) -> bool:
    """Whether a model may have been trained on forgotten messages: its data is not the current."""
    return bool(read_rules(rules_path(config))) and data_fingerprint != _fingerprint(config)


def _nothing_fits(private: str = "") -> CorpusError:
    hint = "`chatbot forget --find TEXT` lists messages"
    return CorpusError("no message matches", hint=hint, private=private)


def require_no_trainer(config: Config) -> None:
    """Raise CheckpointError while a trainer reads the data that is to change."""
    for folder in _runs(config):
        if (holder := folder.trainer()) is not None:
            raise busy(folder, holder)


def _count_messages(rule: ForgetRule, rooms: Sequence[Room], config: Config) -> int:
    """Count the messages that a rule matches, under any name of their speakers."""
    rules = with_aliases([rule], [pair for room in rooms for pair in room.alias_pairs])
    return sum(any(each.applies(message) for each in rules) for message in _messages(rooms, config))


def _rebuild(config: Config, listener: Listener) -> Iterator[Stats]:
    """Rebuild all corpora, those of a base with their tokenizer.

    If that fails, the old one is removed, because it contains forgotten messages.
    """
    stages = [stage for stage in _stages(config) if (stage.processed_dir / "stats.json").exists()]
    for stage in (config, *stages):
        try:
            tokenizer = None if stage is config else open_tokenizer(stage.processed_dir)
            yield build_corpus(stage, tokenizer, listener)
        except ChatbotError as error:
            remove_corpus(stage.processed_dir)
            folder = stage.processed.dir
            listener.say(f"nothing is left to train on, {folder} is removed: {error}")


def _stages(config: Config) -> list[Config]:
    """Return the settings of the stages of a pretrained base."""
    stages = [load_sft_config(Path(config.root), (), stage) for stage in STAGES]
    return [replace(stage, raw=config.raw) for stage in stages]  # the stages share a list of rules


def _runs(config: Config) -> list[RunFolder]:
    own = sorted(config.path(config.storage.checkpoints_dir).glob("*/"))
    runs = [RunFolder(path) for path in own if path.is_dir()]
    for stage in _stages(config)[:1]:
        tuned = sorted(stage.path(stage.storage.checkpoints_dir).glob("*/"))
        runs += [RunFolder(path, layout=FOLDERS) for path in tuned if path.is_dir()]
    return runs


def _artifact_folders(config: Config) -> set[Path]:
    tuned = [stage.path(stage.storage.artifacts_dir) for stage in _stages(config)[:1]]
    return {config.path(config.storage.artifacts_dir), *tuned}


def _published(config: Config) -> list[Path]:
    """Return the files that `publish` and `export` wrote."""
    paths = [path for folder in _artifact_folders(config) for path in folder.glob("*.*")]
    return sorted(path for path in paths if path.suffix in (".safetensors", ".enc", ".gguf"))


def _exported(config: Config) -> list[Path]:
    """Return the folders that `export` wrote."""
    folders = _artifact_folders(config)
    return sorted(path.parent for folder in folders for path in folder.glob("*/*config.json"))


def _archives(config: Config) -> list[Path]:
    """Return the folders that `archive` wrote."""
    folder = config.path(config.storage.archive_dir)
    return sorted(path.parent for path in folder.glob("*/manifest.json"))


def purge(config: Config) -> list[Path]:
    """Delete every archive, run and published file with forgotten messages; return their paths.

    Raises CheckpointError while a trainer runs. Files that were given away remain.
    """
    require_no_trainer(config)
    stale = run_files.STALE  # in an archive, also of a run or a published file in it
    folders = [path for path in _archives(config) if any(path.rglob(f"*{stale}"))]
    folders += [run.path for run in _runs(config) if run.stale.exists()]
    folders += [path for path in _exported(config) if stale_mark(path).exists()]
    for folder in dict.fromkeys(folders):
        shutil.rmtree(folder)
    files = [path for path in _published(config) if published_mark(path).exists()]
    for path in files:
        path.unlink()
    for mark in {published_mark(path) for path in files}:
        mark.unlink()
    return [*dict.fromkeys(folders), *files]


def _mark_models(rule: ForgetRule, config: Config) -> None:
    """Mark every run, published file and archive."""
    marks = [folder.stale for folder in _runs(config)]
    marks += [published_mark(path) for path in _published(config)]
    marks += [stale_mark(folder) for folder in [*_archives(config), *_exported(config)]]
    for path in marks:
        if not path.exists():
            write_json(path, msgspec.to_builtins(StaleMark(rule.kind, _now())))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _fingerprint(config: Config) -> str | None:
    if not (config.processed_dir / "stats.json").exists():
        return None
    return read_stats(config.processed_dir).fingerprint


def _receipt(rule: ForgetRule, n_messages: int, before: str | None, config: Config) -> Receipt:
    runs = [folder for folder in _runs(config) if folder.model.exists()]
    key = speaker_key(project_key(config))
    return Receipt(
        rule=rule.kind,
        value=hmac.digest(key, f"forget {rule.value}".encode(), "sha256").hex(),
        at=_now(),
        n_messages=n_messages,
        data_before=before,
        data_after=_fingerprint(config),
        stale_runs={
            f"{run.path.parent.name}/{run.path.name}": sha256_of(run.model) for run in runs
        },
        artifacts={path.name: sha256_of(path) for path in _published(config)},
        archives=[path.name for path in _archives(config)],
    )


def _write_receipt(receipt: Receipt, config: Config) -> Path:
    stamp = f"{datetime.fromisoformat(receipt.at):%Y-%m-%d_%H%M%S}"
    path = config.path(config.raw.manifest_path).with_name(f"forgotten_{stamp}.json")
    write_json(path, msgspec.to_builtins(receipt))
    return path
