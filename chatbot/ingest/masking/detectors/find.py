"""Text of a message -> spans of personal data, by all rules in their order."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from chatbot.ingest.masking.detectors.context import is_answer
from chatbot.ingest.masking.detectors.identities import (
    birthdays,
    emails,
    ip_addresses,
    member_numbers,
    messenger_ids,
)
from chatbot.ingest.masking.detectors.kind import NEAR_CHARS, Candidate, Kind
from chatbot.ingest.masking.detectors.numbers import cards, other_numbers, phones, state_numbers
from chatbot.ingest.masking.detectors.places import addresses, plates
from chatbot.ingest.masking.detectors.secrets import codes, keys, links, passwords
from chatbot.ingest.masking.detectors.spelled import HAS_SPELLED, as_digits

Span = tuple[int, int, str]  # start, end, kind
_DIGIT = re.compile("[0-9*]")
# A test of a microsecond or two that excludes most messages: no three digits close together, no
# token that ends in one, no date, no @, no link, no spelled number, ...
_HAS_NUMBER = re.compile(
    r"[0-9*@:](?:(?<=[0-9*])(?:(?:[^0-9\n]{0,3}[0-9*]){2}|(?<=[!-/:-~]{3}.)|월 ?[0-9]|/[0-9])|"
    r"(?<=@)|(?<=:)//)"
)
_HAS_ROAD = re.compile("(?:로|길|동|리) ?[0-9]")  # 테헤란로 44
_HAS_LETTERS = re.compile("[A-Za-z]{3}")
_SPOKEN_DATE = re.compile("[일이삼사오육륙칠팔구십시유]월 ?[일이삼사오육륙칠팔구십]")
_LONE_TOKEN = re.compile(r"[^A-Za-z\n]{0,8}[!-~]{4,40}[^A-Za-z\n]{0,8}")
# ... and, where letters alone may be a value, no word that introduces such a value.
_BY_LETTERS = (
    "pass",
    "pw",
    "insta",
    "discord",
    "telegram",
    "seed",
    " id",
    " dot ",
    "(at)",
    ".com/",
    ".me/",
    ".gg/",
    "begin ",
)
_BY_HANGUL = (
    *_BY_LETTERS,
    "비번",
    "비밀",
    "암호",
    "패스",
    "ㅂㅂ",
    "잠금",
    "인스타",
    "인별",
    "카톡",
    "카카오톡",
    "ㅋㅌ",
    "텔레",
    "디코",
    "디스코드",
    "라인",
    "트위터",
    "트윗",
    "페북",
    "틱톡",
    "스레드",
    "깃허브",
    "롤",
    "아이디",
    "아디",
    "닉",
    "계정",
    "친추",
    "맞팔",
    "골뱅이",
    "시드",
    "니모닉",
    "복구",
    "검색",
    "메일",
    "키",
    "토큰",
)
_N_PLAIN = 7  # minimum digits of a number that can answer inside any sentence


@cache
def kinds() -> tuple[Kind, ...]:
    """Return all rules, compiled on the first call; the first that matches a span wins."""
    return (
        *keys(),
        *links(),
        *emails(),
        *state_numbers(),
        *cards(),
        *phones(),
        *plates(),
        *addresses(),
        *other_numbers(),
        *ip_addresses(),
        *member_numbers(),
        *birthdays(),
        *passwords(),
        *codes(),
        *messenger_ids(),
    )


def may_hold(plain: str) -> bool:
    """Whether a text may contain personal data: a fast test with some false positives."""
    if _HAS_NUMBER.search(plain) or "_" in plain:
        return True
    if plain.isascii():
        return _has(_BY_LETTERS, plain.lower()) or _LONE_TOKEN.fullmatch(plain) is not None
    if HAS_SPELLED.search(plain) or _HAS_ROAD.search(plain) or _SPOKEN_DATE.search(plain):
        return True
    if not _HAS_LETTERS.search(plain):
        return False
    return _has(_BY_HANGUL, plain.lower()) or _LONE_TOKEN.fullmatch(plain) is not None


def _has(words: tuple[str, ...], text: str) -> bool:
    for word in words:  # noqa: SIM110 a generator would cost twice as much
        if word in text:
            return True
    return False


def find_personal(plain: str, labels: Sequence[str] = ()) -> list[Span]:
    """Return the spans of personal data in a text; `labels`: what the previous messages ask for.

    >>> find_personal("비번 wlals95!"), find_personal("wlals95!")
    ([(3, 11, 'password')], [])
    >>> find_personal("wlals95!", ["비번: "])
    [(0, 8, 'password')]
    """
    text = as_digits(plain)
    spans = list(_find(text, 0, []))
    for label in labels:
        # Read the answer as if it followed the word that asks for it.
        asked = _find(label + text, len(label), spans)
        spans += [span for span in asked if is_answer(text) or _is_clear(text, span)]
    return spans


def _find(text: str, n_label: int, taken: list[Span]) -> Iterator[Span]:
    """Yield the spans that the rules find in a text after its label, outside of `taken`."""
    taken = list(taken)
    for kind in _possible(text):
        for match in kind.pattern.finditer(text):
            for start, end in _values(match):
                span = (start - n_label, end - n_label, kind.name)
                if span[0] < 0 or any(span[0] < other[1] and other[0] < span[1] for other in taken):
                    continue
                before = text[max(0, start - NEAR_CHARS) : start]
                candidate = Candidate(text[start:end], before, text[end : end + NEAR_CHARS])
                if kind.is_one(candidate):
                    taken.append(span)
                    yield span


def _possible(text: str) -> Iterator[Kind]:
    """Yield the rules whose required words and digits a text contains."""
    n_digits = len(_DIGIT.findall(text))
    has_words: dict[re.Pattern[str] | None, bool] = {None: True}
    for kind in kinds():
        if n_digits < kind.n_digits:
            continue
        if kind.words not in has_words and kind.words is not None:
            has_words[kind.words] = kind.words.search(text) is not None
        if has_words[kind.words]:
            yield kind


def _values(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the values in a match: its groups, or all of it."""
    for group in range(1, match.re.groups + 1) if match.re.groups else (0,):
        if match.start(group) < match.end(group):
            yield match.span(group)


def _is_clear(text: str, span: Span) -> bool:
    """Whether an answer is clear inside any sentence: not a single word or a short number."""
    start, end, kind = span
    value = text[start:end]
    n_digits = sum(char.isdecimal() for char in value)
    if kind in ("birthday", "address") or (kind == "messenger_id" and re.search("[._]", value)):
        return True
    return n_digits >= _N_PLAIN or (n_digits > 0 and re.search("[A-Za-z]", value) is not None)
