"""A room's messages -> a vocabulary without private strings, because a receiver can read it.

A string that only one person uses, or only on one day, may be a secret or a third person's name. So
a string is a token only if several people used it in several sessions on several days, or one
person in very many sessions. Words that look random are encoded as bytes, however frequent.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chatbot.corpus.tokenizer import BpeTokenizer, Ids, byte_chars, train_tokenizer
from chatbot.ingest.masking.candidates import looks_random

MIN_SESSIONS, MIN_DAYS, MIN_SPEAKERS = 3, 2, 2
ONE_SPEAKERS_SESSIONS = 50  # a habit of one person, like the standard phrases of a help desk
_SPARE = 1.5, 3  # merges trained for each requested one: those used by few people are removed
_MANY = 1 << 14  # messages per batch
_MAX_CHUNK = 64  # pasted blobs without a space would blow up BPE training
_CHUNK = re.compile(r"\s*\S+\s*")
_N_BYTES = 256
Merge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Utterance:
    """The text, speaker, session and day of a message.

    `day`: a running number, 0 if the message has no date.
    """

    text: str
    speaker: int
    session: int
    day: int


def train_vocabulary(
    read: Callable[[], Iterable[Utterance]], vocab_size: int, n_speakers: int
) -> BpeTokenizer:
    """Train byte-level BPE on what `read` yields, in session order; keep tokens that many use."""
    for spare in _SPARE:
        n_trained = int(vocab_size * spare)
        trained = train_tokenizer(_texts(read()), n_trained, n_speakers)
        merges = _common_merges(trained, read())
        is_enough = len(merges) >= vocab_size - _N_BYTES - trained.n_control
        if is_enough or trained.vocab_size < n_trained:
            break
    return _with_merges(trained, merges, vocab_size)


def _texts(utterances: Iterable[Utterance]) -> Iterator[str]:
    """Yield the parts of texts between words that look random, spaces included."""
    for utterance in utterances:
        plain: list[str] = []
        for chunk in _CHUNK.findall(utterance.text):
            if len(chunk) > _MAX_CHUNK or looks_random(chunk):
                yield "".join(plain)
                plain = []
            else:
                plain.append(chunk)
        yield "".join(plain)


# ---------------------------------------------------------------- tokens that many people used
class _Usage:
    """Counts the sessions, days and speakers of each token, also inside longer tokens."""

    def __init__(self, n_tokens: int) -> None:
        self._n_sessions = np.zeros(n_tokens, dtype=np.int64)
        self._days, self._speakers = _Range(n_tokens), _Range(n_tokens)

    def add(self, tokens: Ids, sessions: Ids, days: Ids, speakers: Ids) -> None:
        """Count tokens (N,), each with the session, day and speaker of its message."""
        first = sessions.min(initial=0)
        pairs = np.unique(tokens * (sessions.max(initial=0) - first + 1) + sessions - first)
        self._n_sessions += np.bincount(
            pairs // (sessions.max(initial=0) - first + 1), minlength=len(self._n_sessions)
        )
        self._days.add(tokens, days)
        self._speakers.add(tokens, speakers)

    def is_common(self) -> npt.NDArray[np.bool_]:
        """Return for each token (V,) whether enough people used it.

        In a room of one speaker, or without dates, that condition does not apply.
        """
        return (
            (self._n_sessions >= MIN_SESSIONS)
            & self._days.has_several()
            & (self._speakers.has_several() | (self._n_sessions >= ONE_SPEAKERS_SESSIONS))
        )


class _Range:
    """The minimum and maximum of a number for each token."""

    def __init__(self, n_tokens: int) -> None:
        self._least = np.full(n_tokens, np.iinfo(np.int64).max)
        self._greatest = np.full(n_tokens, np.iinfo(np.int64).min)

    def add(self, tokens: Ids, numbers: Ids) -> None:
        np.minimum.at(self._least, tokens, numbers)
        np.maximum.at(self._greatest, tokens, numbers)

    def has_several(self) -> npt.NDArray[np.bool_]:
        """Return for each token (V,) whether its numbers differ; all True if none differ."""
        is_void = self._least.min() == self._greatest.max()
        return (self._least < self._greatest) | is_void


def _common_merges(tokenizer: BpeTokenizer, utterances: Iterable[Utterance]) -> list[Merge]:
    """Return the merges, in order, whose result and parts enough people used."""
    merges = _merges_of(tokenizer)
    usage = _Usage(tokenizer.vocab_size)
    parts, starts = _parts(tokenizer, merges)
    sizes = np.diff(starts)
    for batch in _batches(utterances):
        encoded = tokenizer.encode_all([utterance.text for utterance in batch])
        lengths = [len(tokens) for tokens in encoded]
        tokens = np.fromiter((token for tokens in encoded for token in tokens), np.int64)
        n_parts = sizes[tokens]
        offsets = np.arange(n_parts.sum()) - np.repeat(np.cumsum(n_parts) - n_parts, n_parts)
        of_message = np.repeat(np.repeat(np.arange(len(batch)), lengths), n_parts)
        columns = ([u.session for u in batch], [u.day for u in batch], [u.speaker for u in batch])
        usage.add(
            parts[np.repeat(starts[tokens], n_parts) + offsets],
            *(np.array(column, dtype=np.int64)[of_message] for column in columns),
        )
    is_common, vocabulary = usage.is_common(), tokenizer.vocabulary
    kept = set(byte_chars().values())
    common = []
    for left, right in merges:
        if left in kept and right in kept and is_common[vocabulary[left + right]]:
            kept.add(left + right)
            common.append((left, right))
    return common


def _parts(tokenizer: BpeTokenizer, merges: list[Merge]) -> tuple[Ids, Ids]:
    """Return the parts of all tokens, each token included, and the start of each token's parts."""
    vocabulary = tokenizer.vocabulary
    parts = [{token} for token in range(tokenizer.vocab_size)]
    for left, right in merges:
        parts[vocabulary[left + right]] |= parts[vocabulary[left]] | parts[vocabulary[right]]
    starts = np.cumsum([0, *map(len, parts)])
    return np.array([token for tokens in parts for token in sorted(tokens)]), starts


def _batches(utterances: Iterable[Utterance]) -> Iterator[list[Utterance]]:
    """Yield lists of messages, each of whole sessions."""
    batch: list[Utterance] = []
    for utterance in utterances:
        if len(batch) >= _MANY and utterance.session != batch[-1].session:
            yield batch
            batch = []
        batch.append(utterance)
    if batch:
        yield batch


# ---------------------------------------------------------------- tokenizer.json
def _merges_of(tokenizer: BpeTokenizer) -> list[Merge]:
    return [(left, right) for left, right in json.loads(tokenizer.text)["model"]["merges"]]


def _with_merges(tokenizer: BpeTokenizer, merges: list[Merge], vocab_size: int) -> BpeTokenizer:
    """Return a tokenizer with the first of the given merges, as many as fit the vocabulary."""
    content = json.loads(tokenizer.text)
    n_first = tokenizer.n_control + _N_BYTES
    first = sorted(tokenizer.vocabulary, key=tokenizer.vocabulary.__getitem__)[:n_first]
    vocabulary = {entry: token for token, entry in enumerate(first)}
    kept = []
    for left, right in merges:
        if left + right not in vocabulary:
            if len(vocabulary) >= vocab_size:
                break
            vocabulary[left + right] = len(vocabulary)
        kept.append([left, right])
    content["model"] |= {"vocab": vocabulary, "merges": kept}
    return BpeTokenizer(json.dumps(content, ensure_ascii=False))
