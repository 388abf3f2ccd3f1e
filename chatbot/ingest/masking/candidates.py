"""Messages -> possible secrets that no masking rule covers, for the owner to review.

Strings that look random, and names of people who do not speak in the room.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from chatbot.ingest.masking.detectors.spelled import plain_form

_MAX_SPEAKERS = 2  # a string used by more people is no secret
_RANDOM = re.compile(
    r"[0-9].*[0-9].*[0-9].*[0-9]"  # codes, dates, amounts
    r"|[A-Za-z]{2}.*[0-9]|[0-9].*[A-Za-z]{2}"
    r"|[a-z][A-Z]"
    r"|[A-Za-z0-9][!@#$%^&*_+=/\\|-]+[A-Za-z0-9]"
    r"|(?i:[bcdfghjklmnpqrstvwxz]{5})",
    re.DOTALL,
)
# A possible secret inside a word: letters, digits and signs, or Hangul that ends in digits.
_SECRET = re.compile(r"[가-힣]{2,}[0-9]{4,}(?![0-9]*[가-힣])|[!-'*-~]{4,}")
_ORDINARY = re.compile(
    r"[0-9.,:/~+-]+(?:%|kg|km|cm|mm|ml|gb|mb|tb|am|pm|th|st|nd|rd|hz|[xX])?"  # 10:30, 1.5km
    r"|(?:19|20)[0-9]{2}[-./][0-9]{1,2}(?:[-./][0-9]{1,2})?"
    r"|[A-Z]{2,4}-?[0-9]{1,4}[A-Za-z]{0,2}|[0-9]{3,4}p|[0-9]{3}[A-Z]?|v?[0-9]+(?:\.[0-9]+){1,3}"
    r"|\S*(?:://|www\.)\S*|\S+\.(?:jpe?g|png|gif|mp[34]|pdf|docx?|xlsx?|pptx?|hwp|zip|txt|com|net|kr)"
    r"|[A-Z]?[a-z]+(?:[-'/&][A-Za-z]+)*[.,!?~;]*|[A-Z]+[!?.]*"  # English words
    r"|(?:ㅋ|ㅎ|\W)+",
)
# Digits that somebody is told to type, or too many of them for a price or a year.
_TYPED = re.compile(
    r"(?<![0-9A-Za-z가-힣.,:/~-])(?:([0-9]{4,8})[#*]? ?(?:누르|눌러|누름|치면|쳐|치고|입력|찍어)"
    r"|([0-9]{6,8})(?![0-9A-Za-z가-힣.,:/~-]))"
)
_UNITS = re.compile(r"(?:원|년|월|일|시|분|초|개|명|번|층|도|점|배|만|천|억|위|살|주|킬로|미터)")
_GIVEN = (
    "가강건경규균근금기길나남다담덕도동두라란래려련령록리린림명모무문미민범별병보복봉빈산상서석선설성세소솔송수숙순슬승시"
    "신아안언여연열영예오옥온완용우욱운웅원유윤율은의인일임재정제종주준중지진찬창채천철초춘태택하학한해향헌혁현형혜호홍"
    "화환효후훈휘희"
)
_SURNAME = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진엄채원방공현함변염여추도소석선설마길"
    "연위표명기반왕금옥육인맹제모탁국은편"
)
_TITLES = (
    "씨|쌤|선배|언니|오빠|형|누나|선생님|과장님?|대리님?|부장님?|팀장님?|차장님?|실장님?|사장님?|교수님?|이사님?|원장님?|주임님?|대표님?|"
    "사원|간호사님?|기사님?|목사님?|집사님?|할머니|할아버지|이모|삼촌|엄마|아빠|아저씨"
)
# Marks of a person's name: a title, a vocative, a particle for persons, or 이 before a particle.
_CALL = re.compile(
    rf"(?<![가-힣])(?P<name>(?:[{_SURNAME}])?[{_GIVEN}]{{2}})"
    rf"(?:이? ?(?:{_TITLES})(?=(?:이|가|은|는|을|를|도|한테|께서|랑|이랑|하고|네|의)?(?![가-힣]))"
    r"|이? 걔(?![가-힣])|이?네 (?=집|엄마|아빠|부모|가족|강아지|고양이|회사|동네)"
    r"|(?P<animate>(?:이?한테|에게|께서)(?:는|도|만)?(?![가-힣]))"
    r"|(?P<vocative>아|야)(?=[ ,!?~.\n]*$|[,!?~]| )"
    r"|(?P<linked>이)(?=(?:가|는|도|랑|를|네|한테|의|만|보다|때문에?|처럼|까지|랑은|한테는|네가)(?![가-힣])))"
)
_PLAIN = re.compile(rf"(?<![가-힣])((?:[{_SURNAME}])?[{_GIVEN}]{{2}})")
_BY_TITLE = re.compile(
    rf"(?<![가-힣])([{_SURNAME}](?:과장|대리|부장|팀장|차장|실장|이사|원장|주임|교수|선생|간호사|프로|대표|사원))"
    r"(?:님|쌤)?(?:이|가|은|는|을|를|도|한테|께서|랑|이랑|하고|네|의)?(?![가-힣])"
)
# Words of two such syllables that also occur before a title or 이.
ORDINARY_WORDS = frozenset(
    "아이 나이 사이 차이 우리 하나 지금 자기 이모 고모 동생 아기 나라 여자 "  # noqa: SIM905
    "남자 사람 우주 정말 나중 이상 정도 전화 대신 이유 시간 오리 소리 가수 "
    "선수 의사 기사 교수 강아 고양 여보 상담 관리 담당 주인 원래 하루 아무 "
    "도대체 이제 어제 다시 미리 서로 제일 수리 경비 간호 소방 요리 미용 "
    "선생 사장 회장 부장 과장 대리 이사 원장 주임 기자 언제 여기 하긴 무서 "
    "예민 심심 조용 유명 중요 안녕 미안 가능 이영 영화 무지 아마 해지 주소 "
    "정리 준비 연예 배우 모기 고기 조기 여우 경우 화제 문제 과제 숙제 주제 "
    "형제 자매 경제 인제 진주 제주 전주 광주 원주 청주 여주 경주 완주 상주 "
    "나주 파주 양주 무주 호수 홍수 향수 운수 보수 소수 다수 정수 점수 조카 "
    "시누 도련 아가 연하 연상 신혼 이웃 손님 주희".split()
)
_LEAST_CALLED = 0.2  # of a name's uses; for ordinary nouns below 1/40


class Candidate(msgspec.Struct, frozen=True):
    """A possible secret: a string, and the numbers of messages and speakers that contain it."""

    kind: Literal["password", "name"]
    value: str
    n_messages: int
    n_speakers: int


def surname() -> str:
    """Return a pattern of a family name of one syllable."""
    return f"[{_SURNAME}]"


def given_name() -> str:
    """Return a pattern of a syllable of a given name."""
    return f"[{_GIVEN}]"


def looks_random(word: str) -> bool:
    """Whether a word without spaces looks random, like a password or a code.

    >>> looks_random("qqeRfk3M이야"), looks_random("맛있겠다"), looks_random("3시에")
    (True, False, False)
    """
    return _RANDOM.search(word) is not None


def find_candidates(
    messages: Iterable[tuple[object, str]], known: Iterable[str] = ()
) -> list[Candidate]:
    """Return possible secrets in (speaker, text) pairs: passwords first, rare ones first.

    `known`: strings to skip: names of speakers, which are masked, and earlier decisions.
    """
    speakers: dict[tuple[str, str], set[object]] = defaultdict(set)
    counts: Counter[tuple[str, str]] = Counter()
    n_said: Counter[str] = Counter()
    for speaker, text in messages:
        plain = plain_form(text)
        n_said.update({match[1] for match in _PLAIN.finditer(plain)})
        strings = {("password", value) for value in _random_strings(plain)}
        strings |= {("name", name) for name in _called(plain)}
        for key in strings:
            counts[key] += 1
            if len(speakers[key]) <= _MAX_SPEAKERS:
                speakers[key].add(speaker)
    left_out = {name.lower() for name in known}
    candidates = [
        Candidate("name" if kind == "name" else "password", value, n, len(speakers[kind, value]))
        for (kind, value), n in counts.items()
        if value.lower() not in left_out
        and (len(speakers[kind, value]) <= _MAX_SPEAKERS or kind == "name")
        and (kind == "password" or n >= _LEAST_CALLED * n_said[value])
    ]
    return sorted(candidates, key=lambda c: (c.kind == "name", c.n_messages, c.value))


def _random_strings(plain: str) -> Iterator[str]:
    """Yield strings that look random: no numbers with a unit, no words of a language."""
    for match in _SECRET.finditer(plain):
        value = match[0].strip(".,!?~;:\"'")
        if not looks_random(value) or _ORDINARY.fullmatch(value) or len(value) < 4:
            continue
        if value[-1:].isdecimal() and _UNITS.match(plain, match.end()):
            continue
        yield value
    for match in _TYPED.finditer(plain):
        yield match[1] or match[2]


def _called(plain: str) -> Iterator[str]:
    """Yield names by which somebody is addressed or mentioned."""
    for match in _CALL.finditer(plain):
        name = match["name"]
        is_closed = (ord(name[-1]) - 0xAC00) % 28 > 0
        if {name, name[:2], name[-2:]} & ORDINARY_WORDS:
            continue
        if match["vocative"] and (match["vocative"] == "아") != is_closed:
            continue  # 그거야, 좋아
        if match["linked"] and not is_closed:
            continue
        if match["vocative"] and name[-1] in "이해":
            continue  # 지금이야, 일해야
        yield name
    for match in _BY_TITLE.finditer(plain):
        yield match[1]
