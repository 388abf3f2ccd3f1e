"""Counts of long messages and stretches of messages that recur, also with a few words changed.

A text that occurs ten times in the training data is generated about a thousand times as often as
one that occurs once (Kandpal et al. 2022): in a chat, notices and forwarded texts.
"""

import re
from collections import deque
from collections.abc import Sequence
from hashlib import blake2b

import msgspec
import numpy as np

from chatbot.ingest.cleaning.minhash import SimilarTexts, band_slots

_WINDOW, _WINDOW_CHARS = 4, 40
_SLOT_BITS = 22  # 32 MB, allocated as it fills
_COUNT_BITS = 16
_MAX_COUNT = (1 << _COUNT_BITS) - 1
# The date of a notice changes every time it is sent; hours, prices and numbers are its content.
_DATE = re.compile(
    r"(?:\d{2,4}\s?년\s?)?\d{1,2}\s?월(?:\s?\d{1,2}\s?일)?"  # 2026년 3월 5일, 3월
    r"|\b\d{4}([./-])\s?\d{1,2}\1\s?\d{1,2}\b"  # 2026-03-05, 2026. 3. 5
    r"|\b\d{1,2}/\d{1,2}(?=\s?\()"  # 3/5 (목)
)


_NO_LETTERS, _DIGITS = re.compile(r"[\W\d_]+"), re.compile(r"\d+")


class Fingerprint(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What of a long text is compared: its letters, its digits, its slots (B,) as bytes."""

    letters: str
    digits: str
    slots: bytes


def fingerprints(texts: Sequence[str]) -> list[Fingerprint]:
    """Return what `Repetition.count` compares of texts.

    Spaces, punctuation and dates are no part of it; other digits are: a price of 3,000 and one of
    5,000 are different answers.
    """
    lowered = [text.lower() for text in texts]
    letters = [_NO_LETTERS.sub("", text) or text for text in lowered]
    digits = [
        " ".join(_DIGITS.findall(_DATE.sub(" ", text))) if _DIGITS.search(text) else ""
        for text in lowered
    ]
    slots = band_slots(letters, digits)
    return [
        Fingerprint(plain, numbers, row.tobytes())
        for plain, numbers, row in zip(letters, digits, slots, strict=True)
    ]


class Repetition:
    """Counts how often a long text or a near-duplicate of it occurs; memory is bounded."""

    def __init__(self) -> None:
        self._similar = SimilarTexts()
        self._exact = Counts(slot_bits=20)  # only long texts are compared
        self._windows = Counts()
        self._latest: deque[str] = deque(maxlen=_WINDOW)

    def count(self, text: str) -> int:
        """Count a long text and return how often it, or a similar one, has occurred so far.

        Texts that differ in spaces, punctuation or dates are equal; other digits matter.
        """
        return self.count_print(fingerprints([text])[0])

    def count_print(self, text: Fingerprint) -> int:
        """Count a long text by what is compared of it, as `count` does."""
        n_exact = self._exact.count(f"{text.digits}\0{text.letters}")
        slots = np.frombuffer(text.slots, dtype=np.uint64)
        return max(n_exact, self._similar.count_at(text.letters, text.digits, slots))

    def count_window(self, text: str) -> int:
        """Count the stretch of messages that ends with this one; 1 if too short to compare."""
        self._latest.append(text)
        if len(self._latest) < _WINDOW or sum(map(len, self._latest)) < _WINDOW_CHARS:
            return 1
        return self._windows.count("\0".join(self._latest))


class Counts:
    """Counts of up to two million texts, at 8 bytes each.

    A hash table with open addressing: a slot holds 48 bits of a text's hash and its count. Once it
    is half full, new texts always count 1.
    """

    def __init__(self, slot_bits: int = _SLOT_BITS) -> None:
        # A memory view, because indexing a numpy array with an integer is slow.
        self._slots = np.zeros(1 << slot_bits, dtype=np.uint64).data
        self._n_free = 1 << (slot_bits - 1)

    def count(self, text: str) -> int:
        """Count a text and return how often it has occurred so far, at most 65,535."""
        key = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
        tag, n_slots = key >> _COUNT_BITS, len(self._slots)
        place = key % n_slots
        while slot := self._slots[place]:
            if slot >> _COUNT_BITS == tag:
                count = min((slot & _MAX_COUNT) + 1, _MAX_COUNT)
                self._slots[place] = tag << _COUNT_BITS | count
                return count
            place = (place + 1) % n_slots
        if self._n_free:
            self._slots[place] = tag << _COUNT_BITS | 1
            self._n_free -= 1
        return 1
