"""Turn organized exports into tokens and loss masks in data/processed/."""

import argparse
import dataclasses
import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
from msgspec.structs import replace

from chatbot.cli.arguments import positive
from chatbot.cli.screen import Progress, advance, colour, progress, say, table
from chatbot.conversation import Message
from chatbot.corpus.packing import Ingested, preview, write_corpus
from chatbot.corpus.speakers import Speakers, number_speakers, read_speakers
from chatbot.corpus.spool import SessionSpool
from chatbot.corpus.store import MASKED, SPLITS, Stats, open_corpus, require_replaceable
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.crypto.age import decrypt, encrypt
from chatbot.crypto.age_keys import X25519Identity, identity_of, new_identity
from chatbot.crypto.secrets import keep_secret, read_secret, speaker_key
from chatbot.errors import CorpusError, CryptoError
from chatbot.ingest.cleaning.rules import Cleaner
from chatbot.ingest.cleaning.sessions import merge_bursts, split_sessions
from chatbot.ingest.masking.masker import Found, Masker
from chatbot.ingest.masking.names import N_TO_DECIDE, NamePattern, words_among
from chatbot.ingest.masking.pseudonyms import Pseudonyms
from chatbot.ingest.organize.aliases import Aliases
from chatbot.ingest.organize.forgetting import FILE, ForgetRule, read_rules, with_aliases
from chatbot.ingest.organize.manifest import ExportEntry
from chatbot.ingest.organize.rooms import (
    RoomTally,
    choose_rooms,
    exporter_of,
    read_room,
    resolve_aliases,
    verify_exports,
)
from chatbot.settings.schema import Config

_GREEN, _GREY = 32, 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --show and --show-masked."""
    parser.add_argument(
        "--show-masked", action="store_true", help="list what was masked, for your eyes only"
    )
    parser.add_argument(
        "--show",
        nargs="?",
        type=positive,
        const=3,
        metavar="N",
        help="print N samples of the processed data, what is trained in green",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Read, clean, cut, number the speakers, write."""
    if args.show is not None:
        show(config, args.show)
    elif args.show_masked:
        show_masked(config)
    else:
        build(config, lambda _speakers: [(config, None)])


Target = tuple[Config, Tokenizer | None]  # where tokens go and how they are made


def build(config: Config, targets: Callable[[Speakers], list[Target]]) -> None:
    """Read the rooms once and write the tokens of every target."""
    require_replaceable(config.processed_dir)  # before minutes of reading
    rooms = choose_rooms(config)
    verify_exports([entry for exports in rooms.values() for entry in exports], config)
    aliases = {room: resolve_aliases(exports, config, _warn) for room, exports in rooms.items()}
    _sweep(config)
    spools: list[SessionSpool] = []
    try:
        ingested, counts = _ingest(rooms, aliases, config, spools)
        exporter = _exporter(rooms, aliases)
        speakers = number_speakers(counts, exporter, config.processed.preprocess)
        say(f"persona: {speakers.persona} ({speakers.reason}); {speakers.mode} mode")
        marks = speakers.marks(speaker_key(_mask_identity(config)))
        ingested = dataclasses.replace(ingested, marks=marks)
        for target, tokenizer in targets(speakers):
            stats = _write(ingested, speakers, target, tokenizer)
    finally:
        for spool in spools:
            spool.close()
        _sweep(config)
    _report(stats)


def _write(
    ingested: Ingested, speakers: Speakers, target: Config, tokenizer: Tokenizer | None
) -> Stats:
    n_sessions = sum(len(spool.n_turns) for spool in ingested.rooms)
    with progress(n_sessions, "writing sessions") as bar:
        return write_corpus(
            ingested,
            speakers,
            target.processed.preprocess,
            target.processed_dir,
            tokenizer,
            on_session=lambda: advance(bar),
        )


def _sweep(config: Config) -> None:
    """Remove what this preprocess, or a killed one, left aside: it holds private text."""
    for path in config.processed_dir.parent.glob(f"{config.processed_dir.name}.*.part"):
        shutil.rmtree(path)


def _exporter(rooms: dict[str, list[ExportEntry]], aliases: dict[str, Aliases]) -> str | None:
    found = {
        name for room, exports in rooms.items() if (name := exporter_of(exports, aliases[room]))
    }
    return found.pop() if len(found) == 1 else None


def _ingest(
    rooms: dict[str, list[ExportEntry]],
    aliases: dict[str, Aliases],
    config: Config,
    spools: list[SessionSpool],
) -> tuple[Ingested, Counter[str]]:
    """Clean every room into a spool of its own; return the account and messages by speaker."""
    rules = config.processed.preprocess
    counts: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    context_only: Counter[str] = Counter()
    masked: Counter[Found] = Counter()
    n_seen = n_kept = 0
    tallies: dict[str, RoomTally] = {}
    n_messages = sum(entry.n_messages for exports in rooms.values() for entry in exports)
    make_masker = _masker_maker(rooms, aliases, config)
    forget = forget_rules(aliases, config)
    folder = config.processed_dir.with_name(f"{config.processed_dir.name}.spool.part")
    with progress(n_messages, "reading messages") as bar:
        for room, exports in rooms.items():
            cleaner, masker = Cleaner(rules, forget), make_masker(room)
            spools.append(SessionSpool(folder / exports[0].id))
            tally = tallies[exports[0].id] = RoomTally()
            messages = read_room(exports, aliases[room], config, tally)
            kept = _cleaned(messages, cleaner, masker, counts, bar)
            for session in split_sessions(kept, rules, exports[0].id):
                spools[-1].add(merge_bursts(session, rules))
            spools[-1].close()
            dropped += cleaner.dropped
            context_only += cleaner.context_only
            masked += masker.found if masker else Counter()
            n_seen, n_kept = n_seen + cleaner.n_seen, n_kept + cleaner.n_kept
            _require_all_read(tally, cleaner.n_seen)
    if n_seen != n_kept + dropped.total():
        raise CorpusError("messages went missing while cleaning", hint="this is a bug; report it")
    n_turns = sum(sum(spool.n_turns) for spool in spools)
    messages_account = {"seen": n_seen, "kept": n_kept, "turns": n_turns}
    lines = {
        export: {**classes, "total": classes.total()}
        for tally in tallies.values()
        for export, classes in tally.lines.items()
    }
    merged = {room: tally.merged.n_merged for room, tally in tallies.items()}
    _warn_of_doubts(tallies.values())
    kinds: Counter[str] = Counter()
    for found, n in masked.items():
        kinds[found.kind] += n
    sealed = _sealed_values(masked, config)
    ingested = Ingested(
        rooms=spools,
        exports=lines,
        merged=merged,
        messages=messages_account,
        dropped=dict(dropped),
        context_only=dict(context_only),
        masked=dict(kinds),
        sealed=sealed,
    )
    return ingested, counts


def _warn(sentence: str) -> None:
    say(f"warning: {sentence}")


def _require_all_read(tally: RoomTally, n_seen: int) -> None:
    """Hold that each export's lines that are messages were read, and seen or merged."""
    n_lines = sum(
        classes[kind] for classes in tally.lines.values() for kind in ("message", "media", "system")
    )
    if not n_lines == tally.n_read.total() == n_seen + tally.merged.n_merged:
        raise CorpusError("messages went missing while merging", hint="this is a bug; report it")


def _warn_of_doubts(tallies: Iterable[RoomTally]) -> None:
    for tally in tallies:
        for export, percent in tally.doubtful():
            _warn(
                f"{export} shares {percent} % of its messages with the other exports of "
                "its room, over the same days: is it another room, or are names or the time zone "
                "others there (raw.aliases, raw.utc_offset_hours)?"
            )


def forget_rules(aliases: dict[str, Aliases], config: Config) -> list[ForgetRule]:
    """Return what is to be forgotten, for every name of its speakers."""
    pairs = [pair for room in aliases.values() for names in room.values() for pair in names.items()]
    return with_aliases(read_rules(config.path(config.raw.manifest_path).with_name(FILE)), pairs)


def _masker_maker(
    rooms: dict[str, list[ExportEntry]], aliases: dict[str, Aliases], config: Config
) -> Callable[[str], Masker | None]:
    """Return what makes the masker of a room; all share pseudonyms and everybody's name."""
    if not config.processed.preprocess.mask_personal:
        return lambda _room: None
    pseudonyms = Pseudonyms(_mask_identity(config).derived(b"chatbot pseudonyms"))
    asked = set(config.processed.preprocess.mask_names)
    names = asked | set(config.raw.aliases.values())
    names |= {name for exports in rooms.values() for entry in exports for name in entry.speakers}

    def make(room: str) -> Masker:
        messages = read_room(rooms[room], aliases[room], config)
        texts = (message.text for message in islice(messages, N_TO_DECIDE))
        return Masker(pseudonyms, NamePattern(names, words_among(names - asked, texts)))

    return make


def _mask_identity(config: Config) -> X25519Identity:
    """Return the key of the pseudonyms; the first time it is drawn and kept in .env."""
    root, name = Path(config.root), config.security.mask_key_env
    key = read_secret(root, name)
    if key is None:
        key = new_identity().secret_text()
        keep_secret(root, name, key)
    identity = identity_of(key)
    if not isinstance(identity, X25519Identity):
        raise CryptoError(f"{name} in .env is no key", hint="delete that line: a new one is drawn")
    return identity


def _sealed_values(masked: Counter[Found], config: Config) -> dict[str, bytes]:
    """Return masked.age: what was masked, by what, readable with the project's key only."""
    if not config.processed.preprocess.mask_personal:
        return {}
    rows = [[found.kind, found.value, found.pseudonym, n] for found, n in masked.most_common()]
    target = io.BytesIO()
    encrypt(io.BytesIO(msgspec.json.encode(rows)), target, [_mask_identity(config).recipient])
    return {MASKED: target.getvalue()}


def read_masked(config: Config) -> list[tuple[str, str, str, int]]:
    """Return (kind, value, pseudonym, times) of all that was masked here."""
    path = config.processed_dir / MASKED
    if not path.is_file():
        return []
    with path.open("rb") as file:
        content = b"".join(decrypt(file, [_mask_identity(config)]))
    return msgspec.json.decode(content, type=list[tuple[str, str, str, int]])


def show_masked(config: Config) -> None:
    """List what was masked."""
    rows = read_masked(config)
    if not rows:
        raise CorpusError("nothing was masked here", hint="run `chatbot preprocess` first")
    print(
        table(
            [["kind", "times", "value", "pseudonym"]] + [[k, str(n), v, p] for k, v, p, n in rows]
        )
    )
    say("only you see this: the list is encrypted in data/ by the key in .env")


def _cleaned(
    messages: Iterator[Message],
    cleaner: Cleaner,
    masker: Masker | None,
    counts: Counter[str],
    bar: Progress,
) -> Iterator[Message]:
    for message in messages:
        advance(bar)
        cleaned = cleaner.clean(message)
        if cleaned is not None:
            # Who only repeats is numbered too, but nobody becomes the persona by repeating.
            counts[cleaned.speaker] += cleaned.kind == "message"
            yield replace(cleaned, text=masker.mask(cleaned.text)) if masker else cleaned


def _report(stats: Stats) -> None:
    if n_merged := sum(stats.merged.values()):
        n_read = stats.messages["seen"] + n_merged
        say(f"{n_read:,} messages in the exports: {n_merged:,} are in several and count once")
    dropped = dict(stats.dropped)
    n_system = dropped.pop("system", 0)
    say(
        f"{stats.messages['seen'] - n_system:,} messages: {stats.messages['kept']:,} kept, "
        + ", ".join(f"{n:,} {rule}" for rule, n in sorted(dropped.items()))
        + (f"; lines of the messenger itself: {n_system:,}" if n_system else "")
    )
    if stats.context_only:
        listed = ", ".join(f"{n:,} {rule}" for rule, n in sorted(stats.context_only.items()))
        say(f"of those kept, context only, never trained: {listed}")
    if stats.masked:
        listed = ", ".join(f"{n:,} {kind}" for kind, n in sorted(stats.masked.items()))
        say(f"masked: {listed} (`chatbot preprocess --show-masked` lists them)")
    rows = [["split", "sessions", "turns", "tokens", "trained", "context", "never"]]
    for name in SPLITS:
        split = stats.splits[name]
        numbers = (split.n_sessions, split.n_turns, split.n_tokens)
        masks = (split.n_target, split.n_context, split.n_control)
        rows.append([name, *(f"{n:,}" for n in numbers + masks)])
    print(table(rows))
    say(f"vocabulary {stats.vocab_size:,}; data fingerprint {stats.fingerprint[:12]}")


def show(config: Config, n_samples: int) -> None:
    """Print samples, what is trained in green."""
    corpus, speakers = open_corpus(config.processed_dir), read_speakers(config.processed_dir)
    for number, sample in enumerate(
        preview(config.processed_dir, corpus.stats, corpus.tokenizer, n_samples), start=1
    ):
        print(f"--- sample {number}: {sample['n_tokens']} tokens")
        turns = sample["turns"]
        for turn in turns if isinstance(turns, list) else []:
            mark = "*" if turn["is_trained"] else "-" if turn["is_context_only"] else " "
            code = _GREEN if turn["is_trained"] else _GREY
            name = speakers.name_of(turn["speaker"]) if speakers else None
            print(colour(f"{mark} {name or turn['speaker']}: {turn['text']}", code))
    say("* and green: replies that are trained; -: context only, nothing of it is trained")
