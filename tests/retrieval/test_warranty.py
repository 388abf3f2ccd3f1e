"""The bound against published values, and the promise against invented desks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.retrieval.warranty import (
    Outcome,
    binomial_cdf,
    fit_warranty,
    least_answers,
    passes,
    upper_bound,
)


@pytest.mark.parametrize(
    ("n_wrong", "n", "confidence", "published"),
    [
        # R's binom.test, whose 95 % interval has two sides of 97.5 %.
        (5, 50, 0.975, 0.21813537),
        (3, 10, 0.975, 0.65245285),
        (0, 10, 0.975, 0.30849710),
        (0, 10, 0.95, 0.25886555),  # 1 - 0.05 ** (1 / 10)
        (0, 59, 0.95, 1 - 0.05 ** (1 / 59)),
        (9, 10, 0.95, 0.95 ** (1 / 10)),
    ],
)
def test_bounds_are_those_published(n_wrong, n, confidence, published):
    assert upper_bound(n_wrong, n, confidence) == pytest.approx(published, abs=1e-7)


def test_fifty_nine_without_an_error_or_ninety_three_with_one_are_the_least():
    assert [least_answers(k, 0.05, 0.95) for k in (0, 1, 2)] == [59, 93, 124]


@given(st.integers(1, 300), st.integers(0, 300), st.floats(0.001, 0.999))
def test_the_distribution_is_that_of_the_sum(n, n_wrong, share):
    k = np.arange(min(n_wrong, n) + 1)
    steps = np.log(np.maximum(1, n - k + 1)) - np.log(np.maximum(1, k))
    steps[0] = 0
    log_terms = np.cumsum(steps) + k * np.log(share) + (n - k) * np.log1p(-share)
    assert binomial_cdf(n_wrong, n, share) == pytest.approx(np.exp(log_terms).sum(), abs=1e-9)


@given(st.integers(1, 400), st.integers(0, 40), st.floats(0.01, 0.5))
def test_what_passes_is_bounded(n, n_wrong, max_wrong):
    n_wrong = min(n_wrong, n)
    is_bounded = upper_bound(n_wrong, n, 0.95) <= max_wrong + 1e-12
    assert passes(n_wrong, n, max_wrong, 0.95) == (is_bounded and n > n_wrong)


def outcomes(rng, n, risk):
    confidences = rng.random(n)
    wrong = rng.random(n) < risk(confidences)
    return [Outcome(float(c), bool(w)) for c, w in zip(confidences, wrong, strict=True)]


def test_a_good_desk_gets_a_promise_and_a_bad_one_none():
    rng = np.random.default_rng(0)
    good, bad = (lambda c: (1 - c) ** 3, lambda c: 0.3 + 0 * c)
    promised = fit_warranty(outcomes(rng, 500, good), outcomes(rng, 500, good), 0.05, 0.95)
    assert promised.threshold is not None and promised.upper_bound <= 0.05
    assert promised.sentence().startswith("at most 5.0% of answers wrong, with 95% confidence")
    none = fit_warranty(outcomes(rng, 500, bad), outcomes(rng, 500, bad), 0.05, 0.95)
    assert none.threshold is None
    assert "59 answers without an error" in none.sentence()


def test_fewer_than_fifty_nine_questions_promise_nothing():
    right = [Outcome(0.9, False)] * 58
    assert fit_warranty(right, right, 0.05, 0.95).threshold is None
    assert fit_warranty(right, [*right, right[0]], 0.05, 0.95).threshold == 0.9
    assert fit_warranty([], right * 9, 0.05, 0.95).threshold is None


def slight_risk(confidences):
    """Return a risk whose mean above a confidence t is 0.06 * (1 - t)."""
    return 0.12 * (1 - confidences)


@pytest.mark.slow
def test_the_promise_is_broken_in_at_most_one_of_twenty_desks():
    rng = np.random.default_rng(1)
    thresholds = [
        fit_warranty(
            outcomes(rng, 300, slight_risk), outcomes(rng, 1000, slight_risk), 0.05, 0.95
        ).threshold
        for _ in range(200)
    ]
    promised = [threshold for threshold in thresholds if threshold is not None]
    assert len(promised) > 100
    assert sum(0.06 * (1 - threshold) > 0.05 for threshold in promised) <= 0.05 * 200
