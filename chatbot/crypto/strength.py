"""How hard a passphrase is to guess, at most: what its characters and their number allow."""

import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from chatbot.crypto.age_keys import DRAWN, DRAWN_BITS
from chatbot.errors import CryptoError

LEAST_BITS = 60  # with scrypt's second a guess, beyond what anybody will pay for
# How many characters of a kind people choose from; syllables are chosen as parts of words.
_KINDS = (
    (re.compile("[0-9]"), 10),
    (re.compile("[a-z]"), 26),
    (re.compile("[A-Z]"), 26),
    (re.compile(r"[\s._-]"), 4),  # between words, or groups of a phone number
    (re.compile(r"[!-/:-@\[-`{-~]"), 29),
    (re.compile("[가-힣ㄱ-ㅣ]"), 64),
)
_N_OTHERS = 1024  # other scripts, signs and pictures
_SHORTEST = 3  # characters of a run or a copy


def strength_bits(phrase: str) -> float:
    """Return an upper bound in bits; dictionaries and dates are not looked up.

    A run (1234, aaaa) and a copy of what came before count as two characters.

    >>> round(strength_bits("1234")), round(strength_bits("abcabcabcabc"))
    (7, 19)
    """
    phrase = unicodedata.normalize("NFC", phrase.strip())
    if DRAWN.fullmatch(phrase):
        return DRAWN_BITS
    kinds = {next((n for kind, n in _KINDS if kind.match(c)), _N_OTHERS) for c in phrase}
    return sum(_costs(phrase)) * math.log2(max(2, sum(kinds)))


_HINT = "`chatbot keygen --passphrase` prints a strong one; --weak-key takes this one"


def require_strong(phrase: str, name: str = "", hint: str = _HINT) -> None:
    """Raise CryptoError if a passphrase, set as `name`, has fewer than `LEAST_BITS` bits."""
    bits = strength_bits(phrase)
    if bits < LEAST_BITS:
        raise CryptoError(
            f"the passphrase {name}".rstrip()
            + f" can be guessed: it has at most {bits:.0f} bits, {LEAST_BITS} are needed",
            hint=hint,
        )


def _costs(phrase: str) -> Iterator[int]:
    """Yield how many characters each stretch counts as: 1 for one, 2 for a run or a copy."""
    place = 0
    while place < len(phrase):
        length = max(_run(phrase, place), _copy(phrase, place))
        yield 2 if length >= _SHORTEST else 1
        place += length if length >= _SHORTEST else 1


def _run(phrase: str, place: int) -> int:
    """Return how far characters go on by the same step of -1, 0 or 1 from a place."""
    codes = [ord(c) for c in phrase[place:]]
    steps = [after - before for before, after in pairwise(codes)]
    if not steps or abs(steps[0]) > 1:
        return 1
    return 1 + next((n for n, step in enumerate(steps) if step != steps[0]), len(steps))


def _copy(phrase: str, place: int) -> int:
    """Return the length of the longest text at a place that also begins before it."""
    end = place
    while end < len(phrase) and phrase[place : end + 1] in phrase[:end]:
        end += 1
    return end - place
