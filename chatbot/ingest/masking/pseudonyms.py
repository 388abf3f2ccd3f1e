"""A value and the project's key -> an invented value of the same form, deterministic."""

import hmac
import re
from collections.abc import Callable, Iterator

_SURNAMES = "김이박최정강조윤장임한오서신권황안송"
# Given names end like the real one, with or without a final consonant, so that particles fit.
_OPEN, _CLOSED = "서지하유채나리아우주수희라미도규호재", "민준현빈연윤진은원결영훈철혁성한솔별"
_FIRST = "도서지하민유채시예다은현태정승가나로수연"
_CONSONANTS, _VOWELS = "bdfgklmnprst", "aeiou"
_PLACES = "가람나루다솔라온마루별빛새봄아름이슬푸름하늘한결"
_AT = re.compile(r" ?(?:@|\(at\)|\[at\]|\(@\)|\(?골뱅이\)?|앳| at ) ?")
_PREFIX = re.compile(r"\(?\+?82\D{0,3}\(?0?\)?\D?(?:1\d|2|\d\d)|\(?0(?:2|50\d|\d\d)|\+\d{1,3}")


class Pseudonyms:
    """Draws pseudonyms by HMAC: without the key nobody can find the original."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        """Never show the key."""
        return "Pseudonyms()"

    def of(self, kind: str, value: str) -> str:
        """Return the pseudonym of a value; separators, lengths and prefixes are kept."""
        canonical = _canonical(kind, value)
        make = _MAKERS.get(kind, _other_digits)
        for attempt in range(100):
            pseudonym = make(value, self._numbers(f"{kind}\0{canonical}\0{attempt}"))
            if (
                kind == "name" and _is_hangul(value) and len(value) == 3
            ):  # two syllables of a given name
                drawn = next(self._numbers(f"surname\0{value}\0{attempt}"))
                pseudonym = _SURNAMES[drawn % len(_SURNAMES)] + pseudonym[1:]
            if pseudonym != value:
                return pseudonym
        return re.sub(r"\w", "0", value)

    def reference(self, kind: str, value: str) -> str:
        """Return an invented value of the same form that looks like a real one."""
        numbers = self._numbers(f"reference\0{kind}\0{value}")
        if kind == "phone":
            head = _PREFIX.match(value)
            n_kept = len(re.findall(r"\d", head[0])) if head else 0
            return _other_digits(value, numbers, n_kept)
        if kind == "email":
            name, _, host = value.partition("@")
            return f"{_letters(name, numbers)}@{host}"
        return self.of(kind, value)

    def _numbers(self, seed: str) -> Iterator[int]:
        """Yield numbers from 0 to 255 endlessly."""
        block = 0
        while True:
            yield from hmac.digest(self._key, f"{seed}\0{block}".encode(), "sha256")
            block += 1


def _canonical(kind: str, value: str) -> str:
    """Normalize a value, so that its pseudonym does not depend on how it was typed."""
    if kind in ("name", "address", "url"):
        # A given name is the end of a full name, and becomes the end of its pseudonym.
        return " ".join(value.lower().split())[-2 if kind == "name" and _is_hangul(value) else 0 :]
    if kind == "email":
        return re.sub(" dot ", ".", _AT.split(value.lower())[0].strip())
    if kind in ("password", "key"):
        return value
    if kind == "messenger_id":
        return value.lower().lstrip("@")
    digits = re.sub(r"[^0-9A-Za-z가-힣*]", "", value).upper()
    return re.sub(r"^820?(?=1)", "0", digits) if kind == "phone" else digits


def _is_hangul(value: str) -> bool:
    return re.fullmatch(r"[가-힣]{2,3}", value) is not None


def _other_digits(value: str, numbers: Iterator[int], n_kept: int = 0) -> str:
    """Replace the digits after the first `n_kept`, from the last backwards."""
    places = [index for index, char in enumerate(value) if char.isdecimal()][n_kept:]
    letters = list(value)
    for place in reversed(places):
        letters[place] = str(next(numbers) % 10)
    return "".join(letters)


def _phone(value: str, numbers: Iterator[int]) -> str:
    """Keep the prefix; the exchange begins with 0, which no Korean number has."""
    text = _other_digits(value, numbers)
    head = _PREFIX.match(value)
    n_head = head.end() if head else 0
    text = value[:n_head] + text[n_head:]
    first = re.search(r"\d", text[n_head:])
    if first is None:
        return text
    place = n_head + first.start()
    return f"{text[:place]}0{text[place + 1 :]}"


def _resident(value: str, numbers: Iterator[int]) -> str:
    """Draw a date of birth and the other digits; keep the digit of century and sex."""
    digits = [index for index, char in enumerate(value) if char.isdecimal()]
    letters = list(_other_digits(value, numbers))
    century = 0 if len(digits) == _N_AFTER_BIRTH else 6
    if century:
        for place, digit in zip(digits, _month_and_day("yymmdd", numbers), strict=False):
            letters[place] = digit
    if century < len(digits):
        letters[digits[century]] = value[digits[century]]
    return "".join(letters)


_N_AFTER_BIRTH = 7  # digits in the second part of a resident number


def _month_and_day(form: str, numbers: Iterator[int]) -> str:
    """Draw a valid date: yymmdd, or mmdd."""
    year = f"{next(numbers) % 100:02}" if form.startswith("yy") else ""
    return f"{year}{next(numbers) % 12 + 1:02}{next(numbers) % 28 + 1:02}"


def _birthday(value: str, numbers: Iterator[int]) -> str:
    """Draw another date, group by group; keep the century and names of months."""
    if not re.search(r"\d", value):  # 팔칠년 사월 이십삼일
        spoken = "이삼사오육칠팔구"
        return re.sub(
            "[일이삼사오육륙칠팔구](?!$)", lambda _: spoken[next(numbers) % len(spoken)], value
        )
    groups = re.findall(r"\d+", value)
    if len(groups) == 1 and len(groups[0]) in (4, 6, 8):
        form = "mmdd" if len(groups[0]) == 4 else "yymmdd"
        drawn = [groups[0][:-6] + _month_and_day(form, numbers)]
    else:
        drawn = [_date_group(group, numbers) for group in groups]
    parts = iter(drawn)
    return re.sub(r"\d+", lambda _: next(parts), value)


def _date_group(group: str, numbers: Iterator[int]) -> str:
    """Draw a number with the same count of digits: a year of the same century, or one up to 12."""
    if len(group) == 4:
        return f"{group[:2]}{next(numbers) % 100:02}"
    drawn = next(numbers)
    return str(drawn % 9 + 1) if len(group) == 1 else f"{drawn % 3 + 10}"


def _token(value: str, numbers: Iterator[int]) -> str:
    """Replace letters and digits one by one; keep a prefix that names the service."""
    kept = re.match(r"(?:sk-(?:proj-|ant-)?|[a-z]{2,6}_(?:live_|pat_)?|xox[a-z]-)(?=.{8})", value)
    n_kept = kept.end() if kept else 0
    return value[:n_kept] + "".join(_ascii_alike(char, numbers) for char in value[n_kept:])


def _ascii_alike(char: str, numbers: Iterator[int]) -> str:
    if char.isdecimal():
        return str(next(numbers) % 10)
    if not (char.isascii() and char.isalpha()):
        return char
    drawn = chr(ord("a") + next(numbers) % 26)
    return drawn.upper() if char.isupper() else drawn


def _ip(value: str, numbers: Iterator[int]) -> str:
    """Draw an address of the networks reserved for documentation (RFC 5737, RFC 3849)."""
    net = "2001:db8::" if ":" in value else "203.0.113."
    return f"{net}{next(numbers) % 254 + 1}"


def _mixed(value: str, numbers: Iterator[int]) -> str:
    """Replace digits and letters; keep the first letter and every Hangul syllable."""
    return "".join(
        str(next(numbers) % 10)
        if char.isdecimal()
        else _capital(numbers)
        if index and char.isascii() and char.isalpha()
        else char
        for index, char in enumerate(value)
    )


def _capital(numbers: Iterator[int]) -> str:
    return chr(ord("A") + next(numbers) % 26)


def _email(value: str, numbers: Iterator[int]) -> str:
    """Invent the part before the @; example.com belongs to nobody."""
    name, at, host = (*re.split(f"({_AT.pattern})", value, maxsplit=1), "", "")[:3]
    if at.strip() == "@" and "." in host:
        return _letters(name, numbers) + "@example.com"
    return "".join(_ascii_alike(char, numbers) for char in name) + at + host


def _url(value: str, numbers: Iterator[int]) -> str:
    """Invent everything but the host."""
    head = re.match(r"((?:https?://)?)([^/?#]*@)?([^/?#]*)", value, re.IGNORECASE)
    if head is None or "." not in head[3]:
        return _other_digits(value, numbers)
    who = _letters(head[2] or "", numbers)
    return head[1] + who + head[3] + _letters(value[head.end() :], numbers)


def _letters(text: str, numbers: Iterator[int]) -> str:
    """Replace letters and digits by others of their kind, pronounceably."""
    letters = []
    for index, char in enumerate(text):
        if char.isdecimal():
            letters.append(str(next(numbers) % 10))
        elif char.isalpha():
            kind = _VOWELS if index % 2 else _CONSONANTS
            drawn = kind[next(numbers) % len(kind)]
            letters.append(drawn.upper() if char.isupper() else drawn)
        else:
            letters.append(char)
    return "".join(letters)


def _name(value: str, numbers: Iterator[int]) -> str:
    """Invent a name: Hangul with the same kind of ending, letters for letters."""
    if not _is_hangul(value):
        return _hangul(_letters(re.sub(r"[가-힣]", "\0", value), numbers), numbers)
    is_closed = (ord(value[-1]) - 0xAC00) % 28 > 0
    last = _CLOSED if is_closed else _OPEN
    given_name = _FIRST[next(numbers) % len(_FIRST)] + last[next(numbers) % len(last)]
    return (_SURNAMES[next(numbers) % len(_SURNAMES)] if len(value) == 3 else "") + given_name


def _hangul(text: str, numbers: Iterator[int]) -> str:
    return re.sub("\0", lambda _: _OPEN[next(numbers) % len(_OPEN)], text)


def _address(value: str, numbers: Iterator[int]) -> str:
    """Invent the road or quarter, the building and every number; keep city and district."""
    text = _other_digits(value, numbers)

    def invent(match: re.Match[str]) -> str:
        place = 2 * (next(numbers) % (len(_PLACES) // 2))
        return _PLACES[place : place + 2] + match[2]

    text = re.sub(r"([가-힣]{1,10}?)((?:로|길|동|리|읍|면|가)(?=[ 0-9]))", invent, text)
    return re.sub(r"([가-힣A-Za-z0-9]+)(아파트|빌라|오피스텔|타워|맨션)", invent, text)


_MAKERS: dict[str, Callable[[str, Iterator[int]], str]] = {
    "phone": _phone,
    "resident_number": _resident,
    "foreigner_number": _resident,
    "passport": _mixed,
    "email": _email,
    "url": _url,
    "name": _name,
    "birthday": _birthday,
    "password": _token,
    "messenger_id": _token,
    "key": _token,
    "member_number": _token,
    "order_number": _token,
    "code": _other_digits,
    "ip_address": _ip,
    "address": _address,
}
