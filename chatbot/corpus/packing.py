"""Sessions -> train.bin, val.bin, loss masks, tokenizer.json, stats.json, preview.json."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import msgspec
import numpy as np

from chatbot.conversation import Session
from chatbot.corpus.speakers import FILE as SPEAKERS_FILE
from chatbot.corpus.speakers import SpeakerMarks, Speakers
from chatbot.corpus.spool import SessionSpool
from chatbot.corpus.store import (
    SPLITS,
    SplitStats,
    Stats,
    fingerprint_of,
    require_replaceable,
    session_bounds,
)
from chatbot.corpus.template import CONTEXT, NEVER, TARGET, Turn, parse_turns, render_all
from chatbot.corpus.tokenizer import Tokenizer, choose_vocab_size, train_tokenizer
from chatbot.errors import CorpusError
from chatbot.ingest.cleaning.sessions import cut_session, split_point
from chatbot.settings.schema import PreprocessConfig
from chatbot.storage.files import (
    explained,
    replace_directory,
    sha256_of,
    sync_file,
    write_bytes,
    write_json,
)

MIN_MESSAGES = 100
GOOD_MESSAGES = 5000
_SESSIONS_AT_ONCE = 64
_N_PREVIEW = 5


@dataclass(frozen=True)
class Ingested:
    """What was read and cleaned, before it becomes tokens."""

    rooms: list[SessionSpool]
    exports: dict[str, dict[str, int]]
    merged: dict[str, int]  # by room: messages that another of its exports holds as well
    messages: dict[str, int]
    dropped: dict[str, int]
    context_only: dict[str, int]  # of those kept: said, but never trained
    masked: dict[str, int]
    sealed: dict[str, bytes]  # encrypted files to keep beside the tokens, by name
    marks: SpeakerMarks | None = None


def write_corpus(
    ingested: Ingested,
    speakers: Speakers,
    rules: PreprocessConfig,
    folder: Path,
    base: Tokenizer | None = None,
    on_session: Callable[[], None] = lambda: None,
) -> Stats:
    """Write all files of processed data aside, then put them in place together.

    The tokenizer is trained here, if none of a pretrained base is given. Raises CorpusError where
    nothing could be learned: too few messages, no target.
    """
    require_replaceable(folder)
    require_enough(ingested.messages["kept"] - sum(ingested.context_only.values()))
    rooms = [(spool, split_point(spool.n_turns, rules.val_fraction)) for spool in ingested.rooms]
    new = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        with explained(folder):
            new.mkdir(parents=True, exist_ok=True)
        tokenizer = base or _train_own(rooms, speakers.n_speakers, rules)
        splits: dict[str, SplitStats] = {}
        for split in SPLITS:
            sessions = _counted(_split(rooms, split), on_session)
            samples = _samples(sessions, speakers, rules, tokenizer)
            splits[split] = _write_split(new, split, samples, tokenizer)
        _require_targets(splits, rules)
        for name, content in tokenizer.files.items():
            write_bytes(new / name, content.encode())
        stats = _stats(ingested, speakers, rules, tokenizer, splits, new)
        write_json(new / "stats.json", msgspec.to_builtins(stats))
        write_json(new / SPEAKERS_FILE, msgspec.to_builtins(speakers))
        for name, sealed in ingested.sealed.items():
            write_bytes(new / name, sealed)
        write_json(new / "preview.json", list(preview(new, stats, tokenizer, _N_PREVIEW)))
        replace_directory(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return stats


def _train_own(
    rooms: list[tuple[SessionSpool, tuple[int, int]]], n_speakers: int, rules: PreprocessConfig
) -> Tokenizer:
    n_bytes = sum(len(text.encode()) for text in _texts(_split(rooms, "train")))
    size = choose_vocab_size(n_bytes) if rules.vocab_size == "auto" else rules.vocab_size
    return train_tokenizer(_texts(_split(rooms, "train")), size, n_speakers)


def require_enough(n_messages: int) -> None:
    """Refuse a log too short to split and learn from, and say how much is needed."""
    if n_messages < MIN_MESSAGES:
        raise CorpusError(
            f"the log has {n_messages} messages after cleaning",
            hint=f"at least {MIN_MESSAGES} are needed to train at all, "
            f"{GOOD_MESSAGES:,} or more for replies that make sense",
        )


def _require_targets(splits: dict[str, SplitStats], rules: PreprocessConfig) -> None:
    for split, counts in splits.items():
        if counts.n_target == 0:
            whose = "reply of the persona" if rules.targets == "persona" else "reply"
            raise CorpusError(
                f"{split} data holds no {whose} to learn from",
                hint="lower `processed.preprocess.min_context_turns` or "
                "`processed.preprocess.min_target_chars`, or choose another "
                "`processed.preprocess.persona` or `processed.preprocess.targets`",
            )


def _split(rooms: list[tuple[SessionSpool, tuple[int, int]]], split: str) -> Iterator[Session]:
    """Yield the sessions of one split: of each room, those before or after its cut in time.

    The session that a cut goes through gives to both.
    """
    is_train = split == "train"
    for spool, (index, turn) in rooms:
        for number, session in enumerate(spool):
            if number == index and turn:
                yield cut_session(session, turn)[0 if is_train else 1]
            elif (number < index) == is_train:
                yield session


def _texts(sessions: Iterable[Session]) -> Iterator[str]:
    """Yield what is learned: a notice that comes every day would fill the vocabulary."""
    for session in sessions:
        for message in session.messages:
            if message.kind != "context":
                yield message.text


def _counted(sessions: Iterable[Session], on_session: Callable[[], None]) -> Iterator[Session]:
    for session in sessions:
        yield session
        on_session()


def _samples(
    sessions: Iterable[Session],
    speakers: Speakers,
    rules: PreprocessConfig,
    tokenizer: Tokenizer,
) -> Iterator[list[Turn]]:
    """Yield samples; a tokenizer that knows fewer speakers hears all others as its last one."""
    cut = session_samples if rules.corpus_mode == "sessions" else window_samples
    n_speakers = tokenizer.n_speakers
    if not tokenizer.head(0):
        cut = raw_samples  # text without speakers
    for session in sessions:
        turns = [
            Turn(
                min(speakers.number_of(message.speaker), n_speakers - 1),
                message.text,
                is_context_only=message.kind == "context",
            )
            for message in session.messages
        ]
        yield from cut(turns, rules)


def session_samples(turns: list[Turn], rules: PreprocessConfig) -> Iterator[list[Turn]]:
    """One sample a session: every turn once, every reply a target with its whole past."""
    last = len(turns) - 1
    yield [
        Turn(turn.speaker, turn.text, True)
        if _is_target(index, turn, rules) and (rules.targets != "last_turn" or index == last)
        else turn
        for index, turn in enumerate(turns)
    ]


def window_samples(turns: list[Turn], rules: PreprocessConfig) -> Iterator[list[Turn]]:
    """One sample for every `sample_stride`-th reply: up to `context_turns`, then the target."""
    targets = [index for index, turn in enumerate(turns) if _is_target(index, turn, rules)]
    for index in targets[:: rules.sample_stride]:
        target = Turn(turns[index].speaker, turns[index].text, True)
        yield [*turns[max(0, index - rules.context_turns) : index], target]


def raw_samples(turns: list[Turn], rules: PreprocessConfig) -> Iterator[list[Turn]]:
    """One sample for every `context_turns` messages: their text, a line each, all of it learned.

    What is context only ends a sample, so that its neighbours never meet.
    """
    for is_context_only, group in groupby(turns, lambda turn: turn.is_context_only):
        texts = [turn.text for turn in group]
        for begin in range(0, 0 if is_context_only else len(texts), rules.context_turns):
            yield [Turn(0, "\n".join(texts[begin : begin + rules.context_turns]), True)]


def _is_target(index: int, turn: Turn, rules: PreprocessConfig) -> bool:
    return (
        not turn.is_context_only
        and index >= rules.min_context_turns
        and len(turn.text) >= rules.min_target_chars
        and (rules.targets != "persona" or turn.speaker == 0)
    )


def _write_split(
    folder: Path, split: str, samples: Iterable[list[Turn]], tokenizer: Tokenizer
) -> SplitStats:
    dtype = token_dtype(tokenizer)
    n_sessions = n_turns = n_text_bytes = 0
    values: Counter[int] = Counter()
    paths = [folder / f"{split}.bin", folder / f"{split}_loss_mask.bin"]
    with explained(folder), paths[0].open("wb") as tokens, paths[1].open("wb") as mask:
        for some in _in_batches(samples):
            n_sessions += len(some)
            n_turns += sum(map(len, some))
            n_text_bytes += sum(len(turn.text.encode()) for turns in some for turn in turns)
            for example in render_all(some, tokenizer):
                tokens.write(np.asarray(example.tokens, dtype=dtype).tobytes())
                mask.write(bytes(example.loss_mask))
                values.update(example.loss_mask)
        for file in (tokens, mask):
            file.flush()
            sync_file(file.fileno())
    return SplitStats(
        n_sessions=n_sessions,
        n_turns=n_turns,
        n_tokens=values.total(),
        n_control=values[NEVER],
        n_target=values[TARGET],
        n_context=values[CONTEXT],
        n_text_bytes=n_text_bytes,
    )


def _in_batches(samples: Iterable[list[Turn]]) -> Iterator[list[list[Turn]]]:
    source = iter(samples)
    while some := list(islice(source, _SESSIONS_AT_ONCE)):
        yield some


def token_dtype(tokenizer: Tokenizer) -> str:
    """Return the smallest type that holds every token of a file."""
    return "uint16" if max(tokenizer.vocab_size - 1, tokenizer.bos_id) < 1 << 16 else "uint32"


def _stats(
    ingested: Ingested,
    speakers: Speakers,
    rules: PreprocessConfig,
    tokenizer: Tokenizer,
    splits: dict[str, SplitStats],
    folder: Path,
) -> Stats:
    names = [f"{split}{end}.bin" for split in SPLITS for end in ("", "_loss_mask")]
    files = {name: sha256_of(folder / name) for name in [*names, *tokenizer.files]}
    settings = msgspec.to_builtins(rules)
    for name in ("persona", "mask_names"):  # names; everything else here may be shown
        del settings[name]
    return Stats(
        fingerprint=fingerprint_of(files),
        dtype=token_dtype(tokenizer),
        vocab_size=tokenizer.vocab_size,
        n_speakers=speakers.n_speakers,
        speaker_mode=speakers.mode,
        persona_reason=speakers.reason,
        tokenizer_sha256=tokenizer.sha256,
        exports=ingested.exports,
        merged=ingested.merged,
        messages=ingested.messages,
        dropped=ingested.dropped,
        context_only=ingested.context_only,
        masked=ingested.masked,
        splits=splits,
        files=files,
        settings=settings,
        speakers=ingested.marks,
    )


def preview(
    folder: Path, stats: Stats, tokenizer: Tokenizer, n_samples: int
) -> Iterator[dict[str, object]]:
    """Yield the first samples as training sees them, read back from the token files."""
    tokens = np.memmap(folder / "train.bin", dtype=stats.dtype, mode="r")
    mask = np.memmap(folder / "train_loss_mask.bin", dtype=np.uint8, mode="r")
    bounds = zip(*session_bounds(tokens, tokenizer.bos_id), strict=True)
    for start, end in islice(bounds, n_samples):
        turns = [
            {
                "speaker": turn.speaker,
                "text": turn.text,
                "is_trained": turn.is_target,
                "is_context_only": turn.is_context_only,
            }
            for turn in parse_turns(tokens[start:end], mask[start:end], tokenizer)
        ]
        yield {"n_tokens": int(end - start), "turns": turns}
