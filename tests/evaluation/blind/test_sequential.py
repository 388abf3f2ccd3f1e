"""The evidence of a blind test: it keeps its error rate however often one looks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.blind import N_JUDGES, recognized_after
from chatbot.evaluation.blind.sequential import (
    ERROR_RATE,
    GUESSING,
    evidence,
    interval,
    log_e_value,
    n_more,
)

COUNTS = st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
RATES = st.floats(0.02, 0.98)


@given(COUNTS, RATES)
def test_the_evidence_is_a_martingale_at_the_true_rate(counts, rate):
    """On average over the next answer it stays what it is: Ville's inequality does the rest."""
    n_right, n = counts
    now, after_right, after_wrong = (
        log_e_value(right, total, rate)
        for right, total in ((n_right, n), (n_right + 1, n + 1), (n_right, n + 1))
    )
    mean = rate * math.exp(after_right - now) + (1 - rate) * math.exp(after_wrong - now)
    assert mean == pytest.approx(1)


def test_guessing_judges_are_recognized_in_at_most_5_percent_looking_after_each_answer():
    recognized = recognized_after(GUESSING, N_JUDGES, np.random.default_rng(17))
    assert np.isfinite(recognized).mean() <= ERROR_RATE


def test_judges_who_are_right_three_times_of_four_are_recognized_after_about_28_answers():
    recognized = recognized_after(0.75, N_JUDGES, np.random.default_rng(18))
    assert np.isfinite(recognized).mean() > 0.999
    assert np.median(recognized) == pytest.approx(28, abs=3)


@given(COUNTS)
def test_the_interval_and_the_evidence_say_the_same(counts):
    n_right, n = counts
    low, high = interval(n_right, n)
    is_shown = log_e_value(n_right, n) >= -math.log(ERROR_RATE)
    assert 0 <= low <= (n_right / n if n else 0.5) <= high <= 1
    assert is_shown == (not low < GUESSING < high)


@given(COUNTS)
def test_the_answers_still_needed_are_enough_and_not_too_many(counts):
    n_right, n = counts
    more, shown = n_more(n_right, n), evidence(n_right, n).verdict == "can tell"
    assert shown == (more == 0)
    if more:
        share, limit = n_right / n, -math.log(ERROR_RATE)
        assert log_e_value(share * (n + more), n + more) >= limit
        assert log_e_value(share * (n + more - 1), n + more - 1) < limit


@given(COUNTS)
def test_who_is_always_wrong_tells_them_apart_the_other_way_round(counts):
    n_right, n = counts
    mirrored, low_high = interval(n - n_right, n), interval(n_right, n)
    assert mirrored == pytest.approx((1 - low_high[1], 1 - low_high[0]))
    assert n_more(min(n_right, n // 2), n) is None
