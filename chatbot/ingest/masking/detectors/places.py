"""Addresses and licence plates."""

import re

from chatbot.ingest.masking.detectors.kind import Candidate, Kind, after, ahead, beside, rules
from chatbot.ingest.masking.detectors.numbers import REGIONS

_START = r"(?<![0-9A-Za-z])"
_UNITS = "개분시일번원도명살년월잔병장배권판층위회점%"
_PLATES = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주아바사자배하허호"
_PLATE_WORDS = "차 ?번호|차량 ?번호|차 ?넘버|번호판|차주|차량(?= ?[0-9])"
# A road or a lot with its number, and what may follow: building, block, floor, flat.
_ROAD = "[가-힣0-9]{1,10}(?:로 ?[0-9]{1,3}번?길|로|길)"
_QUARTER = "[가-힣0-9]{1,8}(?:읍|면|동|리|가)"
_DISTRICT = "[가-힣]{1,6}(?:시|군|구)"
_NUMBER = (
    "[ ]?[0-9]{1,4}(?:-[0-9]{1,4})?(?:번지|번길[ ]?[0-9]{1,4}(?:-[0-9]{1,4})?)?"
    rf"(?![0-9{_UNITS}])"
)
_BUILDING = (
    "아파트|빌라|오피스텔|타워|맨션|자이|래미안|푸르지오|힐스테이트|캐슬|더샵|아이파크|e편한세상|"
    "편한세상|"
    "센트럴|원룸|고시원|고시텔|하우스|빌|마을|주공|단지|팰리스|뷰"
)
_BLOCK, _FLAT = "(?:[0-9]{1,4}|[A-Za-z가나다라])동", "[A-Za-z]?[0-9]{1,4}호"
_FLOOR = "(?:지하 ?|B)?[0-9]{1,2}층"
_INSIDE = (
    rf"(?:[ ,]{{0,2}}[가-힣A-Za-z0-9]{{0,12}}(?:{_BUILDING}))?(?:[ ,]{{0,2}}{_BLOCK})?"
    rf"(?:[ ,]{{0,2}}{_FLOOR})?(?:[ ,]{{0,2}}{_FLAT})?"
)
_WORD_START = "(?<![가-힣])"
_HOME = (
    "주소|배송|택배|우편|도로명|보낼|보내|받을|우리 ?집|울 ?집|내 ?집|집은|집이|집에|집 |본가|"
    "자취|살아|살고|"
    "사는|동 ?호수|이사|호수|배달|놀러|초대|경비실|아파트"
)
_PUBLIC = re.compile(
    "(?:시청|구청|군청|도청|궁|박물관|미술관|대문|숭례문|문화회관|경기장|대학교|도서관|공항|"
    "터미널|백화점|"
    "시험장|국회|법원|경찰서|병원|호텔|본사|매장|맛집|카페|본점|지점|[가-힣]점)(?:은|는|이|가|의|"
    "도)?(?: ?주소)?(?:가|는|이)? ?"
)
_beside_home = beside(_HOME)
_WORDS_IN_DONG = (
    "운동|이동|활동|행동|감동|자동|노동|공동|변동|진동|소동|충동|작동|수동|구동|연동|선동|파동|"
    "아동|출동|기동|"
    "합동|율동|동동|가동|부동|시동|태동|협동|추동"
)


def _is_home(candidate: Candidate) -> bool:
    """Whether an address is not that of a public place."""
    if re.search(rf"{_FLAT}|{_BLOCK} ", candidate.value):
        return True
    public = [match.end() for match in _PUBLIC.finditer(candidate.before)]
    return not (public and len(candidate.before) - public[-1] <= 12)


def _is_home_beside(candidate: Candidate) -> bool:
    return _beside_home(candidate) and _is_home(candidate)


def plates() -> list[Kind]:
    """Return the rules for licence plates, whole or only their digits."""
    four = r"(?<![0-9])[0-9]{4}(?![0-9년월일원분시개명만번회])"
    return [
        *rules(
            "plate",
            rf"{_START}[0-9]{{2,3}}[ ]?[{_PLATES}][-. ]?[0-9]{{4}}(?![0-9{_UNITS}])",
            rf"{_START}[0-9]{{1,2}}\*[ ]?[{_PLATES}][-. ]?[0-9]{{4}}(?![0-9{_UNITS}])",
            rf"{_START}[0-9](?: ?[0-9]){{1,2}} [{_PLATES}](?: [0-9]){{4}}(?![0-9{_UNITS}])",
            rf"(?:{REGIONS}) ?[가-힣]{{2,3}} ?[{_PLATES}] ?[0-9]{{4}}(?![0-9{_UNITS}])",
            least=6,
        ),
        *rules(
            "plate",
            after(_PLATE_WORDS, four, r"[^0-9\n]{0,8}?"),
            ahead(_PLATE_WORDS, four, r"[^0-9\n]{0,4}?"),
            words=_PLATE_WORDS,
            least=4,
        ),
    ]


def addresses() -> list[Kind]:
    """Return the rules for addresses, whole or in parts that only a home has or a word marks."""
    return [
        *rules(
            "address",
            rf"{_DISTRICT} ?(?:{_DISTRICT} ?)?(?:{_QUARTER} )?{_ROAD}{_NUMBER}{_INSIDE}",
            rf"{_DISTRICT} (?:{_QUARTER} )?{_QUARTER}{_NUMBER}{_INSIDE}",
            is_one=_is_home,
            words="[가-힣](?:시|군|구)",
            least=1,
        ),
        *rules(
            "address",
            rf"{_WORD_START}{_ROAD}{_NUMBER}[ ,]{{0,2}}(?:{_BLOCK}[ ,]{{0,2}})"
            rf"?(?:{_FLOOR}[ ,]{{0,2}})?{_FLAT}",
            rf"(?:[가-힣A-Za-z0-9]{{1,12}}(?:{_BUILDING}) ?)?(?<![0-9])"
            rf"{_BLOCK}[ ]?[A-Za-z]?[0-9]{{2,4}}호",
            rf"{_WORD_START}[가-힣]{{2,8}}로 ?[0-9]{{1,3}}번?길 ?[0-9]{{1,4}}-[0-9]{{1,4}}"
            rf"(?![0-9{_UNITS}-]){_INSIDE}",
            # A lot with its two numbers, a flat after it or not: 망원동 402-12 301호.
            rf"{_WORD_START}(?!(?:{_WORDS_IN_DONG}) )[가-힣]{{1,6}}[0-9]?(?:동|읍|면|리)"
            rf" ?[0-9]{{1,4}}-[0-9]{{1,4}}"
            rf"(?![0-9{_UNITS}-]){_INSIDE}",
            rf"{_WORD_START}[가-힣A-Za-z0-9]{{1,12}}(?:{_BUILDING}) ?(?:{_BLOCK}[ ,]{{0,2}})"
            rf"?(?:{_FLOOR} ?)?"
            r"[0-9]{2,4}호",
            rf"{_WORD_START}[가-힣A-Za-z]{{1,12}}(?:{_BUILDING})"
            rf" ?[0-9]{{3,4}}-[0-9]{{3,4}}(?![0-9-])",
            r"[0-9]{1,4}[A-Za-z]?,? (?-i:(?:[A-Z][A-Za-z-]{1,20} ){1,3}(?:Street|St|Road|Rd|"
            r"Avenue|Ave|"
            r"Lane|Ln|Drive|Dr|Blvd))(?![A-Za-z])",
            r"(?:[0-9]{1,4},? )?[A-Za-z]{2,20}-(?:ro|gil|daero)(?: ?[0-9]{1,3}(?:beon)?-gil)"
            r"?[, ]{1,2}[A-Z][a-z]+-(?:gu|si|gun)",
            least=2,
        ),
        *rules(
            "address",
            rf"{_WORD_START}{_ROAD}{_NUMBER}{_INSIDE}",
            is_one=_is_home_beside,
            words=_HOME,
            least=1,
        ),
        *rules(
            "address",
            r"(?<![0-9-])[1-9][0-9]{2,3}-[0-9]{3,4}(?![0-9-])",
            r"(?<![0-9])[0-9]{2,4}호(?![가-힣]*(?:선|실|기|강의|회의|차))",
            is_one=beside(
                "우리 ?집|울 ?집|내 ?집|집은|집이|집 |동 ?호수|호수|아파트|주소|자취방|배달|택배|"
                "배송|놀러|이사|살아|살고|사는"
            ),
            words=_HOME,
            least=3,
        ),
        *rules("address", after("우편 ?번호", r"[0-9]{5}(?![0-9])"), words="우편", least=5),
    ]
