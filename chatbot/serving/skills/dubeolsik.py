"""Keys of an English keyboard <-> the Hangul they type on a Korean one (the two-set layout)."""

import re
import unicodedata

# Jamo in the order in which Unicode composes syllables, each with its keys.
_INITIALS = dict(zip("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", "rRseEfaqQtTdwWczxvg", strict=True))
# fmt: off
_VOWELS = {
    "ㅏ": "k", "ㅐ": "o", "ㅑ": "i", "ㅒ": "O", "ㅓ": "j", "ㅔ": "p", "ㅕ": "u", "ㅖ": "P",
    "ㅗ": "h", "ㅘ": "hk", "ㅙ": "ho", "ㅚ": "hl", "ㅛ": "y", "ㅜ": "n", "ㅝ": "nj", "ㅞ": "np",
    "ㅟ": "nl", "ㅠ": "b", "ㅡ": "m", "ㅢ": "ml", "ㅣ": "l",
}
_FINALS = {
    "ㄱ": "r", "ㄲ": "R", "ㄳ": "rt", "ㄴ": "s", "ㄵ": "sw", "ㄶ": "sg", "ㄷ": "e", "ㄹ": "f",
    "ㄺ": "fr", "ㄻ": "fa", "ㄼ": "fq", "ㄽ": "ft", "ㄾ": "fx", "ㄿ": "fv", "ㅀ": "fg", "ㅁ": "a",
    "ㅂ": "q", "ㅄ": "qt", "ㅅ": "t", "ㅆ": "T", "ㅇ": "d", "ㅈ": "w", "ㅊ": "c", "ㅋ": "z",
    "ㅌ": "x", "ㅍ": "v", "ㅎ": "g",
}
# fmt: on
_FIRST, _N_FINALS = 0xAC00, len(_FINALS) + 1
_N_OF_INITIAL = len(_VOWELS) * _N_FINALS
_SYLLABLES = range(_FIRST, _FIRST + len(_INITIALS) * _N_OF_INITIAL)


def _any_of(keys: dict[str, str]) -> str:
    """Return a pattern of keys, the longest first."""
    return "|".join(sorted(keys.values(), key=len, reverse=True))


# A final consonant that a vowel follows begins the next syllable; of a pair, its second part does.
_TYPED = re.compile(
    rf"(?P<initial>{_any_of(_INITIALS)})(?P<vowel>{_any_of(_VOWELS)})"
    rf"(?:(?P<final>{_any_of(_FINALS)})(?!{_any_of(_VOWELS)}))?"
    rf"|(?P<lone>{_any_of(_VOWELS)}|{_any_of(_INITIALS)})"
)
_JAMO_OF = {keys: jamo for jamo, keys in (*_INITIALS.items(), *_VOWELS.items())}
_KEYS_OF = _FINALS | _INITIALS | _VOWELS
# The other letters type the same with Shift.
_UNSHIFTED = {ord(letter): letter.lower() for letter in "ABCDFGHIJKLMNSUVXYZ"}


def to_hangul(keys: str) -> str:
    """Return what a Korean keyboard types for these keys; other characters stay.

    >>> to_hangul("dkssud"), to_hangul("rkqtdl dlTek!"), to_hangul("zz")
    ('안녕', '값이 있다!', 'ㅋㅋ')
    """
    return _TYPED.sub(_composed, keys.translate(_UNSHIFTED))


def to_keys(text: str) -> str:
    """Return the keys that type a text on a Korean keyboard; other characters stay.

    >>> to_keys("안녕"), to_keys("괜찮ㅠㅠ")
    ('dkssud', 'rhoscksgbb')
    """
    return "".join(map(_keys_of, unicodedata.normalize("NFC", text)))


def _composed(typed: "re.Match[str]") -> str:
    if lone := typed["lone"]:
        return _JAMO_OF[lone]
    initial = [*_INITIALS.values()].index(typed["initial"])
    vowel = [*_VOWELS.values()].index(typed["vowel"])
    final = ["", *_FINALS.values()].index(typed["final"] or "")
    return chr(_FIRST + initial * _N_OF_INITIAL + vowel * _N_FINALS + final)


def _keys_of(char: str) -> str:
    if ord(char) not in _SYLLABLES:
        return _KEYS_OF.get(char, char)
    initial, rest = divmod(ord(char) - _FIRST, _N_OF_INITIAL)
    vowel, final = divmod(rest, _N_FINALS)
    keys = [*_INITIALS.values()][initial] + [*_VOWELS.values()][vowel]
    return keys + ["", *_FINALS.values()][final]
