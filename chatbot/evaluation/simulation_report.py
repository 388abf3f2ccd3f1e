"""Statistics of a room and of its simulation -> how far apart their rhythms are."""

from collections import Counter
from collections.abc import Callable, Iterable

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from chatbot.conversation import Message
from chatbot.evaluation.intervals import Estimate
from chatbot.evaluation.room import RoomStatistics
from chatbot.evaluation.style import distance, evenly
from chatbot.ingest.cleaning.sessions import split_sessions
from chatbot.settings.schema import PreprocessConfig

_N_POINTS = 1000  # of a distribution
_N_DRAWS = 200
AI_LABEL = "AI simulation: no member of the room wrote this (AI가 지어낸 대화입니다)"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution of the room beside that of the simulation, and their distance.

    `room` and `simulated` are means. `sampling`: the distances that as many values drawn from the
    room itself have, with the middle 95 %; what lies inside is no farther than chance takes it.
    `n`: values of the simulation.
    """

    measure: str
    metric: str
    room: float
    simulated: float
    distance: float
    sampling: Estimate
    n: int


class SimulationReport(msgspec.Struct, frozen=True, kw_only=True):
    """The rhythm of a simulation beside the room's.

    `turn_shares`: (room, simulated) of each member, the most talkative first, without names.
    """

    label: str
    n_turns: int
    n_messages: int
    n_sessions: int
    comparisons: list[Comparison]
    turn_shares: list[tuple[float, float]]


def simulated_statistics(
    messages: Iterable[Message], rules: PreprocessConfig, is_by_minute: bool
) -> RoomStatistics:
    """Count simulated messages as the room's are, by the minute where its exports are."""
    statistics = RoomStatistics("")
    if is_by_minute:
        messages = (
            replace(
                message,
                sent_at=message.sent_at and message.sent_at.replace(second=0, microsecond=0),
            )
            for message in messages
        )
    for session in split_sessions(messages, rules, ""):
        statistics.add(session)
    return statistics


def compare_rooms(room: RoomStatistics, simulated: RoomStatistics) -> SimulationReport:
    """Compare pauses, burst sizes, session lengths and turn shares."""
    rng = np.random.default_rng(0)
    comparisons = []
    for measure, counts_of in _DISTRIBUTIONS.items():
        real, own = counts_of(room), counts_of(simulated)
        if real and own:
            comparisons.append(_compare(measure, real, own, rng))
    turns, own_turns = _turns(room), _turns(simulated)
    if own_turns:
        comparisons.append(_compare_turns(turns, own_turns, rng))
    n_turns, n_own = turns.total(), own_turns.total()
    return SimulationReport(
        label=AI_LABEL,
        n_turns=n_own,
        n_messages=simulated.n_messages,
        n_sessions=simulated.session_sizes.total(),
        comparisons=comparisons,
        turn_shares=[
            (n / n_turns, own_turns[name] / max(1, n_own)) for name, n in turns.most_common()
        ],
    )


def wasserstein(counts: Counter[int], others: Counter[int]) -> float:
    """Return the Wasserstein distance of two distributions, by a thousand of their quantiles.

    >>> wasserstein(Counter({1: 2}), Counter({1: 1, 3: 1}))
    1.0
    """
    return distance(_quantiles(_values(counts)), _quantiles(_values(others)))


def jensen_shannon(counts: npt.ArrayLike, others: npt.ArrayLike) -> float:
    """Return the Jensen-Shannon divergence of two distributions in bits: 0 equal, 1 disjoint.

    >>> jensen_shannon([1, 1], [5, 5]), jensen_shannon([3, 0], [0, 1])
    (0.0, 1.0)
    """
    shares = [np.asarray(each, dtype=np.float64) for each in (counts, others)]
    shares = [each / each.sum() for each in shares]
    middle = (shares[0] + shares[1]) / 2
    nats = (each[each > 0] * np.log2(each[each > 0] / middle[each > 0]) for each in shares)
    return float(sum(each.sum() for each in nats) / 2)


def _compare(
    measure: str, real: Counter[int], own: Counter[int], rng: np.random.Generator
) -> Comparison:
    values, n = _values(real), own.total()
    points = _quantiles(values)
    chance = [distance(points, _quantiles(np.sort(rng.choice(values, n)))) for _ in range(_N_DRAWS)]
    return Comparison(
        measure=measure,
        metric="Wasserstein",
        room=float(values.mean()),
        simulated=float(_values(own).mean()),
        distance=wasserstein(real, own),
        sampling=_middle(chance),
        n=n,
    )


def _compare_turns(real: Counter[str], own: Counter[str], rng: np.random.Generator) -> Comparison:
    names = [name for name, _ in real.most_common()]
    counts, others = (np.array([each[name] for name in names]) for each in (real, own))
    drawn = rng.multinomial(own.total(), counts / counts.sum(), _N_DRAWS)
    return Comparison(
        measure="turn shares",
        metric="Jensen-Shannon, bits",
        room=float(counts[0] / counts.sum()),
        simulated=float(others[0] / others.sum()),
        distance=jensen_shannon(counts, others),
        sampling=_middle([jensen_shannon(counts, each) for each in drawn]),
        n=own.total(),
    )


def _middle(distances: list[float]) -> Estimate:
    low, median, high = np.percentile(distances, [2.5, 50, 97.5])
    return Estimate(float(median), float(low), float(high), len(distances))


def _values(counts: Counter[int]) -> npt.NDArray[np.int64]:
    """Return all counted values in order."""
    keys = sorted(counts)
    return np.repeat(np.array(keys, dtype=np.int64), [counts[key] for key in keys])


def _quantiles(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return values[evenly(len(values), _N_POINTS)]


def _replies(room: RoomStatistics) -> Counter[int]:
    return sum((own.reply_seconds for own in room.speakers.values()), Counter())


def _bursts(room: RoomStatistics) -> Counter[int]:
    return sum((own.burst_seconds for own in room.speakers.values()), Counter())


def _turn_sizes(room: RoomStatistics) -> Counter[int]:
    return sum((own.turn_sizes for own in room.speakers.values()), Counter())


def _session_sizes(room: RoomStatistics) -> Counter[int]:
    return room.session_sizes


def _turns(room: RoomStatistics) -> Counter[str]:
    return Counter({name: own.n_turns for name, own in room.speakers.items()})


_DISTRIBUTIONS: dict[str, Callable[[RoomStatistics], Counter[int]]] = {
    "seconds until a reply": _replies,
    "seconds inside a turn": _bursts,
    "messages of a turn": _turn_sizes,
    "messages of a session": _session_sizes,
}
