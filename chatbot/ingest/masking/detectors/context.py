"""What the previous messages ask for: after "비번 뭐야?", "wlals95!" is an answer, and masked.

A message that asks for a value, announces one or ends with the word for it, and contains
none, opens a subject. It stays open for three messages or until one answers (the message
right after an answer may contain another); a longer message without a value or digit does not
close it. An answer is a value with little text around it: "2002 월드컵" is not. A value of
unmistakable form may be in any sentence.
"""

import re
from collections import deque
from collections.abc import Iterator

from chatbot.ingest.masking.detectors.secrets import ACCESS_WORDS, ONE_TIME, OPENER

_N_LAST = 60  # characters, from the end of a message, that may ask
_N_TAIL = 4  # characters of a particle and punctuation after the last word of a message
N_OPEN = 3  # messages for which a subject stays open
# For each subject: the words that name it, and the label that is put before an answer to apply the
# rules.
_SUBJECTS = (
    (re.compile(rf"{ACCESS_WORDS}|{OPENER}", re.IGNORECASE), "비번: "),
    (re.compile(ONE_TIME, re.IGNORECASE), "인증: "),
    (re.compile("계좌|입금|송금|어디로 보내|회비|축의금|통장|부의금|조의금"), "계좌: "),
    (re.compile("(?<![가-힣])번호(?!표)|(?:폰|전화) ?번호|연락처|전번|전화"), "전화번호: "),
    (re.compile("차 ?번호|차량|제차 번호|번호판"), "차번호: "),
    (re.compile("생일|생년월일|생신"), "생일: "),
    (
        re.compile("인스타|카톡 ?(?:아이디|id|아디)|아이디|아디|디코|텔레|닉네임", re.IGNORECASE),
        "아이디: ",
    ),
    (re.compile("학번|사번|군번|교번|수험 ?번호|회원 ?번호"), "학번: "),
    (re.compile("주소|동 ?호수|몇 ?호|어디 ?살"), "주소: "),
    (re.compile("메일", re.IGNORECASE), "메일: "),
    (re.compile("여권"), "여권: "),
    (re.compile("면허"), "면허: "),
    (re.compile("사업자|등록 ?번호"), "사업자: "),
    (re.compile("카드 ?번호|법카"), "카드: "),
    (re.compile("cv[cv]|씨브이씨|유효 ?기간", re.IGNORECASE), "cvc: "),
    (re.compile("주민|민증"), "주민: "),
    (re.compile("토큰|token|api|시크릿|secret|와이파이|와파|wifi|시리얼", re.IGNORECASE), "토큰: "),
    (re.compile("줌|zoom|회의", re.IGNORECASE), "회의: "),
)
_ASKS = re.compile(
    "[?？]|뭐|머[야였에지]|뭔|무엇|무슨|몇|언제|어디|어떻게|알려|불러|보내|적어|찍어|남겨|"
    "(?:^| )[가-힣]{0,6}(?:좀|줘|주라|주세요|요망|부탁\\S*)$|what|tell me|send",
    re.IGNORECASE,
)
_TELLS = re.compile(
    "(?:왔어|왔다|왔음|보낼게|알려줄게|드릴게요?|여기|이거|적을게|이야|임|요|은|는|[하라]래|필요|"
    "적어야|입력)[^가-힣]*$"
)
_FILLER = (
    "아|어|응|네|넵|넹|예|음|잠만|아마|그거|그건|이거|저|나|제|내|난|다|소문자|대문자|전부|뒷면|"
    "앞면|ok"
)
_TAIL = (
    "이?야|이?에[요용]|예[요용]|이?요|이?임|입니[다당]|이[거고래네다구]|인데|일걸|맞[아지]?요?|용|"
    "라고|인듯|ㅇㅇ|ㅇㅋ"
)
_ANSWER = re.compile(
    rf"(?:(?:{_FILLER})?[ ,.~!ㅋㅎ]{{0,3}}){{0,3}}"
    r"(?:[0-9A-Za-z#*@_!$%^&.,:/+?-]+ ?){1,8}"
    rf"(?:(?<! )[가-힣]{{0,4}}| ?(?:{_TAIL})(?: [가-힣]{{1,5}})?)"
    r"[ .!?~ㅋㅎㅠㅜ^]{0,12}(?:\n|$)"
)
_AT_END = re.compile(r"[가-힣 ]{1,14} [0-9A-Za-z#*@_!$%^&-]+[ ?.!~ㅋㅎ]{0,6}$")


class Context:
    """Remembers the last messages of one room; what they ask for is computed when needed."""

    def __init__(self) -> None:
        self._recent: deque[tuple[str, bool]] = deque(maxlen=N_OPEN)

    def labels(self) -> list[str]:
        """Return the labels of the open subjects, which an answer may belong to."""
        opened: dict[str, int] = {}  # label -> messages for which it stays open
        for plain, gives in self._recent:
            n_most = 1 if gives else N_OPEN
            opened = {
                label: left for label, n in opened.items() if (left := min(n - 1, n_most)) > 0
            }
            if not gives or _ASKS.search(plain):
                opened |= dict.fromkeys(_opened(plain), N_OPEN)
        return list(opened)

    def hear(self, plain: str, *, gives: bool) -> None:
        """Advance to the next message; `gives`: whether this one contained a value."""
        self._recent.append((plain[-_N_LAST:], gives))


def _opened(plain: str) -> Iterator[str]:
    """Yield the labels of what a message asks for, announces or ends with."""
    for words, label in _SUBJECTS:
        *_, match = [None, *words.finditer(plain)]
        if match is not None:
            rest = plain[match.end() :]
            if len(rest) <= _N_TAIL or _ASKS.search(rest) or _TELLS.search(rest):
                yield label


def is_answer(plain: str) -> bool:
    """Whether a message is a value with little text around it.

    >>> is_answer("4821이야"), is_answer("2002 월드컵 때 태어남")
    (True, False)
    """
    return _ANSWER.match(plain) is not None or _AT_END.fullmatch(plain) is not None
