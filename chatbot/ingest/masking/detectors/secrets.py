"""Secrets: API keys in the formats that services publish, private links, passwords, codes."""

import re
from urllib.parse import urlsplit

from chatbot.ingest.masking.detectors.kind import GAP, Candidate, Kind, after, ahead, rules

_WORD = "[A-Za-z0-9_-]"
# Prefixes of tokens as their services publish them, for scanners to look for.
_PREFIXES = (
    "sk-(?:proj-|ant-|or-)?|[srp]k_(?:live|test)_|whsec_|gh[pousr]_|github_pat_|glpat-|"
    "xox[abeoprs]-|xapp-|"
    "hf_|npm_|pypi-|dop_v1_|shp(?:at|ca|pa|ss)_|dckr_pat_|lin_api_|ntn_|secret_|r8_|gsk_|xai-|"
    "pplx-|"
    "nvapi-|tvly-|sbp_|phc_|key-|figd_|pat-|rnd_|re_|sq0[a-z]{3}-|(?-i:EAA)|ya29\\.|AGE-SECRET-KEY-1|"
    "tskey-|fly_|vercel_|(?-i:SK|AC)(?=[0-9a-f]{32})"
)
_KEY_WORDS = (
    "api ?키|api ?key|(?<![가-힣])키|rest ?키|token|토큰|시크릿|secret|access ?key|앱 ?키|"
    "인증 ?키|시리얼|(?<![A-Za-z])key(?![A-Za-z])|"
    "serial|라이[선센]스|license ?key|제품 ?키|복구 ?(?:키|코드)|백업 ?코드|recovery|bearer|"
    "kakaoak|webhook|웹훅"
)
_SEED = "시드|니모닉|복구 ?(?:문구|구문)|seed|mnemonic"
_STRONG = r"(?=[!-~]{0,39}[0-9])(?=[!-~]{0,39}[A-Za-z])[!-~]{5,40}"
# After one value another may follow: "a1b2c3 말고 d4e5f6", "8392017463 / hx38Kd".
_AGAIN = rf"(?:[^0-9A-Za-z\n]{{1,12}}({_STRONG}))?"
_WIFI = "와이파이|와파|wi-?fi|공유기|핫스팟"


def _has_digit_and_letter(value: str) -> bool:
    return re.search("[0-9]", value) is not None and re.search("[A-Za-z]", value) is not None


def _is_random(candidate: Candidate) -> bool:
    """Whether a long token looks random: digits and letters of both cases are mixed."""
    value = candidate.value
    n_digits = sum(char.isdecimal() for char in value)
    n_upper = sum(char.isupper() for char in value)
    n_turns = len(re.findall("[0-9](?=[A-Za-z])|[a-z](?=[A-Z0-9])", value))
    return n_digits >= 3 and n_upper >= 2 and n_turns >= 6


def _is_mixed(candidate: Candidate) -> bool:
    return _has_digit_and_letter(candidate.value)


def keys() -> list[Kind]:
    """Return the rules for keys and tokens."""
    token = rf"(?<![A-Za-z0-9])(?:{_PREFIXES}){_WORD}{{8,200}}(?:\.{_WORD}{{6,100}}){{0,2}}"
    return [
        *rules(
            "key",
            r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[^-]{0,8000}(?:-----END [A-Z ]{0,20}PRIVATE K"
            r"EY-----)?",
            r"(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|amqp|ftp)"
            r"://[^\s:@/]{1,60}:([^\s@/]{1,100})@",
            r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{5,2000}(?:\.[A-Za-z0-9_-]{4,4000}){1,2}",
            r"(?<![A-Za-z0-9])(?:AKIA|ASIA|AROA)[0-9A-Z]{12,20}",
            r"(?<![A-Za-z0-9])AIza[0-9A-Za-z_-]{20,50}",
            r"(?<![0-9])[0-9]{8,10}:[A-Za-z0-9_-]{30,40}",
            r"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{10,40}\.[A-Za-z0-9_-]{10,60}",
            r"(?<![A-Za-z0-9])[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}",
            r"ssh-(?:rsa|ed25519) [A-Za-z0-9+/=]{20,1000}",
            r"(?<![A-Za-z0-9])(?:0x[0-9a-f]{40,64}|bc1[a-z0-9]{20,60})(?![A-Za-z0-9])",
            r"(?<![A-Za-z0-9-])(?=[A-Z0-9-]{0,10}[0-9])[A-Z0-9]{5}(?:-[A-Z0-9]{5})"
            r"{3,5}(?![A-Za-z0-9-])",
            r"(?<![0-9-])[0-9]{6}(?:-[0-9]{6}){3,7}(?![0-9-])",
            r"(?<![A-Za-z0-9-])(?=[0-9-]{0,30}[a-f])[0-9a-f]{4}(?:-[0-9a-f]{4}){3,7}(?![A-Za-z0-9-])",
        ),
        *rules("key", token, is_one=_is_mixed, least=1),
        *rules(
            "key",
            r"(?<![A-Za-z0-9_./%=-])[A-Za-z0-9+/_-]{24,400}={0,2}(?![A-Za-z0-9])",
            is_one=_is_random,
            least=3,
        ),
        *rules(
            "key",
            after(_KEY_WORDS, r"(?<![A-Za-z0-9])[A-Za-z0-9+/_-]{8,400}={0,2}"),
            r"[A-Z0-9_]{0,30}(?:SECRET|TOKEN|API_?KEY|ACCESS_KEY|PASSWORD|PASSWD)"
            r"[A-Z0-9_]{0,30} ?[=:] ?"
            r"[\"']?([!-~]{6,200})",
            rf"(?:{_WIFI}){GAP}(?<![A-Za-z0-9])([A-Za-z0-9!@#$%^&*_.-]{{7,40}}){_AGAIN}",
            is_one=_is_mixed,
            words=rf"{_KEY_WORDS}|{_WIFI}|secret|token|api|password|passwd",
            least=1,
        ),
        *rules(
            "key",
            rf"(?:{_SEED})[^A-Za-z\n]{{0,14}}([a-z]{{3,8}}(?:[ ,]{{1,2}}[a-z]{{3,8}}){{3,23}})",
            words=_SEED,
        ),
    ]


# Public hosts, and query parameters that only select a part of a page.
_PUBLIC_HOSTS = re.compile(
    r"(?:^|\.)(?:youtube\.com|youtu\.be|wikipedia\.org|namu\.wiki|(?:news|blog|cafe|map|shopping|"
    r"search|comic|"
    r"terms|kin|sports|webtoon|smartstore|brunch)\.(?:naver|daum|kakao|google)\.(?:com|net|co\.kr)|"
    r"google\.com|naver\.com|daum\.net|coupang\.com|"
    r"musinsa\.com|yes24\.com|aladin\.co\.kr|melon\.com|tistory\.com|velog\.io|stackoverflow\.com|"
    r"go\.kr|arxiv\.org|netflix\.com|apple\.com|python\.org)$"
)
_PRIVATE_HOSTS = re.compile(
    r"(?:^|\.)(?:open\.kakao\.com|qr\.kakao\.com|qr\.kakaopay\.com|t\.me|discord\.gg|discord\.com|"
    r"discordapp\.com|zoom\.us|meet\.google\.com|teams\.microsoft\.com|teams\.live\.com|"
    r"docs\.google\.com|"
    r"drive\.google\.com|forms\.gle|photos\.app\.goo\.gl|photos\.google\.com|calendar\.google\.com|"
    r"dropbox\.com|1drv\.ms|onedrive\.live\.com|icloud\.com|wetransfer\.com|we\.tl|notion\.so|"
    r"notion\.site|"
    r"figma\.com|hooks\.slack\.com|chat\.whatsapp\.com|wa\.me|line\.me|instagram\.com|"
    r"facebook\.com|"
    r"toss\.me|paypal\.me|bit\.ly|buly\.kr|me2\.do|han\.gl|url\.kr|vo\.la|api\.telegram\.org|"
    r"classroom\.google\.com|webex\.com|gather\.town|slack\.com|join\.slack\.com|"
    r"cloud\.naver\.com|naver\.me|"
    r"mybox\.naver\.com|band\.us|linktr\.ee)$"
)
_SECRET_FIELDS = re.compile(
    r"(?:^|[&;])[^=&]{0,20}(?:token|key|code|pwd|pw|pass|auth|sig|secret|sess|sid|invite|share|"
    r"access|"
    r"user|email|phone|ticket|hash|no|order)[^=&]{0,10}=",
    re.IGNORECASE,
)
_LONG = re.compile(r"/(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{8,}(?![A-Za-z0-9_-]*\.)|[A-Za-z0-9_-]{16,}")
_LINK = (
    r"(?:https?://|www\.)[!#-&(-;=?-~]{4,2000}|(?<![A-Za-z0-9@./-])(?:[a-z0-9-]{1,30}\.){1,3}"
    r"(?:com|net|io|me|gg|us|gle|ly|kr|so|gl|site|link|app|page|ms|team|co)/[!#-&(-;=?-~]{2,1000}"
)


def _is_private_link(candidate: Candidate) -> bool:
    """Whether a link grants access, or identifies somebody."""
    address = candidate.value if "://" in candidate.value else f"https://{candidate.value}"
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return False
    if _PRIVATE_HOSTS.search(host):
        return len(parts.path) > 1 or bool(parts.query)
    fields = f"{parts.query}&{parts.fragment}"
    if parts.username or _SECRET_FIELDS.search(fields):
        return not _PUBLIC_HOSTS.search(host) or "token" in fields
    if _PUBLIC_HOSTS.search(host):
        return False
    return "=" in fields or _LONG.search(parts.path) is not None


_MEETING = "회의|줌|zoom|웨벡스|webex|meeting|미팅"


def links() -> list[Kind]:
    """Return the rules for links with a token, and for meeting numbers."""
    meeting = r"(?<![0-9])[0-9]{3,4}[ -]?[0-9]{3,4}[ -]?[0-9]{3,4}(?![0-9])"
    return [
        *rules("url", _LINK, is_one=_is_private_link, words=r"://|www\.|[a-z0-9]\.[a-z]{2,4}/"),
        *rules("url", after(_MEETING, meeting), words=_MEETING, least=9),
    ]


ACCESS_WORDS = (
    "비번|비밀 ?번호|패스워드|암호|(?<![ㄱ-ㅎ])ㅂㅂ(?![ㄱ-ㅎ])|잠금|패스코드|(?<![A-Za-z])(?:pw|"
    "pwd|pass|passwd|password|passcode|"
    "pin)(?![A-Za-z])|핀 ?번호"
)
OPENER = (
    "현관|현비|도어 ?락|키패드|문 ?(?:비번|번호)|문 ?못 ?열|문 ?(?:어떻게|좀) ?열|출입문|"
    "공동 ?출입|자물쇠|키박스|열쇠|대문|금고|사물함|캐비[넷닛]|무인 ?택배|문 ?앞 ?비번|게이트 비번"
)
ONE_TIME = (
    "인증(?!심사|샷|서|받|됐|했|하|마크|점)|(?<![A-Za-z])otp(?![A-Za-z])|일회용|확인 ?(?:코드|"
    "번호)|본인 ?확인|보안 ?코드|임시 ?코드|"
    "코드(?! ?리뷰)|verification|(?<![A-Za-z])code|"
    "[4-8네여]섯? ?자리|온 ?(?:숫자|번호)|숫자 ?(?:불러|알려|보내|뭐|뭔)|승인 ?번호"
)
_NO_CODE = re.compile(
    "(?:에러|오류|상태|바|소스|색상|상품|우편|국가|error|status|zip) ?$", re.IGNORECASE
)
_NO_AMOUNT = (
    r"(?![0-9]|[.,:/][0-9]| ?(?:[년월일원분시개명살점%층호번회자글위등권장건]|만(?:원|명|개)|"
    r"천 ?원|억|px|kg|km|GB|gb|mm))"
)
_MARKED = r"[#*종]?[0-9]{3,8}[#*종]|[#*종][0-9]{3,8}"
_NUMBER = rf"(?<![0-9A-Za-z.,:/~-])[0-9]{{4,10}}{_NO_AMOUNT}"
_GROUPED = (
    r"(?<![0-9A-Za-z])(?:[0-9]{3}[ -]?[0-9]{3}|[0-9]{2}(?:[ -][0-9]{2}){1,3}|"
    r"[0-9](?:[ ,-]{1,2}[0-9]){3,7})" + _NO_AMOUNT
)
_ENGLISH = (
    "reset|change|changed|manager|error|please|wrong|forgot|login|update|wifi|okay|page|link|code|"
    "word|"
    "hint|check|email|mail|phone|review|test|black|number|instagram|netflix|google|naver|apple"
)
_LETTERS = rf"(?<![A-Za-z])(?!(?:{_ENGLISH})(?![A-Za-z]))[A-Za-z]{{5,30}}(?![A-Za-z(.])"
# Letters, digits and a mark in one word: "gksmf!0307" can only be a password.
_MIXED = (
    r"(?<![!-~])(?=[A-Za-z0-9]*[!@#$%^&*])(?=[!-~]{0,20}[0-9])(?=[!-~]{0,20}[A-Za-z])"
    r"(?=[A-Za-z0-9])[A-Za-z0-9!@#$%^&*]{7,24}(?![!-~])"
)
_SET_BY = r" ?(?:은|는|이|:|=|->)[ \"']{0,2}"


def _is_code(candidate: Candidate) -> bool:
    return _NO_CODE.search(candidate.before) is None


def _is_secret(candidate: Candidate) -> bool:
    """Whether a token near the word password is one, and not an address, a model or a version."""
    return not re.search(r"://|^[0-9.,]+[A-Za-z]{1,2}$|^\d+[.:]\d+", candidate.value)


def _is_typed(candidate: Candidate) -> bool:
    """Whether a token of letters, digits and marks is no address, number or other code.

    A "!" at its end belongs to the sentence: "iphone15!".
    """
    value = candidate.value
    n_letters = len(re.findall("[A-Za-z]", value))
    marks = re.findall("[!@#$%^&*]+", value.rstrip("!"))
    return (
        n_letters >= 3
        and 1 <= len(marks) <= 2
        and re.search("[0-9]{2}|[a-z][0-9]", value) is not None
    )


def passwords() -> list[Kind]:
    """Return the rules for passwords and door codes, after or before the word for them."""
    any_word = rf"{OPENER}|{ACCESS_WORDS}|{_WIFI}"
    hangul = rf"[가-힣]{{2,12}}[0-9]{{2,8}}[!@#*]{{0,3}}{_NO_AMOUNT}"
    return [
        *rules(
            "password",
            rf"(?:{ACCESS_WORDS}){GAP}({_STRONG}){_AGAIN}",
            ahead(ACCESS_WORDS, rf"(?<![!-~]){_STRONG}"),
            rf"(?:{ACCESS_WORDS})[^0-9A-Za-z\n]{{0,10}}?([A-Za-z]{{2,20}}(?: [A-Za-z]{{2,20}})"
            rf"{{1,3}} [0-9]{{2,6}})",
            rf"(?:{ACCESS_WORDS}){_SET_BY}({_LETTERS})",
            rf"(?:(?:{ACCESS_WORDS})(?:은|는|이|:|=)?|한글 ?자판으?로?) ({hangul})(?=$|\n| |"
            rf"[야이임로])",
            is_one=_is_secret,
            words=rf"{ACCESS_WORDS}|한글 ?자판",
        ),
        *rules("password", _MIXED, is_one=_is_typed, least=2),
        *rules(
            "code",
            rf"(?:{any_word}){GAP}({_MARKED}|{_GROUPED}|{_NUMBER}){_AGAIN}",
            after(OPENER, rf"(?<![0-9])[0-9]{{3}}{_NO_AMOUNT}", r"[^0-9A-Za-z\n]{0,4}?"),
            ahead(rf"{OPENER}|{ACCESS_WORDS}|종(?![가-힣])", rf"{_MARKED}|{_NUMBER}"),
            words=rf"{any_word}|종",
            least=3,
        ),
        *rules(
            "code",
            r"(?<![0-9A-Za-z#*-])(?:[#*][0-9]{4,8}[#*]|[0-9]{4,8}[*#](?![0-9])|종[0-9]{4,8}종?)",
            r"(?<![0-9])[0-9]{4,8}(?= ?(?:누르고|치고|입력하고) ?(?:별|샵|종|우물|#|\*))",
            least=4,
        ),
    ]


def codes() -> list[Kind]:
    """Return the rules for one-time codes: after their word, near it, or in Google's form."""
    start = r"(?<![0-9A-Za-z.,:/~-])"
    return [
        *rules("code", r"(?<![A-Za-z0-9])G-[0-9]{6}(?![0-9])", least=6),
        *rules(
            "code",
            after(ONE_TIME, rf"{_GROUPED}|{start}[0-9]{{4,8}}{_NO_AMOUNT}", r"[^0-9]{0,20}?"),
            ahead(ONE_TIME, rf"{_GROUPED}|{start}[0-9]{{5,8}}{_NO_AMOUNT}", r"[^0-9\n]{0,14}?"),
            is_one=_is_code,
            words=ONE_TIME,
            least=4,
        ),
    ]
