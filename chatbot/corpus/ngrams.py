"""Hashes of n-grams of tokens that only one speaker wrote, to keep the bot from reciting them.

The index would reveal the chat: who knows N - 1 successive tokens can test every continuation
against it and go on. So it stays in the run's folder, like the training data, and is part of no
model.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chatbot.corpus.store import TokenStore
from chatbot.corpus.template import find_turns
from chatbot.corpus.tokenizer import Tokenizer

N = 8  # successive tokens: about four words
MAX_ENTRIES = 4_000_000  # 20 MB; of more, a uniform sample is kept
_AT_ONCE = 1 << 22
_OVERLAP = 64  # N - 1, or the frame of a turn
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class NgramIndex:
    """Sorted hashes (M,) of n-grams, and the only speaker (M,) who wrote each.

    `data_fingerprint`: that of the indexed corpus.
    """

    hashes: npt.NDArray[np.uint32]
    speakers: npt.NDArray[np.uint8]
    data_fingerprint: str = ""

    def is_from_another(self, tokens: list[int], speaker: int) -> bool:
        """Whether the last N tokens occur in the chat, but not by `speaker`."""
        if len(tokens) < N:
            return False
        ngram_hash = hash_ngrams(np.array(tokens[-N:], dtype=np.uint64))[0]
        place = int(np.searchsorted(self.hashes, ngram_hash))
        is_known = place < len(self.hashes) and self.hashes[place] == ngram_hash
        return bool(is_known and self.speakers[place] != speaker)


def hash_ngrams(tokens: npt.NDArray[np.uint64], size: int = N) -> npt.NDArray[np.uint32]:
    """Hash every n-gram of `size` tokens: (T,) to (T - size + 1,)."""
    n = max(0, len(tokens) - size + 1)
    hashes = np.zeros(n, dtype=np.uint64)
    for place in range(size):
        hashes = (hashes ^ (tokens[place : place + n] + np.uint64(1))) * _FACTOR
        hashes ^= hashes >> np.uint64(29)
    return (hashes >> np.uint64(32)).astype(np.uint32)


def index_ngrams(store: TokenStore, tokenizer: Tokenizer, data_fingerprint: str = "") -> NgramIndex:
    """Index the n-grams in the turns of a split, except those that two speakers wrote."""
    is_text = np.ones(max(tokenizer.vocab_size, tokenizer.bos_id) + 1, dtype=bool)
    is_text[[*tokenizer.control_ids, tokenizer.bos_id]] = False
    pairs = np.zeros(0, dtype=np.uint64)
    begin, speaker = 0, 0
    while begin < len(store.tokens):
        tokens = np.asarray(store.tokens[begin : begin + _AT_ONCE + _OVERLAP]).astype(np.uint64)
        places, who = find_turns(tokens, tokenizer)
        turn = np.searchsorted(places, np.arange(len(tokens)), side="right") - 1
        speakers = np.where(turn < 0, speaker, np.append(who, 0)[turn])
        n_text = np.cumsum(np.concatenate([[0], is_text[tokens]]))
        is_whole = n_text[N:] - n_text[:-N] == N
        if len(tokens) >= N:
            hashes = hash_ngrams(tokens)[is_whole].astype(np.uint64)
            new = hashes << np.uint64(8) | speakers[: len(is_whole)][is_whole].astype(np.uint64)
            pairs = np.union1d(pairs, new)
        speaker = int(speakers[min(_AT_ONCE, len(speakers)) - 1])
        begin += _AT_ONCE
    hashes = (pairs >> np.uint64(8)).astype(np.uint32)
    _, places, counts = np.unique(hashes, return_index=True, return_counts=True)
    is_alone = places[counts == 1]
    hashes, owners = hashes[is_alone], (pairs[is_alone] & np.uint64(255)).astype(np.uint8)
    kept = slice(None, None, -(-len(hashes) // MAX_ENTRIES) or None)
    return NgramIndex(hashes[kept], owners[kept], data_fingerprint)
