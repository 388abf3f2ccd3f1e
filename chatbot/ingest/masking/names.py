"""Names of a room's speakers -> their occurrences in text.

A nickname may be an ordinary word (노래, 사람): if a room uses it far more often as a word than to
address somebody, only forms of address count as names.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from chatbot.ingest.masking.detectors.find import Span
from chatbot.ingest.masking.detectors.spelled import plain_form

# Forms of address that occur as speaker names; they are words, not names.
_NO_NAMES = frozenset(
    "엄마 아빠 자기 여보 형 누나 언니 오빠 동생 할머니 할아버지 이모 고모 삼촌 선생님 친구 "  # noqa: SIM905
    "나 너 우리 회원님 you me".split()
)
_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구나민진지엄채원천방공현함변염여추"
    "도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용"
)
_PARTICLES = (
    "은|는|이|가|을|를|의|도|만|아|야|와|과|랑|로|에게|한테|께|께서|보고|더러|처럼|까지|부터|이랑|하고|이는|이가|이도|"
    "이한테|이네|네|씨|씨가|씨는|님|님이|님은|님도|쌤|선배|언니|오빠|형|누나|이야|예요|이에요|요|이고|입니다|인데|이라|"
    "으로"
)


# Nicknames that are words: the messages to examine, and the limits.
N_TO_DECIDE = 20_000
_LEAST_SAID = 20
_LEAST_CALLED = (
    1 / 20
)  # in 36,000 public messages, forms of address are below 1/40 for nouns, a fifth for names
_CALLED = re.compile(
    r"(?: ?(?:님|씨|쌤|선배|언니|오빠|형|누나)|아|이가|이는|이한테)(?![가-힣])|야(?=[ ,!?~.\n]|$)"
)


class NamePattern:
    """Finds names in text: whole names, and given names in forms of address.

    Of a name among `words` it finds only forms of address: 노래님, @노래.
    """

    def __init__(self, names: Iterable[str], words: frozenset[str] = frozenset()) -> None:
        self._words = words
        forms = {_written(name) for name in names}
        forms |= {core for name in forms if (core := _undecorated(name))}
        forms |= {name[1:] for name in forms if _is_full_name(name)}  # given names
        sought = sorted(filter(_is_name, forms), key=len, reverse=True)
        is_short = {name: re.fullmatch("[가-힣]{2}", name) is not None for name in sought}
        alternatives = [
            ([name for name in sought if not is_short[name]], "(?![A-Za-z0-9])"),
            # Two syllables may begin a longer word (하늘, 하늘색): a particle must follow.
            (
                [name for name in sought if is_short[name]],
                f"(?=(?:{_PARTICLES})?(?![가-힣A-Za-z0-9]))",
            ),
        ]
        parts = [
            f"(?<![가-힣A-Za-z0-9])(?:{'|'.join(map(re.escape, spellings))}){end}"
            for spellings, end in alternatives
            if spellings
        ]
        self._pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def spans(self, plain: str, taken: list[Span]) -> Iterator[Span]:
        """Yield (start, end, "name") of names outside of `taken`."""
        for match in self._pattern.finditer(plain) if self._pattern else ():
            start, end = match.span()
            if match[0].lower() in self._words and not _is_called(plain, start, end):
                continue
            if not any(start < other_end and begin < end for begin, other_end, _ in taken):
                yield start, end, "name"


def _is_called(plain: str, start: int, end: int) -> bool:
    """Whether a match is a form of address, and not an ordinary word."""
    return plain[start - 1 : start] == "@" or _CALLED.match(plain, end) is not None


def words_among(names: Iterable[str], texts: Iterable[str]) -> frozenset[str]:
    """Return the names that a room uses as ordinary words, judged by its first texts.

    A name is a word if it occurs 20 times or more and fewer than 1 in 20 are forms of address
    (노래님, @노래, 노래야!). Memory grows only with the number of names.

    >>> room = ["이 노래 좋다", "노래 틀어", "노래방 가자"] * 10 + ["나래야!", "나래 어디야"] * 10
    >>> words_among(["노래", "나래"], room)
    frozenset({'노래'})
    """
    pattern = NamePattern(names)
    n_said: Counter[str] = Counter()
    n_called: Counter[str] = Counter()
    for plain in map(plain_form, texts):
        for start, end, _ in pattern.spans(plain, []):
            name = plain[start:end].lower()
            n_said[name] += 1
            n_called[name] += _is_called(plain, start, end)
    return frozenset(
        name
        for name, n in n_said.items()
        if n >= _LEAST_SAID and n_called[name] < n * _LEAST_CALLED
    )


def _written(name: str) -> str:
    """Normalize a name as the searched text is."""
    return " ".join(plain_form(unicodedata.normalize("NFC", name)).split())


def _undecorated(name: str) -> str | None:
    """Return the plain name inside a decorated one; None if there are several.

    >>> _undecorated("다온 [총무]"), _undecorated("홍길동/91/서울"), _undecorated("행복한 하루")
    ('다온', '홍길동', None)
    """
    bare = re.split(r"[/_|]", re.sub(r"[\[(<{].*?[\])>}]", " ", name))[0]
    words = re.findall(r"[가-힣]+|[A-Za-z]+(?: [A-Za-z]+)*", bare)
    return words[0] if len(words) == 1 and len(words[0]) >= 2 and words[0] != name else None


def _is_name(name: str) -> bool:
    """Whether a speaker's name can be searched for in text without matching ordinary words."""
    n_letters = len(re.findall(r"[가-힣A-Za-z]", name))
    return n_letters >= 2 and name.lower() not in _NO_NAMES


def _is_full_name(name: str) -> bool:
    return re.fullmatch(rf"[{_SURNAMES}][가-힣]{{2}}", name) is not None
