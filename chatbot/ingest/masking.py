"""Personal data in text -> stable, same-shaped pseudonyms; what is not covered is in the README.

A value becomes the same pseudonym everywhere, however it is written (010-1234-5678, 010 1234 5678),
drawn by HMAC from the project's own key. Phone numbers become ones that nobody can have.
"""

import re
import unicodedata
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chatbot.ingest.personal_data import kinds
from chatbot.ingest.pseudonyms import Pseudonyms

_N_REMEMBERED = 3  # messages before: "what is your account?" - "110-..."
_NEAR = 24  # characters in which a word tells what a number is
# One letter for one, so that places stay: full-width forms, the dashes of phones, odd spaces.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN |= dict.fromkeys(map(ord, "‐‑‒–—―−·ㅡ"), ord("-"))
_PLAIN |= dict.fromkeys(map(ord, "\u3000\u00a0\u2002\u2003\u2009"), ord(" "))
_HAS_ANY = re.compile(r"[0-9@]|://")


@dataclass(frozen=True)
class Found:
    """A value that was masked: of which kind, what it was, and what stands there now."""

    kind: str
    value: str
    pseudonym: str


class Masker:
    """Masks the messages of one room in order; counts what it replaces."""

    def __init__(self, pseudonyms: Pseudonyms, names: "NamePattern") -> None:
        self.found: Counter[Found] = Counter()
        self._pseudonyms = pseudonyms
        self._names = names
        self._recent: deque[str] = deque(maxlen=_N_REMEMBERED)

    def mask(self, text: str) -> str:
        """Return the text with personal data replaced.

        Words that tell what a number is may stand near it, or in the messages before.
        """
        plain = text.translate(_PLAIN)
        before = "\n".join(self._recent)
        spans = list(find_personal(plain, before)) if _HAS_ANY.search(plain) else []
        spans += self._names.spans(plain, spans)
        self._recent.append(plain[-_NEAR:])
        for start, end, kind in sorted(spans, reverse=True):
            value = plain[start:end]
            pseudonym = self._pseudonyms.of(kind, value)
            self.found[Found(kind, value, pseudonym)] += 1
            text = text[:start] + pseudonym + text[end:]
        return text


_PART = "[0-9A-Za-z@._%+:/?=&#*()~ -]"
# The syllable of a plate (12가 3456) and the 동 of a flat (101동 1502호) stand between numbers.
_HELD = re.compile(
    rf"{_PART}*[0-9@]{_PART}*(?:(?<=[0-9]) ?[가-힣] ?{_PART}*)?$|[0-9A-Za-z@._%+/:-]+$"
)


def shielded(pieces: Iterable[str]) -> Iterator[str]:
    """Pass streamed text on, with stars for what looks like personal data.

    What may become a number, an address of e-mail or a link is held back until it is whole.
    """
    said = held = ""
    for piece in pieces:
        held += piece
        match = _HELD.search(held.translate(_PLAIN))
        keeps = match.start() if match else len(held)
        if keeps:
            said, ready = _starred(said, held[:keeps])
            held = held[keeps:]
            yield ready
    if held:
        yield _starred(said, held)[1]


def _starred(said: str, new: str) -> tuple[str, str]:
    """Return all that was said with `new`, and `new` with stars in what looks personal."""
    whole = said + new
    if not _HAS_ANY.search(new.translate(_PLAIN)):
        return whole, new
    shown = list(new)
    for start, end, _ in find_personal(whole.translate(_PLAIN), ""):
        for place in range(max(start, len(said)), end):
            if whole[place].isalnum():
                shown[place - len(said)] = "*"
    return whole, "".join(shown)


def find_personal(plain: str, before: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, kind) of personal data in a text, the words `before` it known."""
    taken: list[tuple[int, int]] = []
    for kind in kinds():
        for match in kind.pattern.finditer(plain):
            start, end = match.span()
            if any(start < other_end and begin < end for begin, other_end in taken):
                continue
            near = f"{plain[max(0, start - _NEAR) : start]}\n{plain[end : end + _NEAR]}"
            if kind.is_one(match[0], f"{before}\n{near}"):
                taken.append((start, end))
                yield start, end, kind.name


# How people call each other; as a name in a room's list they are words, not names.
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


class NamePattern:
    """Finds names in text: whole ones, and the given name where somebody is called by it."""

    def __init__(self, names: Iterable[str]) -> None:
        known = {_written(name) for name in names}
        known |= {core for name in known if (core := _undecorated(name))}
        known |= {name[1:] for name in known if _is_full_name(name)}  # given names
        wanted = sorted(filter(_is_name, known), key=len, reverse=True)
        is_short = {name: re.fullmatch("[가-힣]{2}", name) is not None for name in wanted}
        alternatives = [
            ([name for name in wanted if not is_short[name]], "(?![A-Za-z0-9])"),
            # Two syllables are also the beginning of words (하늘, 하늘색): a particle must follow.
            (
                [name for name in wanted if is_short[name]],
                f"(?=(?:{_PARTICLES})?(?![가-힣A-Za-z0-9]))",
            ),
        ]
        parts = [
            f"(?<![가-힣A-Za-z0-9])(?:{'|'.join(map(re.escape, some))}){end}"
            for some, end in alternatives
            if some
        ]
        self._pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def spans(
        self, plain: str, taken: list[tuple[int, int, str]]
    ) -> Iterator[tuple[int, int, str]]:
        """Yield (start, end, "name") of names outside what is `taken`."""
        for match in self._pattern.finditer(plain) if self._pattern else ():
            start, end = match.span()
            if not any(start < other_end and begin < end for begin, other_end, _ in taken):
                yield start, end, "name"


def _written(name: str) -> str:
    """Write a name as text is written when it is looked for."""
    return " ".join(unicodedata.normalize("NFC", name).translate(_PLAIN).split())


def _undecorated(name: str) -> str | None:
    """Return the one name in a decorated one, if there is just one.

    >>> _undecorated("다온 [총무]"), _undecorated("홍길동/91/서울"), _undecorated("행복한 하루")
    ('다온', '홍길동', None)
    """
    bare = re.split(r"[/_|]", re.sub(r"[\[(<{].*?[\])>}]", " ", name))[0]
    words = re.findall(r"[가-힣]+|[A-Za-z]+(?: [A-Za-z]+)*", bare)
    return words[0] if len(words) == 1 and len(words[0]) >= 2 and words[0] != name else None


def _is_name(name: str) -> bool:
    """Whether a speaker's name can be looked for in text without hitting words all the time."""
    n_letters = len(re.findall(r"[가-힣A-Za-z]", name))
    return n_letters >= 2 and name.lower() not in _NO_NAMES


def _is_full_name(name: str) -> bool:
    return re.fullmatch(rf"[{_SURNAMES}][가-힣]{{2}}", name) is not None
