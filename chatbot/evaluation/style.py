"""Turns of the persona, of others, of a bot -> features of style, placed between two references.

N turns, S sessions, K counts of a turn, G n-grams.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from chatbot.evaluation.intervals import Estimate
from chatbot.inference.scoring import Floats

Ints = npt.NDArray[np.int64]
Sessions = Sequence[Sequence[str]]  # turns by session; a turn holds its bubbles as lines

_HANGUL = re.compile("[가-힣]")
_N_FINALS, _FINAL_MIEUM = 28, 16  # of the Hangul syllables in Unicode
ENDINGS = ("요", "다", "음", "반말")
_SIGNS = {
    "ㅋㅋ": re.compile("ㅋㅋ|ㅎㅎ"),
    "ㅠㅠ": re.compile("[ㅠㅜ]{2}"),
    "emoji": re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]"),
    "punctuation": re.compile("[.,?!~]"),
}
_ORDERS = (1, 2)  # of distinct-n
_N_RESAMPLES = 200
_MOST_UNDEFINED = 0.05  # of the resamples
_MOST_TURNS = 1000  # of each, for what depends on their number


class StyleScore(msgspec.Struct, frozen=True, kw_only=True):
    """A feature of the bot's replies beside the persona's and another member's messages.

    `persona`: of the training period. `ceiling`: the persona later. `floor`: another member, later.
    Of a distribution they are distances from the persona's, which is 0. `place`: 1 as near to
    `persona` as `ceiling` is, 0 as far as `floor`, with its interval over halves of the sessions
    (`n`: of the bot); None where the floor is not farther than the ceiling, or is so in too many
    halves: the feature tells nobody apart.
    """

    feature: str
    persona: float
    ceiling: float
    floor: float
    bot: float
    place: Estimate | None

    @property
    def is_certain(self) -> bool:
        """Whether the interval of the place is narrower than the two references are apart."""
        return self.place is not None and self.place.high - self.place.low <= 1


@dataclass(frozen=True)
class _Turns:
    """The turns of one of the compared, as numbers: N turns of S sessions, G n-grams.

    `session`: of each turn, (N,). `counts`: (N, K). `values`: of each distribution, (N,).
    `grams`: by n, the turn and the id of every n-gram of words, (G,) each. `text`: an id for each
    different turn, (N,).
    """

    session: Ints
    counts: Floats
    values: dict[str, Floats]
    grams: dict[int, tuple[Ints, Ints]]
    text: Ints

    @classmethod
    def of(cls, sessions: Sessions) -> "_Turns":
        turns = [turn for own in sessions for turn in own]
        sizes = [len(own) for own in sessions if own]
        return cls(
            session=np.repeat(np.arange(len(sizes)), sizes),
            counts=np.array([_counts(turn) for turn in turns]),
            values={
                name: np.array([measure(turn) for turn in turns])
                for name, measure in _DISTRIBUTIONS.items()
            },
            grams={n: _gram_ids(turns, n) for n in _ORDERS},
            text=_ids(turns),
        )

    def __len__(self) -> int:
        return len(self.session)

    @property
    def n_sessions(self) -> int:
        return int(self.session[-1]) + 1

    def half(self, rng: np.random.Generator) -> Ints:
        """Return the places of the turns in a random half of the sessions."""
        is_chosen = np.zeros(self.n_sessions, dtype=bool)
        is_chosen[rng.permutation(self.n_sessions)[: max(1, self.n_sessions // 2)]] = True
        return np.flatnonzero(is_chosen[self.session])

    def rates(self, places: Ints) -> dict[str, float]:
        """Return the features that do not depend on the number of turns."""
        return _rates(self.counts[places].sum(axis=0))

    def variety(self, places: Ints) -> dict[str, float]:
        """Return the features that depend on it."""
        is_chosen = np.zeros(len(self), dtype=bool)
        is_chosen[places] = True
        shares = {}
        for n, (turn, ids) in self.grams.items():
            own = ids[is_chosen[turn]]
            shares[f"distinct-{n}"] = len(np.unique(own)) / max(1, len(own))
        n_different = len(np.unique(self.text[places]))
        return {**shares, "self-repetition": 1 - n_different / len(places)}


def _ids(keys: Iterable[Hashable]) -> Ints:
    """Return an integer for each key, equal for equal keys."""
    ids: dict[Hashable, int] = {}
    return np.fromiter((ids.setdefault(key, len(ids)) for key in keys), dtype=np.int64)


def _gram_ids(turns: Sequence[str], n: int) -> tuple[Ints, Ints]:
    """Return the turn and the id of every n-gram of words: (G,) each."""
    words = [turn.split() for turn in turns]
    n_grams = [max(0, len(each) - n + 1) for each in words]
    grams = (tuple(each[at : at + n]) for each in words for at in range(len(each) - n + 1))
    return np.repeat(np.arange(len(turns)), n_grams), _ids(grams)


def compare_styles(
    persona: Sessions, later: Sessions, other: Sessions, bot: Sessions
) -> list[StyleScore]:
    """Compare turns by every feature.

    Distinct-n, repetition and distributions depend on the number of turns: as many of each are
    taken as the shortest has. The interval is over random halves of the sessions of all four: a
    half without repeats varies as a bootstrap of all does, and repeats would lower distinct-n.
    """
    if not all(map(any, (persona, later, other, bot))):
        return []
    groups = [_Turns.of(sessions) for sessions in (persona, later, other, bot)]
    rng, every = np.random.default_rng(0), [np.arange(len(group)) for group in groups]
    whole = _values(groups, every)
    halves = [_values(groups, [group.half(rng) for group in groups]) for _ in range(_N_RESAMPLES)]
    # The half of a single session is all of it and would not vary.
    n = groups[-1].n_sessions if min(group.n_sessions for group in groups) > 1 else 0
    return [
        _score(name, values, [half[name] for half in halves], n) for name, values in whole.items()
    ]


def _score(
    name: str, values: Sequence[float], halves: Sequence[Sequence[float]], n: int
) -> StyleScore:
    persona, ceiling, floor, bot = values
    places = [place for half in halves if (place := place_between(*half)) is not None]
    place = place_between(*values)
    estimate = None
    if place is not None and len(places) >= (1 - _MOST_UNDEFINED) * len(halves):
        low, high = np.percentile(places, [2.5, 97.5]) if n else (-np.inf, np.inf)
        estimate = Estimate(place, float(low), float(high), n)
    return StyleScore(
        feature=name, persona=persona, ceiling=ceiling, floor=floor, bot=bot, place=estimate
    )


def place_between(persona: float, ceiling: float, floor: float, bot: float) -> float | None:
    """Return where the bot's distance from the persona lies: 1 the ceiling's, 0 the floor's.

    >>> place_between(0.5, 0.4, 0.1, 0.3), place_between(0.5, 0.4, 0.45, 0.3)
    (0.67, None)
    """
    to_ceiling, to_floor, to_bot = (abs(value - persona) for value in (ceiling, floor, bot))
    if to_floor <= to_ceiling:
        return None
    return round((to_floor - to_bot) / (to_floor - to_ceiling), 2)


def _values(groups: Sequence[_Turns], places: Sequence[Ints]) -> dict[str, tuple[float, ...]]:
    """Return feature -> value of each of the four, for their turns at the places."""
    n = min(_MOST_TURNS, *map(len, places))
    equal = [own[evenly(len(own), n)] for own in places]
    columns = [
        group.rates(own) | group.variety(few)
        for group, own, few in zip(groups, places, equal, strict=True)
    ]
    values = {name: tuple(column[name] for column in columns) for name in columns[0]}
    for name in _DISTRIBUTIONS:
        first, *others = (
            np.sort(group.values[name][few]) for group, few in zip(groups, equal, strict=True)
        )
        values[name] = (0.0, *(distance(first, each) for each in others))
    return values


def distance(values: npt.ArrayLike, others: npt.ArrayLike) -> float:
    """Return the Wasserstein distance of two samples of equal size, in order.

    >>> distance([1, 1, 2], [1, 2, 4])
    1.0
    """
    return float(np.abs(np.subtract(values, others)).mean())


_DISTRIBUTIONS: dict[str, Callable[[str], float]] = {
    "bubbles a turn, distribution": lambda turn: float(turn.count("\n") + 1),
    "letters a turn, distribution": lambda turn: float(len(turn)),
}


def evenly(n_all: int, n: int) -> Ints:
    """Return n of the places of `n_all` things, evenly spaced."""
    return np.linspace(0, n_all - 1, n).round().astype(np.int64)


def features(turns: Sequence[str]) -> dict[str, float]:
    """Return feature -> value of one or more turns; rates are shares of bubbles.

    Distinct-n: the different n-grams of words over all of them (Li et al., 2016).
    """
    measured, places = _Turns.of([turns]), np.arange(len(turns))
    return measured.rates(places) | measured.variety(places)


def _counts(turn: str) -> list[float]:
    """Return turns, bubbles, letters, then the bubbles with each sign and each ending: (K,)."""
    bubbles = [line for line in turn.split("\n") if line.strip()]
    endings = [ending_of(bubble) for bubble in bubbles]
    signs = [sum(sign.search(bubble) is not None for bubble in bubbles) for sign in _SIGNS.values()]
    return [
        *(1.0, len(bubbles), sum(map(len, bubbles))),
        *signs,
        *(endings.count(ending) for ending in ENDINGS),
    ]


def _rates(counts: Floats) -> dict[str, float]:
    n_turns, n_bubbles, n_letters, *of_kinds = counts.tolist()
    n = max(1.0, n_bubbles)
    names = (*_SIGNS, *(f"ends in {ending}" for ending in ENDINGS))
    rates = {name: count / n for name, count in zip(names, of_kinds, strict=True)}
    return {"letters a bubble": n_letters / n, "bubbles a turn": n_bubbles / n_turns, **rates}


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
