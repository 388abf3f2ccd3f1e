"""Numbers as people hide them (공일공, O1O, ０１０) -> the same text with plain digits, in place.

Every function here replaces one character by one character, so that positions stay.
"""

import re
import unicodedata

# Full-width forms, dashes, special spaces, digits of other scripts and circled digits.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN |= dict.fromkeys(map(ord, "‐‑‒–—―−·ㅡ"), ord("-"))
_PLAIN |= dict.fromkeys(map(ord, "\u3000\u00a0\u2002\u2003\u2009"), ord(" "))
_PLAIN |= {0x2460 + digit: ord("1") + digit for digit in range(9)} | {0x24EA: ord("0")}
_ODD = re.compile(
    "[‐-―−·ㅡ\u3000\u00a0\u2002\u2003\u2009①-⑨⓪\uff01-\uff5e٠-٩۰-۹०-९\U0001d7ce-\U0001d7ff]"
)
_SPOKEN = dict(zip("공영빵일이삼사오육륙칠팔구", "0001234566789", strict=True))
SPOKEN = "".join(_SPOKEN)
_LOOKS = dict(zip("OoㅇIl|", "000111", strict=True))
_WRITTEN = dict(zip("0123456789", "공일이삼사오육칠팔구", strict=True))
_DIGIT = f"[0-9{SPOKEN}]"
# "다시" is a spoken dash, "에" a spoken pause.
_PAUSE = r" ?(?:[-.,~/]|다시|에)? ?"
_RUN = re.compile(rf"{_DIGIT}(?:{_PAUSE}{_DIGIT}){{3,}}")
_ALIKE = re.compile(
    r"(?<![A-Za-z0-9])([MSRDGmsrdg]?)([0-9OoㅇIl|](?:[-. ]?[0-9OoㅇIl|]){5,})(?![A-Za-z])"
)
_PASSPORT = re.compile("O[0-9]{8}")  # its letter is one
_SPOKEN_PLATE = re.compile(rf"(?<![가-힣0-9]){_DIGIT}{{2,3}} [가-힣] {_DIGIT}{{4}}(?![가-힣]{{3}})")
_COPULA = re.compile("야|에[요용]|예요|고|라|래|거든|니까|네|지|다|요|ㅇ|구")
_PLATE = re.compile("[0-9]{2,3} ?[오사구] ?[0-9]{4}")
_HANGUL = re.compile("[가-힣]")
# One or two spoken digits that belong to the words around a number.
_FIRST_WORD = re.compile(rf"[{SPOKEN}]{{1,2}}(?:{_PAUSE}(?=[0-9])|[ ](?=.))")
_LAST_WORD = re.compile(rf"(?<=[0-9])[{SPOKEN}]$|(?<=[0-9])[ ,]{{1,2}}[{SPOKEN}]{{1,2}}$")
_FINAL = re.compile(".$")
_N_LONE = 4  # minimum spoken digits in one word that form a number
_N_SPREAD = 6  # minimum digits with pauses that form a number
_N_DISTINCT = 3  # 사이사이, 오구오구 are words
HAS_SPELLED = re.compile(
    rf"[0-9OoㅇIl|{SPOKEN}](?:(?<=[^OoㅇIl|])(?:{_PAUSE}{_DIGIT}){{3}}|"
    rf"(?<=[OoㅇIl|])[0-9][-. ]?[0-9OoㅇIl|]|[0-9OoIlㅇ|][-. ]?[0-9Ool]|"
    rf"{_DIGIT}{{1,2}} [가-힣] {_DIGIT}{{4}})"
)


def plain_form(text: str) -> str:
    """Replace full-width forms, dashes, spaces and digits by their plain ASCII form.

    >>> plain_form("０１０–1234—5678")
    '010-1234-5678'
    """
    if text.isascii() or _ODD.search(text) is None:
        return text
    return "".join(_plain_char(char) for char in text)


def _plain_char(char: str) -> str:
    if (code := _PLAIN.get(ord(char))) is not None:
        return chr(code)
    digit = unicodedata.decimal(char, None) if char > "9" else None
    return char if digit is None else str(digit)


def as_digits(text: str) -> str:
    """Replace spoken digits, and letters used as digits, by digits.

    >>> as_digits("공일공 삼팔사칠 2915, 이사 간 사이에, o1o-3847-29l5")
    '010 3847 2915, 이사 간 사이에, 010-3847-2915'
    """
    if HAS_SPELLED.search(text) is None:
        return text
    text = _SPOKEN_PLATE.sub(_from_spoken_plate, text)
    return _ALIKE.sub(_from_alike, _RUN.sub(_from_spoken, text))


def _from_spoken_plate(plate: re.Match[str]) -> str:
    before, syllable, number = plate[0].split(" ")
    return f"{_digits_in(before)} {syllable} {_digits_in(number)}"


def _from_spoken(run: re.Match[str]) -> str:
    start, end = _number_in(run)
    words = run[0][start:end]
    digits = re.findall(_DIGIT, words)
    is_spoken = any(char in _SPOKEN for char in words)
    is_number = len(digits) >= (_N_LONE if len(digits) == len(words) else _N_SPREAD)
    if not (is_spoken and is_number) or len(set(digits)) < _N_DISTINCT or _PLATE.fullmatch(words):
        return run[0]
    return run[0][:start] + _digits_in(words) + run[0][end:]


def _number_in(run: re.Match[str]) -> tuple[int, int]:
    """Return the span of the number in a run of digits, without parts of the words around it."""
    words = run[0]
    first = (
        _FIRST_WORD.match(words)
        if _HANGUL.match(run.string[run.start() - 1 : run.start()])
        else None
    )
    last = _LAST_WORD.search(words)
    if last is None and words[-1] == "이" and _COPULA.match(run.string, run.end()):
        last = _FINAL.search(words)
    start = first.end() if first else 0
    return start, max(start, last.start() if last else len(words))


def _digits_in(words: str) -> str:
    words = words.replace("다시", "--").replace("에", "-")
    return "".join(_SPOKEN.get(char, char) for char in words)


def _from_alike(run: re.Match[str]) -> str:
    n_digits = sum(char.isdecimal() for char in run[2])
    if n_digits < _N_SPREAD - 1 or _PASSPORT.fullmatch(run[2]):
        return run[0]
    return run[1] + "".join(_LOOKS.get(char, char) for char in run[2])


def restyled(value: str, digits: str, pseudonym: str) -> str:
    """Write a pseudonym, drawn for the `digits` of a value, in the style of the original text.

    >>> restyled("공일공 3847 이구일오", "010 3847 2915", "010 0471 3306")
    '공일공 0471 삼삼공육'
    """
    if value == digits or len(pseudonym) != len(value):
        return pseudonym
    return "".join(map(_restyled_char, value, digits, pseudonym))


def _restyled_char(written: str, digit: str, drawn: str) -> str:
    if digit == drawn:
        return written
    return _WRITTEN.get(drawn, drawn) if written in _SPOKEN else drawn


def spelled_patterns() -> dict[str, re.Pattern[str]]:
    """Return what this module searches for, by name, for a program in another language."""
    return {
        "odd": _ODD,
        "spoken_run": _RUN,
        "alike_run": _ALIKE,
        "passport": _PASSPORT,
        "spoken_plate": _SPOKEN_PLATE,
        "copula": _COPULA,
        "plate": _PLATE,
        "hangul": _HANGUL,
        "first_word": _FIRST_WORD,
        "last_word": _LAST_WORD,
        "digit": re.compile(_DIGIT),
        "has_spelled": HAS_SPELLED,
    }


def digit_tables() -> dict[str, dict[str, str]]:
    """Return the characters that stand for others: plain forms, spoken digits, similar letters."""
    plain = {chr(code): chr(other) for code, other in _PLAIN.items()}
    digits = {chr(code): _plain_char(chr(code)) for code in range(0x20000) if chr(code).isdecimal()}
    return {"plain": {**digits, **plain}, "spoken": _SPOKEN, "alike": _LOOKS}
