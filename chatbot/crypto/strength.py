"""How hard a passphrase is to guess, estimated from below."""

import math
import re

ENOUGH_BITS = 60  # with the work of scrypt, out of reach of whoever holds the file
_WORD_BITS = 13.0  # one of 8,192 words: whoever guesses knows a dictionary
_RUN = re.compile(r"[A-Za-z]+|[가-힣]+|[0-9]+|(?P<other>.)", re.DOTALL)
_LINES = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "0123456789", "abcdefghijklmnopqrstuvwxyz")


def strength_bits(phrase: str) -> float:
    """Return the bits of a passphrase, estimated from below: words and years count as such.

    >>> round(strength_bits("1234")), round(strength_bits("correct horse battery staple"))
    (4, 59)
    >>> strength_bits("bafob-kilug-dimar-zopin-hutal-vasek") > ENOUGH_BITS
    True
    """
    total, seen = 0.0, set[str]()
    for match in _RUN.finditer(phrase):
        run = match.group()
        is_other = match["other"] is not None
        # A word that comes again is no new guess.
        is_repeated = run.lower() in seen and (is_other or len(run) > 2)
        total += 1.0 if is_repeated else _run_bits(run, is_other=is_other)
        seen.add(run.lower())
    return total


def _run_bits(run: str, *, is_other: bool) -> float:
    lowered = run.lower()
    if len(run) > 2 and (len(set(lowered)) == 1 or _is_line(lowered)):
        return 2.0 + math.log2(len(run))
    if is_other:
        return 5.0
    if lowered.isdecimal():
        is_year = len(run) == 4 and lowered[:2] in ("19", "20")
        return 7.0 if is_year else 3.3 * len(run)
    n_letters = 52 if run not in (lowered, run.upper(), run.capitalize()) else 26
    letter_bits = 8.0 if "가" <= run[0] <= "힣" else math.log2(n_letters)
    # Words have vowels here and there; letters in both cases, or without a vowel, are drawn.
    is_drawn = n_letters == 52 or not re.search("[aeiouy가-힣]", lowered)
    return len(run) * letter_bits if is_drawn else min(_WORD_BITS, len(run) * letter_bits)


def _is_line(run: str) -> bool:
    """Whether a run follows the keyboard or the alphabet, forwards or backwards."""
    return len(run) > 2 and any(run in line or run[::-1] in line for line in _LINES)
