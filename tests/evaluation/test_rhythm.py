"""Pauses and sessions are drawn as the room had them."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from chatbot.evaluation.rhythm import Rhythm
from chatbot.evaluation.room import RoomStatistics, SpeakerCounts
from chatbot.evaluation.simulation_report import wasserstein
from chatbot.settings.schema import PreprocessConfig

N_DRAWN = 1000
LONGEST = 180 * 60
seeds = st.integers(0, 99)
# One of them is no whole minute: the exports know seconds.
seconds = st.dictionaries(st.integers(0, LONGEST), st.integers(20, 50), min_size=1, max_size=5).map(
    lambda counts: Counter(counts) + Counter({7: 20})
)


def rhythm_of(seed=0, **speakers):
    statistics = RoomStatistics("x1", speakers, session_sizes=Counter({3: 1}))
    return Rhythm(statistics, PreprocessConfig(), random.Random(seed))  # noqa: S311


def drawn(draw, *arguments):
    return [draw(*arguments) for _ in range(N_DRAWN)]


@limits(max_examples=20)
@given(seconds, seconds, seeds)
def test_the_pauses_of_each_member_follow_their_own(own, others, seed):
    speakers = {"가": SpeakerCounts(reply_seconds=own), "나": SpeakerCounts(reply_seconds=others)}
    rhythm = rhythm_of(seed, **speakers)
    for name, counts in (("가", own), ("나", others)):
        pauses = Counter(drawn(rhythm.reply_pause, name))
        assert set(pauses) <= set(counts)
        spread = max(counts) - min(counts)
        assert wasserstein(pauses, counts) <= 0.08 * spread


@limits(max_examples=20)
@given(st.integers(0, 170), seeds)
def test_seconds_are_drawn_inside_minutes_where_an_export_knows_no_more(minutes, seed):
    rhythm = rhythm_of(seed, 가=SpeakerCounts(reply_seconds=Counter({minutes * 60: 20})))
    pauses = drawn(rhythm.reply_pause, "가")
    assert rhythm.is_by_minute
    assert all(abs(pause - minutes * 60) <= 60 and pause >= 0 for pause in pauses)
    # A triangle of two minutes, of which minute 0 has only the right half.
    mean = sum(pauses) / N_DRAWN - minutes * 60
    assert abs(mean - (0 if minutes else 20)) < 4


@given(st.dictionaries(st.integers(0, LONGEST), st.integers(20, 30), min_size=2), seeds)
def test_a_turn_goes_on_within_the_gap_that_joins_messages_and_another_begins_after_it(sizes, seed):
    burst = Counter(sizes) + Counter({7: 20, 601: 20})
    rhythm = rhythm_of(seed, 가=SpeakerCounts(burst_seconds=burst))
    assert all(rhythm.burst_pause("가") <= 300 < rhythm.again_pause("가") for _ in range(50))


def test_a_member_who_hardly_ever_wrote_has_the_pauses_of_everybody():
    few = SpeakerCounts(reply_seconds=Counter({1: 1}))
    rhythm = rhythm_of(가=few, 나=SpeakerCounts(reply_seconds=Counter({50: 9000})))
    assert Counter(drawn(rhythm.reply_pause, "가"))[50] > 0.99 * N_DRAWN


@given(st.dictionaries(st.integers(0, 10**6), st.integers(1, 9)), seeds)
def test_a_silence_is_always_longer_than_one_that_ends_no_session(gaps, seed):
    statistics = RoomStatistics("x1", session_gaps=Counter(gaps))
    rhythm = Rhythm(statistics, PreprocessConfig(), random.Random(seed))  # noqa: S311
    assert all(rhythm.session_gap() > LONGEST for _ in range(20))
