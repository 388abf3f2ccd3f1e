"""Organized exports -> corpora: rooms are read once and packed for each requested tokenizer."""

from collections.abc import Callable, Iterable

from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.corpus.packing import CorpusSpec, spec_of, write_corpus
from chatbot.corpus.preview import write_jsonl
from chatbot.corpus.speakers import Speakers, number_speakers
from chatbot.corpus.store import Stats, open_store, require_replaceable
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.ingest.pipeline import CleanRooms, read_sessions
from chatbot.ingest.readers.registry import UNKNOWN_NAMES
from chatbot.listener import SILENCE, Listener
from chatbot.settings.schema import Config

_MANY_UNKNOWN = 0.001


def build_corpora(
    config: Config,
    specs_for: Callable[[Speakers], Iterable[CorpusSpec]],
    listener: Listener = SILENCE,
    n_most_processes: int = 1,
) -> Stats:
    """Write the corpora that `specs_for` returns for the speakers; return the stats of the last.

    Raises ConfigError, ExportError or CorpusError before anything is replaced.
    """
    require_replaceable(config.processed_dir)  # fail before minutes of reading
    with read_sessions(config, listener, n_most_processes) as rooms:
        speakers = number_speakers(
            rooms.n_said, rooms.exporter, config.processed.preprocess, UNKNOWN_NAMES
        )
        listener.say(f"persona: {speakers.persona} ({speakers.reason}); {speakers.mode} mode")
        for spec in specs_for(speakers):
            stats = _build(rooms, speakers, spec, listener)
    return stats


def build_corpus(
    config: Config, tokenizer: Tokenizer | None = None, listener: Listener = SILENCE
) -> Stats:
    """Write one corpus, and train a tokenizer on it if the spec has none."""
    return build_corpora(config, lambda _speakers: [spec_of(config, tokenizer)], listener)


def _build(rooms: CleanRooms, speakers: Speakers, spec: CorpusSpec, listener: Listener) -> Stats:
    stats = write_corpus(rooms, speakers, spec, listener)
    tokenizer = spec.tokenizer
    if isinstance(tokenizer, BaseTokenizer):
        _warn_of_unknown(spec, stats, tokenizer, listener)
    if spec.writes_jsonl and tokenizer is not None:
        write_jsonl(spec.folder, stats, tokenizer)
    return stats


def _warn_of_unknown(
    spec: CorpusSpec, stats: Stats, tokenizer: BaseTokenizer, listener: Listener
) -> None:
    if tokenizer.unknown_id is None:
        return
    tokens = open_store(spec.folder, "train", stats.dtype).tokens
    n_unknown = int((tokens == tokenizer.unknown_id).sum())
    if n_unknown > _MANY_UNKNOWN * len(tokens):
        share = n_unknown / len(tokens)
        listener.warn(f"{share:.1%} of the chat's tokens are not in the base's vocabulary")
