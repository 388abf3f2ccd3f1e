"""Korean typed on an English keyboard: asks whether `dkssud` meant 안녕; a yes becomes 안녕."""

import re
from functools import cache

from chatbot.serving.skills.dubeolsik import to_hangul
from chatbot.serving.skills.interface import Context, Match

HELP = {
    "ko": "영문 자판으로 친 한글(dkssud)을 알아보고 되묻습니다.",
    "en": "Korean typed on an English keyboard (dkssud) is recognized.",
}
_LONGEST = 200
_PLAIN = re.compile(r"[A-Za-z0-9\s?!.,~^;:()'\"-]+")
_WORD = re.compile("[A-Za-z]+")
# At the end of a word, laughter and tears are typed apart: ㅋㅋ, ㅎㅎ, ㅠㅠ.
_RUN = re.compile(r"(?P<stem>[A-Za-z]*?)(?P<run>z{2,}|g{2,}|b{2,})?", re.IGNORECASE)
_SYLLABLES = re.compile("[가-힣]+[ㅋㅎㅠㅜ]*|[ㅋㅎㅠㅜ]{2,}")
_N_LEAST = 2  # a lone syllable, such as `rk`, is as likely an abbreviation
# Syllables with a glide that Korean has; English words make many others: `wifi` 쟈랴.
_GLIDES = frozenset(
    "갸걔거겨격겪견결겸겹경계곁귤교규균냐냥녀녁년념녕녔뇨뉴늉댜더뎌됴듀략량려력련렬렴렵령례롭료룡류륙률륨륭"
    "며멱면멸명몇묘뮤벼벽변별볍병볏뵤뷰뺨뼈뺏샤샵섀셔션셨쇼슈슐야약얄얇양얕얘여역엮연열엷염엽엿였영옆예옛"
    "요욕용욱유육윤율융으이져졌죠쥬쨌쩌쪄쪘쳐쳤쵸츄켜켰쿄큐텨튜펴편펼평폈폐표퓨피하햐향허혀현혈혐협형혔혜효휴흉"
)
_GLIDE_VOWELS = frozenset({2, 3, 6, 7, 12, 17})  # ㅑ ㅒ ㅕ ㅖ ㅛ ㅠ, by their place
# English words whose keys make ordinary Korean syllables.
_ENGLISH = """
    am an and also alto auto anti andi clean coco cod corn corp curl curls dj do dock
    docks dog dot down dual duck ducks due duty eh element em en end entry euro fb fit
    fl focus for forgot fork form formal forms fowl fuel fur go goal goals god gosh got
    goto gps guru gut la of or rock rocks rod rot rural rut sick snake so soap sock
    socks sorry such suck sucks th than that the them theme then they tho thru thx to
    today tofu torch total town towns turn turns tv when who wo woah wok work works
    world worm worn worry worth rosen alan alex chan chen chang glen ruth russo turtle
    fish foreign signal visual title dorm dorms thrown spent slack
"""


def recognizes(text: str) -> Match | None:
    """Return the Hangul that a message was meant to be."""
    text = text.strip()
    if len(text) > _LONGEST or not _PLAIN.fullmatch(text):
        return None
    words = _WORD.findall(text)
    hangul = [_converted(word) for word in words]
    if not all(map(_is_plausible, hangul)) or all(_is_word(word) for word in words):
        return None
    n_korean = sum(_n_syllables(h) for w, h in zip(words, hangul, strict=True) if not _is_word(w))
    n_english = sum(_n_syllables(h) for w, h in zip(words, hangul, strict=True) if _is_word(w))
    if n_korean < _N_LEAST or n_english > n_korean:
        return None
    meant = _WORD.sub(lambda word: _converted(word[0]), text)
    return Match("ko", {"text": meant}, meant=meant)


def answer(match: Match, context: Context) -> str:
    """Return the question whether that was meant."""
    del context
    text = match.values["text"]
    return f"‘{text}’{quoting_particle(text)} 말씀하신 게 맞을까요?"


def quoting_particle(text: str) -> str:
    """Return the particle after a quotation: 이라고 after a final consonant, else 라고.

    >>> [quoting_particle(text) for text in ("안녕", "뭐해?", "3", "ㅋㅋ")]
    ['이라고', '라고', '이라고', '라고']
    """
    last = next((char for char in reversed(text) if char.isalnum()), "")
    if "가" <= last <= "힣":
        return "이라고" if (ord(last) - ord("가")) % 28 else "라고"
    return "이라고" if last and last in "013678lmn" else "라고"


@cache
def _english() -> frozenset[str]:
    return frozenset(_ENGLISH.split())


def _is_word(word: str) -> bool:
    return word.lower() in _english()


def _converted(word: str) -> str:
    word = word.lower() if word.isupper() and len(word) > 1 else word
    split = _RUN.fullmatch(word)
    stem, run = (split["stem"], split["run"] or "") if split else (word, "")
    return to_hangul(stem) + to_hangul(run.lower())


def _is_plausible(hangul: str) -> bool:
    """Whether a word is made of syllables that Korean has."""
    return bool(_SYLLABLES.fullmatch(hangul)) and all(
        len(char.encode("euc_kr", "replace")) == 2  # in KS X 1001; others take eight bytes
        and ((ord(char) - ord("가")) // 28 % 21 not in _GLIDE_VOWELS or char in _GLIDES)
        for char in hangul
        if "가" <= char <= "힣"
    )


def _n_syllables(hangul: str) -> int:
    return sum("가" <= char <= "힣" for char in hangul)
