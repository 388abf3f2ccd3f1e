"""Turns of the persona, of others, of a bot -> features of style, placed between two references."""

import re
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

_LAUGHTER, _TEARS = re.compile("ㅋㅋ|ㅎㅎ"), re.compile("[ㅠㅜ]{2}")
_EMOJI = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")
_PUNCTUATION = re.compile("[.,?!~]")
_HANGUL = re.compile("[가-힣]")
_N_FINALS, _FINAL_MIEUM = 28, 16  # of the Hangul syllables in Unicode
ENDINGS = ("요", "다", "음", "반말")


class StyleScore(msgspec.Struct, frozen=True, kw_only=True):
    """A feature of the bot's replies beside the persona's and another member's messages.

    `persona`: of the training period. `ceiling`: the persona later. `floor`: another member, later.
    `place`: 1 as near to `persona` as `ceiling` is, 0 as far as `floor`; None where the floor is
    not farther than the ceiling, so that the feature tells nobody apart.
    """

    feature: str
    persona: float
    ceiling: float
    floor: float
    bot: float
    place: float | None


def compare_styles(
    persona: Sequence[str], later: Sequence[str], other: Sequence[str], bot: Sequence[str]
) -> list[StyleScore]:
    """Compare turns by every feature, on as many turns of each as the shortest list has.

    A turn holds its bubbles as lines. Distinct-n and repetition depend on the number of turns.
    """
    n = min(map(len, (persona, later, other, bot)))
    if not n:
        return []
    columns = [features(evenly(turns, n)) for turns in (persona, later, other, bot)]
    return [_score(name, *(column[name] for column in columns)) for name in columns[0]]


def _score(name: str, persona: float, ceiling: float, floor: float, bot: float) -> StyleScore:
    return StyleScore(
        feature=name, persona=persona, ceiling=ceiling, floor=floor, bot=bot,
        place=place_between(persona, ceiling, floor, bot),
    )  # fmt: skip


def place_between(persona: float, ceiling: float, floor: float, bot: float) -> float | None:
    """Return where the bot's distance from the persona lies: 1 the ceiling's, 0 the floor's.

    >>> place_between(0.5, 0.4, 0.1, 0.3), place_between(0.5, 0.4, 0.45, 0.3)
    (0.67, None)
    """
    to_ceiling, to_floor, to_bot = (abs(value - persona) for value in (ceiling, floor, bot))
    if to_floor <= to_ceiling:
        return None
    return round((to_floor - to_bot) / (to_floor - to_ceiling), 2)


def evenly(turns: Sequence[str], n: int) -> list[str]:
    """Return n of the turns, evenly spaced."""
    places = np.linspace(0, len(turns) - 1, n).round().astype(int)
    return [turns[place] for place in places]


def features(turns: Sequence[str]) -> dict[str, float]:
    """Return feature -> value of one or more turns; rates are shares of bubbles."""
    bubbles = [line for turn in turns for line in turn.split("\n") if line.strip()]
    n = max(1, len(bubbles))
    endings = Counter(ending_of(bubble) for bubble in bubbles)
    rates = {
        "ㅋㅋ": _LAUGHTER,
        "ㅠㅠ": _TEARS,
        "emoji": _EMOJI,
        "punctuation": _PUNCTUATION,
    }
    return {
        "letters a bubble": sum(map(len, bubbles)) / n,
        "bubbles a turn": len(bubbles) / len(turns),
        **{name: sum(map(bool, map(sign.search, bubbles))) / n for name, sign in rates.items()},
        **{f"ends in {ending}": endings[ending] / n for ending in ENDINGS},
        "distinct-1": distinct(turns, 1),
        "distinct-2": distinct(turns, 2),
        "self-repetition": 1 - len(set(turns)) / len(turns),
    }


def ending_of(bubble: str) -> str | None:
    """Return the class of a bubble's last Hangul syllable; None without Hangul.

    The nominal 음 is any final ㅁ, as in 감 and 했음. 반말 is the rest, a plain noun as well.

    >>> [ending_of(text) for text in ("갔어요!", "간다 ㅋㅋ", "지금 감", "가자", "ㅋㅋ")]
    ['요', '다', '음', '반말', None]
    """
    syllables = _HANGUL.findall(bubble)
    if not syllables:
        return None
    last = syllables[-1]
    if last in "요다":
        return str(last)
    is_nominal = (ord(last) - ord("가")) % _N_FINALS == _FINAL_MIEUM
    return "음" if is_nominal else "반말"


def distinct(turns: Sequence[str], n: int) -> float:
    """Return distinct-n: the different n-grams of words over all of them (Li et al., 2016).

    >>> distinct(["a b a"], 1)
    0.6666666666666666
    """
    grams = [
        tuple(words[place : place + n])
        for words in (turn.split() for turn in turns)
        for place in range(len(words) - n + 1)
    ]
    return len(set(grams)) / max(1, len(grams))
