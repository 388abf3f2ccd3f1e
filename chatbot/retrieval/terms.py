"""Texts -> the hashed terms that an index counts: character n-grams, morphemes, or both."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from chatbot.corpus.ngrams import hash_ngrams
from chatbot.retrieval.morphemes import morpheme_terms

Kind = Literal["ngrams", "kiwi", "both"]
Keys: TypeAlias = npt.NDArray[np.uint64]
# Syllables and their pairs find more than any other length, or jamo: benchmarks/retrieval.py.
SIZES = (1, 2)
_NO_LETTERS = re.compile(r"[\W_]+")
_SHIFT = np.uint64(32)


def searchable(text: str) -> str:
    """Return the letters and digits of a text in one spelling, words between single spaces.

    >>> searchable(" ＡＳ는  언제까지?! ")
    'as는 언제까지'
    """
    return _NO_LETTERS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def same_letters(text: str) -> str:
    """Return what equal texts share whatever their spaces and signs.

    >>> same_letters("환불 됩니다.") == same_letters("환불됩니다")
    True
    """
    return searchable(text).replace(" ", "")


def character_terms(texts: Sequence[str]) -> Keys:
    """Return a key for each n-gram of each text: its hash, then the text's place, 32 bits each.

    Without spaces: customers set them as they like.
    """
    return ngram_keys(map(same_letters, texts), SIZES)


def ngram_keys(texts: Iterable[str], sizes: Sequence[int]) -> Keys:
    """Return the keys of the n-grams of texts; their first and last letters form pairs too."""
    spelled = (f" {text} " if text else "" for text in texts)
    content = "\0".join(spelled).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(content, dtype=np.uint32).astype(np.uint64)
    places = np.cumsum(codes == 0).astype(np.uint64)
    keys = []
    for size in sizes:
        n = max(0, len(codes) - size + 1)
        is_inside = (places[:n] == places[size - 1 :][:n]) & (codes[:n] != 0)
        if size == 1:
            is_inside &= codes[:n] != ord(" ")
        hashes = hash_ngrams(codes, size)[is_inside].astype(np.uint64)
        keys.append(hashes << _SHIFT | places[:n][is_inside])
    return np.concatenate(keys)


def _both(texts: Sequence[str]) -> Keys:
    return np.concatenate([character_terms(texts), morpheme_terms(texts)])


TERMS: dict[Kind, Callable[[Sequence[str]], Keys]] = {
    "ngrams": character_terms,
    "kiwi": morpheme_terms,
    "both": _both,
}


def split_keys(keys: Keys) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return the hashes and the places of keys."""
    return (keys >> _SHIFT).astype(np.uint32), keys.astype(np.uint32)
