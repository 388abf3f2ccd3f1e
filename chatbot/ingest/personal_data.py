"""What personal data looks like: kinds, look-alikes, and the words that tell them apart.

Each regular expression finds candidates; where a shape alone says little, a check digit or a word
nearby decides. `(?![0-9])` ends a number and not `\\b`: a Hangul particle may follow at once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

_SEP = r"[ ]?[-./]?[ ]?"
_START, _END = r"(?<![0-9A-Za-z])", r"(?![0-9])"
_DIGITS = (
    r"(?<![0-9])"  # a letter may stand before what is told by its shape: HP010-..., no1234-...
)
_AMOUNTS = "년월일원분시개명살점%"
_UNITS = "개분시일번원도명살년월잔병장배권판층위회점%"
_REGIONS = "서울|부산|대구|인천|광주|대전|울산|경기|강원|충북|충남|전북|전남|경북|경남|제주"
_PLATES = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주아바사자배하허호"
_WORDS = {
    "card": "카드|결제|유효기간|cvc|cvv|card",
    "bank": "은행|계좌|입금|송금|이체|농협|국민|신한|우리|하나|카뱅|카카오|토스|기업|새마을|"
    "우체국|수협|신협|케이뱅크|제일|씨티|산업|환불|뱅크|뱅킹|account",
    "business": "사업자",
    "code": "인증(?!심사|샷|서)|현관|도어락|열쇠|비밀번호|비번|패스워드|암호|otp|pin|password|"
    "code|코드",
    "licence": "면허",
    "passport": "여권|passport",
    "address": "주소|배송|택배|우편|도로명|보낼|보내|받을",
}


@dataclass(frozen=True)
class Kind:
    """One kind of personal data: its shape, and whether a value near some words is one."""

    name: str
    pattern: re.Pattern[str]
    is_one: Callable[[str, str], bool]


def digits_of(text: str) -> list[int]:
    """Return the digits of a text."""
    return [int(char) for char in text if char.isdecimal()]


def is_luhn(value: str) -> bool:
    """Whether digits have the check digit of bank cards."""
    digits = digits_of(value)[::-1]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_business_number(value: str) -> bool:
    """Whether ten digits have the check digit of Korean business numbers."""
    digits = digits_of(value)
    weighted = sum(d * w for d, w in zip(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=False))
    return (10 - (weighted + digits[8] * 5 // 10) % 10) % 10 == digits[9]


def _always(value: str, near: str) -> bool:
    return True


def _kind(name: str, *patterns: str, is_one: Callable[[str, str], bool] = _always) -> Kind:
    return Kind(name, re.compile("|".join(patterns), re.IGNORECASE), is_one)


def _beside(words: str) -> Callable[[str, str], bool]:
    return lambda value, near: re.search(_WORDS[words], near, re.IGNORECASE) is not None


def _is_spaced(value: str) -> bool:
    """Whether its groups of digits stand apart."""
    return re.search(r"[0-9][ .-]+[0-9]", value) is not None


def _is_card(value: str, near: str) -> bool:
    return _beside("card")(value, near) or (_is_spaced(value) and is_luhn(value))


def _is_licence(value: str, near: str) -> bool:
    return value.count("-") == 3 or _beside("licence")(value, near)


def _is_passport(value: str, near: str) -> bool:
    is_korean = re.fullmatch(r"[MSROD][0-9]{3}[A-Z0-9][0-9]{4}", value) is not None
    return is_korean or _beside("passport")(value, near)


def _is_business(value: str, near: str) -> bool:
    return _beside("business")(value, near) or ("-" in value and is_business_number(value))


def _is_account(value: str, near: str) -> bool:
    return 10 <= len(digits_of(value)) <= 14 and _beside("bank")(value, near)


_BIRTH = rf"{_DIGITS}[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]){_SEP}"
_REST = rf"(?:[0-9]{{6}}|[0-9]?[*xX●○•]{{4,6}}){_END}"
_NO_NUMBER = r"(?<![0-9])(?<![0-9]\.)"
_PHONE_SEP = r"[ ]?[-._~/)]{0,2}[ ]?"
_FOUR = rf"{_PHONE_SEP}[0-9]{{3,4}}{_PHONE_SEP}[0-9]{{4}}{_END}"
_AREA = "2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|50[0-9]|80"
# A road or a lot with its number, and what may follow: building, block, floor, room.
_ROAD = "[가-힣0-9]{1,10}(?:로|길)"
_QUARTER = "[가-힣0-9]{1,8}(?:읍|면|동|리|가)"
_DISTRICT = "[가-힣]{1,6}(?:시|군|구)"
_NUMBER = (
    "[ ]?[0-9]{1,4}(?:-[0-9]{1,4})?(?:번지|번길[ ]?[0-9]{1,4}(?:-[0-9]{1,4})?)?"
    rf"(?![0-9{_UNITS}])"
)
_BLOCK, _ROOM = "[0-9]{1,4}동", "[0-9]{1,4}호"
_INSIDE = (
    "(?:[ ,]{0,2}[가-힣A-Za-z0-9]{0,12}(?:아파트|빌라|오피스텔|타워|맨션))?"
    rf"(?:[ ,]{{0,2}}{_BLOCK})?(?:[ ,]{{0,2}}[0-9]{{1,2}}층)?(?:[ ,]{{0,2}}{_ROOM})?"
)
_WORD_START = "(?<![가-힣])"


@cache
def kinds() -> tuple[Kind, ...]:
    """Return all kinds; the first that matches a place has it. Compiled when first asked for."""
    return (*_kinds_of_numbers(), *_kinds_of_places())


def _kinds_of_numbers() -> tuple[Kind, ...]:
    return (
        _kind(
            "url",
            r"https?://[^\s<>\"']*(?:[?&#;][^\s<>\"']*=|/[A-Za-z0-9_-]{16,})[^\s<>\"']*",
        ),
        _kind(
            "email",
            r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64} ?@ ?"
            r"(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}",
        ),
        _kind("foreigner_number", rf"{_BIRTH}[5-8]{_REST}"),
        # A failed checksum clears nothing: numbers since October 2020 have none.
        _kind("resident_number", rf"{_BIRTH}[1-4]{_REST}"),
        _kind(
            "card",
            rf"{_DIGITS}[0-9]{{4}}(?:{_SEP}[0-9*]{{4}}){{3}}{_END}",
            rf"{_DIGITS}[0-9]{{4}}{_SEP}[0-9]{{6}}{_SEP}[0-9]{{4,5}}{_END}",
            is_one=_is_card,
        ),
        _kind(
            "phone",
            rf"{_NO_NUMBER}(?:\+?82{_SEP}\(?0?\)?1[016789]|\(?01[016789]){_FOUR}",
            rf"{_NO_NUMBER}\(?(?:\+82{_SEP}|0)(?:{_AREA}){_FOUR}",
            rf"{_NO_NUMBER}\+(?!82)[0-9]{{1,3}}(?:[ -]\(?[0-9]{{2,4}}\)?){{2,4}}{_END}",
        ),
        _kind("driver_licence", rf"(?:{_REGIONS}) ?[0-9]{{2}}-[0-9]{{6}}-[0-9]{{2}}{_END}"),
        _kind(
            "driver_licence",
            rf"{_START}(?:1[1-9]|2[0-68]){_SEP}[0-9]{{2}}{_SEP}[0-9]{{6}}{_SEP}[0-9]{{2}}{_END}",
            is_one=_is_licence,
        ),
        _kind(
            "passport",
            rf"{_START}[MSROD](?:[0-9]{{8}}|[0-9]{{3}}[A-Z][0-9]{{4}})(?![0-9A-Za-z])",
            rf"{_START}[A-Z]{{1,2}}[- ]?[0-9]{{4}}[ ]?[0-9]{{3,4}}(?![0-9A-Za-z])",
            rf"{_START}[0-9]{{9}}{_END}",
            is_one=_is_passport,
        ),
        _kind(
            "business_number",
            rf"{_START}[0-9]{{3}}{_SEP}[0-9]{{2}}{_SEP}[0-9]{{5}}{_END}",
            is_one=_is_business,
        ),
        _kind(
            "account",
            rf"{_START}[0-9]{{2,6}}(?:{_SEP}[0-9]{{2,8}}){{1,3}}{_END}",
            rf"{_START}[0-9]{{10,14}}{_END}",
            is_one=_is_account,
        ),
    )


def _kinds_of_places() -> tuple[Kind, ...]:
    return (
        _kind("plate", rf"{_START}[0-9]{{2,3}}[ ]?[{_PLATES}][-. ]?[0-9]{{4}}(?![0-9{_UNITS}])"),
        _kind(
            "address",
            rf"{_DISTRICT} (?:{_QUARTER} )?{_ROAD}{_NUMBER}{_INSIDE}",
            rf"{_DISTRICT} (?:{_QUARTER} )?{_QUARTER}{_NUMBER}{_INSIDE}",
            rf"{_WORD_START}{_ROAD}{_NUMBER}[ ,]{{0,2}}(?:{_BLOCK}[ ,]{{0,2}})?{_ROOM}",
            rf"(?<![0-9]){_BLOCK}[ ]?[0-9]{{2,4}}호",
        ),
        _kind("address", rf"{_WORD_START}{_ROAD}{_NUMBER}{_INSIDE}", is_one=_beside("address")),
        _kind(
            "code",
            rf"{_START}[0-9]{{3}}[ -]?[0-9]{{3}}{_END}",
            rf"{_START}[0-9]{{2}}(?:[ -][0-9]{{2}}){{1,3}}{_END}",
            rf"{_START}[0-9](?:[ -][0-9]){{3,7}}{_END}",
            r"[#*]?[0-9]{3,6}[*#][0-9]{3,6}[#*]?|[#*][0-9]{3,8}[#*]?|(?<![0-9])[0-9]{3,8}[#*]",
            rf"{_START}[0-9]{{4,8}}(?![0-9{_AMOUNTS}])",
            is_one=_beside("code"),
        ),
    )
