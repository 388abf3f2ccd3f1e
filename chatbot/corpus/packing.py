"""Clean sessions -> train.bin, val.bin, loss masks, tokenizer.json, stats.json, preview.json."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from chatbot.conversation import CUSTOMER, Session
from chatbot.corpus.preview import preview
from chatbot.corpus.samples import raw_samples, session_samples, window_samples
from chatbot.corpus.speakers import FILE as SPEAKERS_FILE
from chatbot.corpus.speakers import Speakers
from chatbot.corpus.store import (
    SPLITS,
    SplitStats,
    Stats,
    fingerprint_of,
    open_store,
    require_replaceable,
)
from chatbot.corpus.template import CONTEXT, NEVER, TARGET, Turn, render_all
from chatbot.corpus.tokenizer import Tokenizer, choose_vocab_size
from chatbot.corpus.vocabulary import Utterance, train_vocabulary
from chatbot.errors import CorpusError
from chatbot.ingest.amounts import GOOD_MESSAGES, MIN_MESSAGES
from chatbot.ingest.cleaning.sessions import cut_session, split_point
from chatbot.ingest.masking.sealing import FILE as MASKED_FILE
from chatbot.ingest.pipeline import CleanRooms
from chatbot.ingest.spool import SessionSpool
from chatbot.listener import SILENCE, Listener
from chatbot.settings.schema import Config, PreprocessConfig
from chatbot.storage.files import (
    explained,
    sha256_of,
    sync_file,
    whole_folder,
    write_bytes,
    write_json,
)

_SESSIONS_AT_ONCE = 64
_N_PREVIEW = 5


SplitSpool = tuple[SessionSpool, tuple[int, int]]  # a room, and where its validation split starts


@dataclass(frozen=True)
class CorpusSpec:
    """A corpus to write: its folder, its rules, and its tokenizer (None: train one on it)."""

    folder: Path
    rules: PreprocessConfig
    tokenizer: Tokenizer | None = None
    writes_jsonl: bool = False


def spec_of(config: Config, tokenizer: Tokenizer | None = None) -> CorpusSpec:
    """Return the corpus that the settings ask for."""
    pretrained = config.pretrained
    writes_jsonl = pretrained.writes_jsonl and pretrained.stage != "cpt"
    return CorpusSpec(config.processed_dir, config.processed.preprocess, tokenizer, writes_jsonl)


def write_corpus(
    rooms: CleanRooms,
    speakers: Speakers,
    spec: CorpusSpec,
    listener: Listener = SILENCE,
) -> Stats:
    """Write all files of processed data into a temporary folder, then replace the old ones at once.

    Raises CorpusError if nothing could be trained: too few messages, no target.
    """
    folder, rules = spec.folder, spec.rules
    require_replaceable(folder)
    require_enough(rooms.account.n_learned)
    spools = [(spool, split_point(spool.n_turns, rules.val_fraction)) for spool in rooms.spools]
    with whole_folder(folder) as new:
        tokenizer = spec.tokenizer or _train_own(spools, speakers, rules)
        splits: dict[str, SplitStats] = {}
        with listener.progress(rooms.n_sessions, "writing sessions") as advance:
            for split in SPLITS:
                sessions = _counted(_split(spools, split), advance)
                samples = _samples(sessions, speakers, rules, tokenizer)
                splits[split] = _write_split(new, split, samples, tokenizer)
        _require_targets(splits, rules)
        for name, content in tokenizer.files.items():
            write_bytes(new / name, content.encode())
        stats = _stats(rooms, speakers, rules, tokenizer, splits, new)
        write_json(new / "stats.json", msgspec.to_builtins(stats))
        write_json(new / SPEAKERS_FILE, msgspec.to_builtins(speakers))
        if rooms.sealed is not None:
            write_bytes(new / MASKED_FILE, rooms.sealed)
        shown = list(preview(open_store(new, "train", stats.dtype), tokenizer, _N_PREVIEW))
        write_json(new / "preview.json", msgspec.to_builtins(shown))
    return stats


def _train_own(spools: list[SplitSpool], speakers: Speakers, rules: PreprocessConfig) -> Tokenizer:
    def read() -> Iterator[Utterance]:
        return _utterances(_split(spools, "train"), speakers)

    n_bytes = sum(len(utterance.text.encode()) for utterance in read())
    size = choose_vocab_size(n_bytes) if rules.vocab_size == "auto" else rules.vocab_size
    return train_vocabulary(read, size, speakers.n_speakers)


def require_enough(n_messages: int) -> None:
    """Raise CorpusError, with the minimum, for a chat too short to split and train on."""
    if n_messages < MIN_MESSAGES:
        raise CorpusError(
            f"the chat has {n_messages} messages after cleaning",
            hint=f"at least {MIN_MESSAGES} are needed to train at all, "
            f"{GOOD_MESSAGES:,} or more for replies that make sense",
        )


def _require_targets(splits: dict[str, SplitStats], rules: PreprocessConfig) -> None:
    for split, counts in splits.items():
        if counts.n_target == 0:
            whose = "reply of the persona" if rules.targets == "persona" else "reply"
            raise CorpusError(
                f"{split} data contains no {whose} to learn from",
                hint="lower `processed.preprocess.min_context_turns` or "
                "`processed.preprocess.min_target_chars`, or choose another "
                "`processed.preprocess.persona` or `processed.preprocess.targets`",
            )


def _split(spools: list[SplitSpool], split: str) -> Iterator[Session]:
    """Yield the sessions of one split: those of each room before or after its point in time.

    A session that the point divides contributes to both splits.
    """
    is_train = split == "train"
    for spool, (index, turn) in spools:
        for number, session in enumerate(spool):
            if number == index and turn:
                yield cut_session(session, turn)[0 if is_train else 1]
            elif (number < index) == is_train:
                yield session


def _utterances(sessions: Iterable[Session], speakers: Speakers) -> Iterator[Utterance]:
    """Yield the trained messages: a daily notice among the others would fill the vocabulary.

    Every row of a table is of another customer.
    """
    for number, session in enumerate(sessions):
        for message in session.messages:
            if message.kind != "context":
                day = message.sent_at.toordinal() if message.sent_at else 0
                is_customer = message.speaker == CUSTOMER
                speaker = speakers.number_of(message.speaker)
                person = speakers.n_speakers + number if is_customer else speaker
                yield Utterance(message.text, person, number, day)


def _counted(sessions: Iterable[Session], advance: Callable[[], object]) -> Iterator[Session]:
    for session in sessions:
        yield session
        advance()


def _samples(
    sessions: Iterable[Session],
    speakers: Speakers,
    rules: PreprocessConfig,
    tokenizer: Tokenizer,
) -> Iterator[list[Turn]]:
    """Yield samples; extra speakers share the last id of the tokenizer."""
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


def _write_split(
    folder: Path, split: str, samples: Iterable[list[Turn]], tokenizer: Tokenizer
) -> SplitStats:
    dtype = token_dtype(tokenizer)
    n_sessions = n_turns = n_text_bytes = 0
    values: Counter[int] = Counter()
    paths = [folder / f"{split}.bin", folder / f"{split}_loss_mask.bin"]
    with explained(folder), paths[0].open("wb") as tokens, paths[1].open("wb") as mask:
        for batch in _in_batches(samples):
            n_sessions += len(batch)
            n_turns += sum(map(len, batch))
            n_text_bytes += sum(len(turn.text.encode()) for turns in batch for turn in turns)
            for example in render_all(batch, tokenizer):
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
    while batch := list(islice(source, _SESSIONS_AT_ONCE)):
        yield batch


def token_dtype(tokenizer: Tokenizer) -> str:
    """Return the smallest dtype that fits every token id."""
    return "uint16" if max(tokenizer.vocab_size - 1, tokenizer.bos_id) < 1 << 16 else "uint32"


def _stats(
    rooms: CleanRooms,
    speakers: Speakers,
    rules: PreprocessConfig,
    tokenizer: Tokenizer,
    splits: dict[str, SplitStats],
    folder: Path,
) -> Stats:
    names = [f"{split}{end}.bin" for split in SPLITS for end in ("", "_loss_mask")]
    files = {name: sha256_of(folder / name) for name in [*names, *tokenizer.files]}
    settings = msgspec.to_builtins(rules)
    for name in ("persona", "mask_names"):  # contains names; all other files may be shown
        del settings[name]
    return Stats(
        fingerprint=fingerprint_of(files),
        dtype=token_dtype(tokenizer),
        vocab_size=tokenizer.vocab_size,
        n_speakers=speakers.n_speakers,
        speaker_mode=speakers.mode,
        persona_reason=speakers.reason,
        tokenizer_sha256=tokenizer.sha256,
        **msgspec.structs.asdict(rooms.account),
        splits=splits,
        files=files,
        settings=settings,
        speakers=speakers.marks(rooms.speaker_key),
    )
