"""Long messages and stretches of talk that come back: found, also where a few words differ.

What stands ten times in a log is recited about a thousand times as often as what stands once
(Kandpal et al. 2022): notices, forwarded texts and account numbers are the risk of a chat.
"""

import re
from collections import Counter, deque
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

_N_HASHES, _N_BANDS = 32, 8
_ALIKE = 0.75  # share of equal minima from which two texts are one: about their Jaccard index
_GRAM = 4
_MAX_KNOWN = 200_000  # texts whose likeness is remembered: 60 MB; later ones only word for word
_WINDOW, _WINDOW_CHARS = 4, 40
_PRIME = np.uint64((1 << 61) - 1)


class Repetition:
    """Counts how often a long text, or one nearly the same, was seen; memory is bounded."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._factors = rng.integers(1, 1 << 29, (_N_HASHES, 1), dtype=np.uint64)
        self._offsets = rng.integers(0, 1 << 60, (_N_HASHES, 1), dtype=np.uint64)
        self._by_band: dict[bytes, int] = {}
        self._signatures: list[Hashes] = []
        self._counts: list[int] = []
        self._exact: dict[bytes, int] = {}
        self._latest: deque[str] = deque(maxlen=_WINDOW)
        self._windows: Counter[bytes] = Counter()

    def count(self, text: str) -> int:
        """Count a long text in and return how often it, or one like it, was seen by now.

        Digits, spaces and punctuation do not make two texts different.
        """
        letters = re.sub(r"[\W\d_]+", "", text.lower())
        key = _digest(letters or text)
        number = self._exact.get(key)
        if number is None:
            number = self._similar(letters or text)
            if len(self._exact) < 4 * _MAX_KNOWN:
                self._exact[key] = number
        self._counts[number] += 1
        return self._counts[number]

    def count_window(self, text: str) -> int:
        """Count the stretch of talk that ends with a message; 1 for one too short to tell."""
        self._latest.append(text)
        if len(self._latest) < _WINDOW or sum(map(len, self._latest)) < _WINDOW_CHARS:
            return 1
        key = _digest("\0".join(self._latest))
        if key not in self._windows and len(self._windows) >= 4 * _MAX_KNOWN:
            return 1
        self._windows[key] += 1
        return self._windows[key]

    def _similar(self, letters: str) -> int:
        """Return the number of the text that letters resemble, a new one if there is none."""
        signature = self._signature(letters)
        bands = [
            bytes([number]) + band.tobytes()
            for number, band in enumerate(signature.reshape(_N_BANDS, -1))
        ]
        for band in bands:
            number = self._by_band.get(band)
            if number is not None and (self._signatures[number] == signature).mean() >= _ALIKE:
                return number
        self._counts.append(0)
        if len(self._signatures) < _MAX_KNOWN:
            self._signatures.append(signature)
            self._by_band |= dict.fromkeys(bands, len(self._counts) - 1)
        return len(self._counts) - 1

    def _signature(self, letters: str) -> Hashes:
        """Return the MinHash of a text: (32,), equal in places as often as grams are shared."""
        codes = np.array([ord(char) for char in letters.ljust(_GRAM)], dtype=np.uint64)
        grams = np.zeros(len(codes) - _GRAM + 1, dtype=np.uint64)
        for place in range(_GRAM):
            grams = (grams * np.uint64(1_000_003)) ^ codes[place : len(codes) - _GRAM + 1 + place]
        mixed = (grams % np.uint64((1 << 32) - 5)) * self._factors + self._offsets
        minima: Hashes = (mixed % _PRIME).min(axis=1)
        return minima


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()
