"""A reply -> the training messages nearest to it, for the owner of the chat.

The index holds the messages themselves, so it lies among the processed data, which `preprocess`
and `forget` replace as a whole, and is part of no model and of no server.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from chatbot.corpus.hf_tokenizer import open_tokenizer
from chatbot.corpus.preview import turns_by_session
from chatbot.corpus.store import SEARCH_DIR, open_store, read_stats
from chatbot.errors import CorpusError
from chatbot.retrieval.index import Index, Row, build_index, open_index

_COMMAND = "chatbot why"


class Source(msgspec.Struct, frozen=True):
    """A training message: its session and place there, its speaker id, and what came before."""

    session: int
    turn: int
    speaker: int
    text: str
    before: str
    similarity: float


class Sources:
    """The training messages of processed data, by how near they are to a text."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def nearest(self, text: str, n_nearest: int) -> list[Source]:
        """Return the messages nearest to a text, the nearest first."""
        sources = []
        for match in self._index.search(text, n_nearest):
            session, turn, speaker = map(int, match.row.id.split(":"))
            similarity = match.similarity
            sources.append(
                Source(session, turn, speaker, match.row.text, match.row.answer, similarity)
            )
        return sources


def open_sources(processed_dir: Path) -> Sources:
    """Open the index of the training messages; write it if it is missing or of other data."""
    stats = read_stats(processed_dir)
    folder = processed_dir / SEARCH_DIR
    try:
        return Sources(open_index(folder, stats.fingerprint, _COMMAND))
    except CorpusError:
        build_index(folder, _rows(processed_dir, stats.dtype), "ngrams", stats.fingerprint)
    return Sources(open_index(folder, stats.fingerprint, _COMMAND))


def _rows(processed_dir: Path, dtype: str) -> Iterator[Row]:
    tokenizer = open_tokenizer(processed_dir)
    store = open_store(processed_dir, "train", dtype)
    for session, (_, turns) in enumerate(turns_by_session(store, tokenizer), start=1):
        before = ""
        for place, turn in enumerate(turns, start=1):
            yield Row(f"{session}:{place}:{turn.speaker}", turn.text, before)
            before = turn.text
