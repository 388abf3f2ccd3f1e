"""Near-duplicate texts, by MinHash: bands of hashes propose candidates, n-grams decide.

Broder 1997; locality-sensitive hashing as in Leskovec, Rajaraman, Ullman, "Mining of Massive
Datasets", chapter 3. H hashes, N n-grams.
"""

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

N_HASHES, N_BANDS = 32, 8  # two texts with Jaccard index 0.75 share a band in 95 % of cases
ALIKE = 0.75  # minimum Jaccard index of near-duplicates
_GRAM = 4
_MAX_TEXTS = 200_000  # about 60 MB of text; later ones are compared, but not remembered
_SLOT_BITS = 22  # 16 MB: a newer text replaces an older one in its slot
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_POWERS = _GOLDEN ** np.arange(1, _GRAM + 1, dtype=np.uint64)
_SEEDS = _GOLDEN ** np.arange(10, 10 + N_HASHES, dtype=np.uint64)[:, None]
_BAND_SEEDS = _GOLDEN ** np.arange(100, 100 + N_BANDS, dtype=np.uint64)


class SimilarTexts:
    """Groups each text with the first similar one; memory is bounded."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, str]] = []
        self._counts: list[int] = []
        self._slots = np.zeros(1 << _SLOT_BITS, dtype=np.uint32)  # index of a text + 1

    def count(self, letters: str, mark: str = "") -> int:
        """Count a text and return how often it, or a similar one, has occurred so far.

        Texts with different marks are never similar.
        """
        return self.count_at(letters, mark, band_slots([letters], [mark])[0])

    def count_at(self, letters: str, mark: str, slots: Hashes) -> int:
        """Count a text whose slots (B,) are known, as `count` does."""
        index = self._find(letters, mark, slots)
        if index is None:
            if len(self._texts) < _MAX_TEXTS:
                self._texts.append((letters, mark))
                self._counts.append(1)
                self._slots[slots] = len(self._texts)
            return 1
        self._counts[index] += 1
        return self._counts[index]

    def _find(self, letters: str, mark: str, slots: Hashes) -> int | None:
        """Return the index of the earliest similar text."""
        grams = None
        for number in sorted(set(self._slots[slots].tolist()) - {0}):
            other, other_mark = self._texts[number - 1]
            if mark != other_mark:
                continue
            grams = grams or _grams(letters)
            if letters == other or _jaccard(grams, _grams(other)) >= ALIKE:
                return int(number - 1)
        return None


def minhash(text: str, mark: str = "") -> Hashes:
    """Return the signature (H,) of a text: the more n-grams texts share, the more values agree.

    The expected share of equal values is the Jaccard index of the sets of n-grams. Different marks
    give different signatures for the same text.
    """
    return _minhashes([text], [mark])[0]


def _minhashes(texts: Sequence[str], marks: Sequence[str]) -> Hashes:
    """Return the signatures (N, H) of texts, together: numpy costs as much for one as for many."""
    padded = [text.ljust(_GRAM) for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    n_grams = np.array([len(text) - _GRAM + 1 for text in padded])
    starts = np.cumsum(n_grams) - n_grams
    # The n-grams that lie in one text: each text has fewer than characters, by the same number.
    places = np.arange(n_grams.sum()) + np.repeat(np.arange(len(padded)) * (_GRAM - 1), n_grams)
    grams = np.repeat([crc32(mark.encode()) for mark in marks], n_grams).astype(np.uint64)
    for place, power in enumerate(_POWERS):
        grams += codes[places + place] * power
    # Seed by seed, because the n-grams of many texts with all seeds do not fit into a cache.
    return np.stack([np.minimum.reduceat(mix(grams + seed), starts) for seed in _SEEDS], axis=1)


def mix(values: Hashes) -> Hashes:
    """Spread numbers over 64 bits: the finalizer of splitmix64 (Steele et al. 2014).

    Multiplication alone is not enough: `a * x + b` keeps the order of small x, so that most hashes
    choose the same n-gram.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def band_slots(texts: Sequence[str], marks: Sequence[str]) -> Hashes:
    """Return the slots (N, B) of the B bands of the signatures of texts."""
    if not texts:
        return np.zeros((0, N_BANDS), dtype=np.uint64)
    bands = mix(_minhashes(texts, marks).reshape(len(texts), N_BANDS, -1) @ _POWERS + _BAND_SEEDS)
    return bands >> np.uint64(64 - _SLOT_BITS)


def _grams(text: str) -> set[str]:
    text = text.ljust(_GRAM)
    return {text[i : i + _GRAM] for i in range(len(text) - _GRAM + 1)}


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b)
