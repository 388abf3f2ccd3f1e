"""Personal identifiers: e-mail, messenger ids, birthdays, member numbers."""

import re

from chatbot.ingest.masking.detectors.kind import (
    LINK,
    Candidate,
    Kind,
    after,
    ahead,
    beside,
    rules,
)

_LOCAL = r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}"
_AT = r" ?(?:@|\(at\)|\[at\]|\(@\)|골뱅이|\(골뱅이\)|앳) ?"
_PROVIDER = (
    "naver|gmail|daum|hanmail|kakao|nate|outlook|hotmail|yahoo|icloud|google|네이버|지메일|구글|"
    "다음|한메일|"
    "네이트|핫메일|아웃룩|야후|카카오|아이클라우드"
)
_DOT = r" ?(?:\.|점|닷| dot ) ?"
_HOST = rf"(?:[A-Za-z0-9-]{{1,63}}{_DOT}){{1,4}}(?:[A-Za-z]{{2,24}}|컴|넷|씨오|케이알)"


def emails() -> list[Kind]:
    """Return the rules for e-mail addresses, also with the @ spelled out or the host left out."""
    return [
        *rules(
            "email",
            rf"{_LOCAL} ?@ ?(?:[A-Za-z0-9-]{{1,63}}\.)+[A-Za-z]{{2,24}}",
            rf"{_LOCAL}{_AT}{_HOST}",
            rf"{_LOCAL}{_AT}(?:{_PROVIDER})(?:{_DOT}(?:com|net|co|컴|넷))?",
            r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,30}(?: dot [A-Za-z0-9]{1,30})"
            r"{0,3} at [A-Za-z0-9-]{1,30}"
            r"(?: dot [A-Za-z]{2,10}| ?\.[A-Za-z]{2,10}){1,2}",
            words="@|골뱅이|\\(at\\)|\\[at\\]|앳| at ",
        ),
        *rules(
            "email",
            rf"(?:메일|mail)[^A-Za-z0-9\n]{{0,14}}({_HANDLE_DIGIT})",
            rf"({_HANDLE_DIGIT})[^A-Za-z0-9\n]{{0,3}}(?:지메일|네이버 ?메일|한메일|다음 ?메일)",
            words="메일|mail",
        ),
    ]


SERVICE = (
    "인스타(?:그램)?|인별|카톡|카카오톡|ㅋㅌ|텔레(?:그램)?|디코|디스코드|라인|트위터|트윗|트친|"
    "엑스|페북|페이스북|페메|"
    "스냅챗?|위챗|틱톡|스레드|깃허브|깃헙|스팀|롤|배그|발로(?:란트)?|옵치|메이플|로아|당근|블로그|비트윈|시그널|"
    "(?<![A-Za-z])(?:insta|instagram|ig|telegram|discord|twitter|snap|wechat|tiktok|threads|kakao|"
    "kakaotalk|line|"
    "steam|whatsapp|github|skype|battletag)(?![A-Za-z])"
)
ID_WORD = (
    "아이디|아디(?!다)|닉네임|닉넴|닉|핸들|친추|친구 ?추가|맞팔|팔로우|팔로|디엠|계정|(?<![A-Za-z])"
    "(?:id|dm|username|handle|user)(?![A-Za-z])"
)
_HANDLE_DIGIT = (
    r"(?<![A-Za-z0-9._@%+/-])@?(?=[A-Za-z0-9._-]{0,29}[0-9._])(?=[A-Za-z0-9._-]{0,29}[A-Za-z])"
    r"[A-Za-z0-9_.-]"
    r"{4,30}(?:#[0-9]{4})?(?![A-Za-z0-9._@-])"
)
_NO_HANDLE = (
    "story|stories|reels?|live|profile|follow|follower|dm|login|error|update|card|please|with|"
    "from|this|"
    "that|https?|pc|vs|or|and|the|is|was|okay|ok|lol|naver|google|kakao|instagram|telegram|"
    "discord|twitter|"
    "com|net|qr|premium|plus|everyone|here|channel|all|account|name|number|you|your|did|not|what|"
    "because|just|"
    "she|her|him|they|have|has|like|about|photo|post|posts"
)
_HANDLE_LETTERS = (
    rf"(?<![A-Za-z0-9._@%+/-])(?!(?:{_NO_HANDLE})(?![A-Za-z]))[A-Za-z]{{4,30}}(?![A-Za-z0-9._@-]|"
    rf"[ ]?(?:메일|영상|앱))"
)


def _is_handle(candidate: Candidate) -> bool:
    """Whether a token may be an id: no version, measure or time (17.4.1, 5G, 2.4GHz, 990pro)."""
    value = candidate.value.strip("@")
    if re.fullmatch(
        r"[A-Za-z]?[0-9.]+[A-Za-z]{0,3}|[A-Za-z]+[.]+|[A-Z]{2,}-?[0-9]+[A-Z]*|v[0-9.]+", value
    ):
        return False
    return not value.lower().endswith((".com", ".net", ".kr", ".png", ".jpg", ".pdf", ".mp4"))


def messenger_ids() -> list[Kind]:
    """Return the rules for ids of messengers and games, next to a word for an id."""
    label = rf"(?:{SERVICE})[^A-Za-z0-9\n]{{0,10}}?(?:{ID_WORD})?|{ID_WORD}"
    gap = rf"[^A-Za-z0-9@_.\n]{{0,12}}?{LINK}@?"
    words = rf"{SERVICE}|{ID_WORD}"
    copula = r" ?(?:은|는|이|가|:|=|-) ?[\"'@]?"
    return [
        *rules(
            "messenger_id",
            r"(?<![A-Za-z0-9._%+@/-])@(?=[a-z0-9._]{0,29}[0-9._])[a-z0-9_.]{4,30}(?![A-Za-z0-9_@])",
            is_one=_is_handle,
            words="@",
        ),
        *rules(
            "messenger_id",
            after(label, _HANDLE_DIGIT, gap),
            ahead(words, _HANDLE_DIGIT, r"[^A-Za-z0-9\n]{0,8}?"),
            rf"(?:{label}){gap}([_.]{{1,4}}[A-Za-z0-9][A-Za-z0-9_.]{{2,28}})",
            rf"(?:{label})[^가-힣A-Za-z0-9\n]{{0,6}}"
            rf"([가-힣A-Za-z0-9_]{{1,16}} ?#[A-Za-z0-9]{{3,5}})(?![A-Za-z0-9])",
            rf"(?:캐릭(?:명|터)?|{ID_WORD})(?:은|는|이|:)? ?([가-힣]{{2,12}}[0-9]{{1,4}})"
            rf"(?=이?[에예야]|임|입|으?로|$|[ \n,.])",
            is_one=_is_handle,
            words=words,
        ),
        *rules(
            "messenger_id",
            rf"(?:{SERVICE}|{ID_WORD}) ?(?:{ID_WORD}|친추)?{copula}({_HANDLE_LETTERS})",
            rf"(?:(?:{SERVICE}) ?(?:아이디|아디|id|계정)|카톡|인스타(?:그램)?|텔레그램|디코) ?@?"
            rf"({_HANDLE_LETTERS})(?= ?(?:야|이야|임|입|로|으로|친추|추가|검색|예요|이에요|$|\n|"
            rf"[(ㄱㅇ]))",
            r"(?<![A-Za-z0-9._%+@/-])@([a-z]{4,30})(?= ?(?:맞팔|팔로|디엠|친추))",
            rf"({_HANDLE_LETTERS})(?= ?(?:맞팔|친추))",
            words=words,
        ),
        *rules(
            "messenger_id",
            r"(?<![A-Za-z0-9._@%+/-])([a-z0-9]{2,20}[_.][a-z0-9_.]{2,20})(?= ?(?:검색|치면|"
            r"으?로 ?추가))",
            is_one=_is_handle,
            words="검색|치면|추가",
        ),
    ]


_MONTH = r"(?:0?[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])"
_YEAR = r"(?:19|20)?[0-9]{2}"
_NAMED_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_CALENDAR = "(?:[양음]력 ?)?"
_LONG_DATE = (
    rf"{_YEAR}(?:년생?|[-./]) ?{_CALENDAR}{_MONTH}(?:월|[-./]) ?{_DAY}(?:일)?"
    r"(?: ?(?:새벽|아침|오전|오후|저녁|밤) ?[0-9]{1,2}시(?: ?[0-9]{1,2}분)?)?"
)
_SHORT_DATE = rf"{_MONTH}(?:월 ?|[-./]){_DAY}(?![0-9])일?"
_RUN_DATE = r"(?:(?:19|20)?[0-9]{2})?(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?![0-9])"
_ENGLISH_DATE = (
    rf"[0-9]{{1,2}} {_NAMED_MONTH} (?:19|20)[0-9]{{2}}|{_NAMED_MONTH} [0-9]{{1,2}}(?:,? (?:19|20)"
    rf"[0-9]{{2}})?"
)
_DATE = rf"(?<![0-9.:])(?:{_LONG_DATE}|{_SHORT_DATE}|{_RUN_DATE}|{_ENGLISH_DATE})"
BIRTHDAY = (
    "생일(?! ?(?:파티|선물|카페|쿠폰|이벤트|모임|케[이익]|할인|지난|지나|축하|밥))|생년월일|생신|"
    "출생|태어|생월|"
    "(?<![A-Za-z])(?:dob|birthday|bday|born|birth)(?![A-Za-z])|사주"
)
_HISTORIC = re.compile("장군|대왕|선생님?|대통령|위인|예수|석가|부처|회사|창립|아이돌|최애|독립")


def _is_birthday(candidate: Candidate) -> bool:
    return _HISTORIC.search(candidate.near) is None


def birthdays() -> list[Kind]:
    """Return the rules for dates near the word birthday, or marked as a birth date: 950412생."""
    ymd = r"(?:(?:19|20)[0-9]{2}|[0-9]{2})(?:년 ?|[-./])[0-9]{1,2}(?:월 ?|[-./])[0-9]{1,2}일?"
    sino = "[일이삼사오육륙칠팔구십]"
    return [
        *rules(
            "birthday",
            after(BIRTHDAY, _DATE, r"[^0-9\n]{0,14}?"),
            ahead(BIRTHDAY, _DATE, r"[^0-9\n]{0,10}?"),
            rf"(?<![0-9])({_RUN_DATE})(?:[^0-9\n]{{1,8}}({_RUN_DATE}))?[^0-9\n]{{0,4}}(?:생일|"
            rf"생신)",
            rf"(?:{BIRTHDAY})[^0-9\n]{{0,10}}([0-9]{{1,2}}월 ?(?:초하루|보름|그믐|"
            rf"초[가-힣]{{1,3}}))",
            rf"(?<![0-9])({ymd})생(?!일)",
            rf"(?<![0-9])({_RUN_DATE}) ?(?:년)?생(?![일가-힣])",
            r"(?<![0-9])((?:19|20)?[0-9]{2}년 ?[가-힣]{1,3}띠 ?[0-9]{1,2}월 ?[0-9]{1,2}일)",
            is_one=_is_birthday,
            words=rf"{BIRTHDAY}|생|띠",
            least=1,
        ),
        # A spelled-out date with its year is almost always a birthday.
        *rules(
            "birthday",
            rf"(?<![가-힣]){sino}{{2,4}}년 ?(?:{sino}{{1,2}}|시|유)"
            rf"월 ?{sino}{{1,4}}일(?![가-힣]{{3}})",
            rf"(?:{BIRTHDAY})[^0-9\n]{{0,8}}?((?:{sino}{{1,2}}|시|유)월 ?{sino}{{1,4}}일)",
            is_one=_is_birthday,
            words=f"{sino}월",
        ),
    ]


_MEMBER = (
    "학번|사번|직번|사원 ?번호|직원 ?번호|교번|군번|수험 ?번호|회원 ?번호|고객 ?번호|학생증 ?번호|"
    "환자 ?(?:등록)?번호|교직원 ?번호|학생 ?번호|"
    "employee (?:id|no|number)|student (?:id|no|number)|사원증"
)
_ORDER = (
    "주문 ?번호|운송장|송장|등기(?: ?번호)?|예약 ?번호|인보이스|invoice|"
    "접수 ?번호|예매 ?번호|티켓 ?번호|쿠폰 ?번호|사건 ?번호|"
    "증권 ?번호|등록 ?번호|통관 ?(?:부호|번호)|"
    "(?<![A-Za-z])(?:pnr|order (?:no|number)|tracking (?:no|number))(?![A-Za-z])"
)
_PAPER = (
    r"(?=[A-Za-z-]{0,6}[0-9])[A-Za-z]{0,4}-?[0-9]{4,14}(?:-[0-9]{2,10}){0,3}|"
    r"[A-Za-z]{0,2}[0-9]{2}-[0-9]{4,10}(?:-[0-9]{2,10}){0,3}|[0-9]{2}-[0-9]{6,10}|"
    r"[0-9](?:[ -][0-9]){4,9}"
)
_SCHOOL = (
    "조[장원]|출[첵석]|과제|팀플|학과|학부|전공|컴공|교수|조교|수강|학생|학교|명단|이수|졸업|"
    "신입생|편입|강의|수업"
)
_NO_UNIT = "(?![0-9]|[년월일원분시개명살점%학건])"
# Near the name of a carrier or shop, a number of this length is a tracking number.
_CARRIER = (
    "택배|편택|반택|대한통운|로젠|한진|우체국|경동|롯데택배|쿠팡|알리|테무|지마켓|옥션|11번가|"
    "무신사|주문|배송|발송|세관|통관"
)
_PARCEL = r"(?<![0-9A-Za-z-])(?:[0-9]{10,20}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{3,6}(?:[ -][0-9]{3,4})?)"


_is_of_school = beside(_SCHOOL)


def member_numbers() -> list[Kind]:
    """Return the rules for numbers of students, staff, soldiers, members, orders and parcels."""
    return [
        *rules(
            "member_number",
            after(_MEMBER, rf"(?<![0-9A-Za-z])(?:{_PAPER}){_NO_UNIT}"),
            ahead(_MEMBER, rf"(?<![0-9A-Za-z])[A-Za-z]{{0,3}}-?[0-9]{{6,12}}{_NO_UNIT}"),
            words=_MEMBER,
            least=4,
        ),
        *rules(
            "member_number",
            r"(?<![0-9A-Za-z-])(?:19|20)[0-9]{2}-[0-9]{5}(?![0-9-])",
            r"(?<![0-9A-Za-z-])20[0-2][0-9](?!0[1-9]|1[0-2])[0-9]{4}(?![0-9원])",
            rf"(?:조[장원]|출[첵석]|과제)[^0-9\n]{{0,6}}([0-9]{{7,10}}){_NO_UNIT}",
            r"(?<![0-9A-Za-z-])([0-9]{8,10}) ?(?:[가-힣]{1,8}[과부]|컴공|전전|기계|경영|화공)"
            r" [가-힣]{2,4}",
            is_one=_is_of_school,
            words=_SCHOOL,
            least=7,
        ),
        *rules(
            "order_number",
            after(
                _ORDER,
                rf"(?<![0-9A-Za-z])(?=[A-Za-z-]{{0,6}}[0-9])"
                rf"[A-Za-z0-9]{{4,20}}(?:[ -][0-9A-Za-z]{{3,12}}){{0,3}}{_NO_UNIT}",
            ),
            words=_ORDER,
            least=4,
        ),
        *rules(
            "order_number",
            after(_CARRIER, rf"{_PARCEL}{_NO_UNIT}"),
            ahead(_CARRIER, rf"{_PARCEL}{_NO_UNIT}"),
            words=_CARRIER,
            least=10,
        ),
        *rules(
            "order_number",
            r"(?<![A-Za-z0-9])(?-i:INV|PO|ORD|SO|RMA)[-#][0-9]{2,8}(?:-[0-9]{2,8}){0,3}(?![0-9])",
            least=5,
        ),
        *rules(
            "order_number",
            r"(?<![A-Za-z0-9])P[0-9]{12}(?![0-9])",  # personal customs code
            least=12,
        ),
    ]


_PRIVATE_NET = re.compile(
    r"(?:10|127|0|192\.168|172\.(?:1[6-9]|2[0-9]|3[01])|203\.0\.113|169\.254|255)\."
)
_RESOLVERS = frozenset(("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "168.126.63.1"))


def _is_public_ip(candidate: Candidate) -> bool:
    """Whether it is a public IP address and not a version: two of its parts have several digits."""
    value = candidate.value
    if ":" in value:
        return not value.startswith("2001:db8::")
    is_version = re.search(r"(?:v|ver|버전|version)\.? ?$", candidate.before, re.IGNORECASE)
    parts = value.split(".")
    if is_version or value in _RESOLVERS or _PRIVATE_NET.match(value):
        return False
    return all(int(part) < 256 for part in parts) and sum(len(part) > 1 for part in parts) >= 2


def ip_addresses() -> list[Kind]:
    """Return the rules for public IP addresses, not those of private networks."""
    return [
        *rules(
            "ip_address",
            r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])",
            r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{1,4}:){4,7}[0-9A-Fa-f]{1,4}(?![0-9A-Fa-f:])",
            r"(?<![0-9A-Fa-f:])[0-9a-f]{3,4}(?::[0-9a-f]{1,4}){1,6}::[0-9a-f]{1,4}(?![0-9a-f:])",
            is_one=_is_public_ip,
            least=4,
        )
    ]
