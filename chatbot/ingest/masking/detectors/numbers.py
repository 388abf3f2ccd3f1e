"""Numbers issued by a state, a bank or a phone company: patterns, check digits, nearby words.

`(?![0-9])` ends a number and not `\\b`: a Hangul particle may follow directly. Where a pattern
alone is not enough, a check digit or a word on either side decides.
"""

import re

from chatbot.ingest.masking.detectors.kind import Candidate, Kind, after, ahead, beside, rules

_SEP = r"[ ]?[-._/]{0,2}[ ]?"
_START, _END = r"(?<![0-9A-Za-z])", r"(?![0-9])"
_DIGITS = r"(?<![0-9])"  # a letter may precede an unmistakable pattern: HP010-..., no1234-...
REGIONS = "서울|부산|대구|인천|광주|대전|울산|경기|강원|충북|충남|전북|전남|경북|경남|제주|세종"
_BANKS = (
    "은행|계좌|입금|송금|이체|농협|신한|국민|카뱅|카카오 ?뱅|케뱅|토뱅|토스|새마을|우체국|수협|"
    "신협|"
    "케이뱅크|씨티|환불|뱅크|뱅킹|통장|예금주|보내(?:줘|주|면|라|도|시)|부쳐|쏴|회비|증권|account|"
    "bank|"
    "(?<![A-Za-z])(?:nh|kb|ibk|sc|im)(?![A-Za-z])"
)
# These are ordinary words too (우리 둘, 하나 더): they name a bank only next to the number.
_BANK_WORDS = "우리|하나|기업|국민|제일|산업|전북|경남|부산|대구|광주|제주"
_NO_ACCOUNT = "송장|택배|운송|주문|조회|isbn|바코드|사건|접수|구독|좋아요"
_PHONE_WORDS = (
    "(?<![가-힣])번호|(?:폰|전화|내|네|제|니|저|엄마|아빠|언니|오빠|누나|형|집|회사|이) ?번호|"
    "연락처|전번|"
    "폰번|핸드폰|휴대폰|전화|연락 ?(?:줘|주|해|바|부탁)|문자 ?(?:줘|주|해|남|보)|"
    "(?<![A-Za-z])(?:hp|tel|phone|cell|mobile|call|text me)(?![A-Za-z])"
)
_STATE_WORDS = "주민|민증|민번|외국인|등록 ?번호|자리"
_LAST = (
    "(?:뒷|뒤|끝|앞|마지막) ?(?:번호|자리|[0-9네세여일]+ ?(?:자리|개))|(?:카드|폰|번호|전화)"
    " ?(?:끝|뒤에?|뒷)"
)


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


def _is_spaced(value: str) -> bool:
    """Whether its groups of digits are separated."""
    return re.search(r"[0-9][ .-]+[0-9*]", value) is not None


_beside_card = beside("카드|결제|유효기간|cvc|cvv|card")
_beside_goods = beside("쿠폰|기프티콘|우유|식품|유통|상품권|여권|이벤트|포인트|할인")
_beside_bank = beside(_BANKS)
_beside_no_account = beside(_NO_ACCOUNT)
_beside_business = beside("사업자|등록 ?번호|세금계산서|지출증빙|현금영수증|상호|홈택스|biz")
_beside_licence = beside("면허|운전|licen[cs]e")
_beside_passport = beside("여권|passport|비자")
_BARCODE = re.compile("(?:바코드|isbn|상품 ?번호|품번)[^0-9]{0,6}$", re.IGNORECASE)
_BANK_AT_END = re.compile(rf"(?:{_BANK_WORDS})[ :(]{{0,2}}$")
_BANK_AT_START = re.compile(rf"^[ ,/(]{{0,2}}(?:{_BANK_WORDS})(?![가-힣])")


def _is_resident(candidate: Candidate) -> bool:
    return not _BARCODE.search(candidate.before)


def _is_card(candidate: Candidate) -> bool:
    if _beside_card(candidate):
        return True
    if _is_spaced(candidate.value):
        return candidate.value[0] in "3456789" or is_luhn(candidate.value)
    return candidate.value[0] in "3456" and is_luhn(candidate.value)


def _is_card_extra(candidate: Candidate) -> bool:
    """Whether a date is not the expiry of a coupon or of food."""
    return not re.match(" ?(?:까지|이전|일까지)", candidate.after) and not _beside_goods(candidate)


def _is_licence(candidate: Candidate) -> bool:
    groups = re.split("[-.]", candidate.value)
    return len(groups) == 4 or _beside_licence(candidate)


def _is_passport(candidate: Candidate) -> bool:
    is_one = re.fullmatch(r"[MSRODGT][0-9]{3}[A-Z0-9][0-9]{4}", candidate.value) is not None
    return is_one or _beside_passport(candidate)


def _is_account(candidate: Candidate) -> bool:
    if not 10 <= len(digits_of(candidate.value)) <= 16 or _beside_no_account(candidate):
        return False
    if _beside_bank(candidate) or _BANK_AT_START.search(candidate.after):
        return True
    return _BANK_AT_END.search(candidate.before) is not None


def _is_short_phone(candidate: Candidate) -> bool:
    """Whether eight digits may be a phone number without its prefix: no year, hotline or date."""
    first = candidate.value[:4]
    is_date = re.fullmatch(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9]", candidate.value)
    is_time = re.fullmatch(
        "(?:[01][0-9]|2[0-4])[0-5][05]-(?:[01][0-9]|2[0-4])[0-5][05]", candidate.value
    )
    return not (is_date or is_time or first[:2] in ("15", "16", "18", "19", "20"))


_EXPIRY = r"(?:0[1-9]|1[0-2]) ?(?:[-./]|월)? ?(?:20)?[2-4][0-9](?![0-9])년?"
_BIRTH = rf"{_DIGITS}[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]){_SEP}"
_REST = rf"(?:[0-9]{{6}}|[0-9]?[*xX●○•]{{4,6}}){_END}"
_NO_NUMBER = r"(?<![0-9])(?<![0-9]\.)"
_PHONE_SEP = r"[ ]?[-._~/)]{0,2}[ ]?"
_FOUR = rf"{_PHONE_SEP}[0-9]{{3,4}}{_PHONE_SEP}[0-9]{{4}}{_END}"
_SPREAD = rf"(?:{_PHONE_SEP}[0-9]){{7,8}}{_END}"
_AREA = "2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|50[0-9]"
_SHORT = rf"{_START}[0-9]{{4}}[ .-]?[0-9]{{4}}(?![0-9원개만]|[-./][0-9])"
_NEAR_PHONE = r"[^0-9\n]{0,14}?"
_AMOUNT = "(?![0-9.,:%]*(?:[년월일원분시개명살점%만천번회]|[0-9]))"
_BANK_NUMBER = rf"[0-9]{{2,6}}(?:{_SEP}[0-9]{{2,8}}){{1,3}}{_END}"


def state_numbers() -> list[Kind]:
    """Return the rules for registration numbers of residents and foreigners."""
    seven = r"(?:[^0-9\n]{1,10}([0-9]{7})(?![0-9]))?"
    return [
        *rules("foreigner_number", rf"{_BIRTH}[5-8]{_REST}", is_one=_is_resident, least=7),
        # The checksum is not tested: numbers since October 2020 have none.
        *rules("resident_number", rf"{_BIRTH}[1-4]{_REST}", is_one=_is_resident, least=7),
        *rules(
            "resident_number",
            after("주민|민증|민번|외국인 ?등록", rf"[0-9]{{6}}{_SEP}[0-9][0-9*xX]{{0,6}}{_END}"),
            rf"앞 ?자리[^0-9\n]{{0,4}}([0-9]{{6}})(?![0-9]){seven}",
            rf"(?:주민|민증|민번)[^0-9\n]{{0,12}}([0-9]{{6}})(?![0-9]){seven}",
            rf"(?:뒷|뒤) ?자리[^0-9\n]{{0,6}}([1-8][0-9]{{6}}){_END}",
            words=_STATE_WORDS,
            least=6,
        ),
    ]


def cards() -> list[Kind]:
    """Return the rules for card numbers, security codes and expiry dates."""
    four = rf"{_SEP}[0-9*xX]{{4}}"
    return [
        *rules(
            "card",
            rf"{_DIGITS}[0-9]{{4}}(?:{four}){{2}}{_SEP}[0-9*xX]{{3,4}}(?![0-9])",
            rf"{_DIGITS}[0-9]{{4}}{_SEP}[0-9]{{6}}{_SEP}[0-9]{{4,5}}{_END}",
            is_one=_is_card,
            least=12,
        ),
        *rules(
            "card",
            after("cv[cv]2?|씨브이씨|보안 ?코드", r"[0-9]{3,4}(?![0-9])", r"[^0-9\n]{0,12}?"),
            after("카드[^\\n]{0,20}세 ?자리", r"[0-9]{3}(?![0-9])", r"[^0-9\n]{0,6}?"),
            after("(?:카드|체크|신용) ?비번[^0-9\\n]{0,8}", r"[0-9]{2,4}(?![0-9])", r""),
            after(
                r"mm ?/ ?yy|유효 ?기간|(?<![A-Za-z])exp(?:iry|iration)?(?![A-Za-z])|만료",
                _EXPIRY,
                r"[^0-9\n]{0,12}?",
            ),
            is_one=_is_card_extra,
            words="cv[cv]|씨브이씨|보안|카드|비번|mm|유효|exp|만료",
            least=2,
        ),
    ]


def phones() -> list[Kind]:
    """Return the rules for phone numbers, whole or in part."""
    return [
        *rules(
            "phone",
            rf"{_NO_NUMBER}(?:\+?82{_SEP}\(?0?\)?1[016789]|\(?01[016789])(?:{_FOUR}|{_SPREAD})",
            rf"{_NO_NUMBER}0[ .-]1[ .-][016789]{_SPREAD}",
            rf"{_NO_NUMBER}\(?(?:\+82{_SEP}|0)(?:{_AREA}){_FOUR}",
            rf"{_NO_NUMBER}\+(?!82)[0-9]{{1,3}}(?:[ -]?\(?[0-9]{{2,4}}\)?){{2,4}}{_END}",
            rf"{_NO_NUMBER}\([2-9][0-9]{{2}}\) ?[0-9]{{3}}[-. ][0-9]{{4}}{_END}",
            least=9,
        ),
        *rules(
            "phone",
            after(_PHONE_WORDS, _SHORT, _NEAR_PHONE),
            ahead(_PHONE_WORDS, _SHORT, _NEAR_PHONE),
            is_one=_is_short_phone,
            words=_PHONE_WORDS,
            least=8,
        ),
        # Two groups of four digits with a dash are a mobile number without its prefix, unless they
        # are times.
        *rules(
            "phone",
            rf"{_START}(?<![0-9][-.])[2-9][0-9]{{3}}-[0-9]{{4}}(?![0-9원]|[-./][0-9])",
            is_one=_is_short_phone,
            least=8,
        ),
        *rules(
            "phone",
            rf"(?:{_LAST})[^0-9\n]{{0,10}}?([0-9]{{4,6}}){_AMOUNT}",
            rf"{_DIGITS}([0-9]{{4,5}})[^0-9\n]{{0,4}}(?:{_LAST})",
            words=_LAST,
            least=4,
        ),
    ]


def _papers() -> list[Kind]:
    """Yield the rules for driving licences and passports."""
    return [
        *rules(
            "driver_licence",
            rf"(?:{REGIONS})[ -]{{0,3}}[0-9]{{2}}[- ][0-9]{{6}}[- ][0-9]{{2}}{_END}",
            rf"{_START}(?:1[1-9]|2[0-8]) [0-9]{{2}} [0-9]{{6}} [0-9]{{2}}{_END}",
            least=10,
        ),
        *rules(
            "driver_licence",
            rf"{_START}(?:1[1-9]|2[0-8]){_SEP}[0-9]{{2}}{_SEP}[0-9*]{{6}}{_SEP}[0-9]{{2}}{_END}",
            is_one=_is_licence,
            least=12,
        ),
        *rules(
            "passport",
            rf"{_START}[MSRODGT](?:[0-9]{{8}}|[0-9]{{3}}[A-Z][0-9]{{4}})(?![0-9A-Za-z])",
            rf"{_START}[A-Z]{{1,2}}[- ]?[0-9]{{3,4}}[ ]?[A-Z0-9][0-9]{{2,4}}(?![0-9A-Za-z])",
            rf"{_START}[0-9]{{9}}{_END}",
            after(
                "여권|passport",
                r"(?<![A-Za-z0-9])[A-Z](?=[A-Z0-9]*[0-9]{2})[A-Z0-9]{7,8}(?![A-Za-z0-9])",
            ),
            is_one=_is_passport,
            least=7,
        ),
        *rules("passport", rf"{_START}[MSR] [0-9]{{4}} [0-9]{{4}}{_END}", least=8),
        *rules(
            "passport",
            after("여권|passport", rf"(?<![0-9])(?:엠 ?)?[0-9]{{8}}{_END}", r"[^0-9\n]{0,20}?"),
            words="여권|passport",
            least=8,
        ),
    ]


def other_numbers() -> list[Kind]:
    """Return the rules for licences, passports, business numbers and bank accounts."""
    return [
        *_papers(),
        *rules(
            "business_number",
            *(
                rf"{_START}[0-9]{{3}}{mark}[0-9]{{2}}{mark}[0-9]{{5}}(?![0-9]|-[0-9])"
                for mark in ("-", "_", r"\.")
            ),
            least=10,
        ),
        *rules(
            "business_number",
            rf"{_START}[0-9]{{3}}{_SEP}[0-9]{{2}}{_SEP}[0-9]{{5}}{_END}",
            is_one=_beside_business,
            least=10,
        ),
        *rules(
            "account",
            rf"{_START}{_BANK_NUMBER}",
            rf"{_START}[0-9]{{10,16}}{_END}",
            is_one=_is_account,
            least=10,
        ),
        # Formats that no other number has: 카카오뱅크, 신한, 우리.
        *rules(
            "account",
            rf"{_START}(?:3333-[0-9]{{2}}-[0-9]{{7}}|110-[0-9]{{3}}-[0-9]{{6}}|"
            rf"1002-[0-9]{{3}}-[0-9]{{6}}|[0-9]{{6}}-[0-9]{{2}}-[0-9]{{6}}){_END}",
            least=13,
        ),
    ]
