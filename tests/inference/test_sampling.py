"""Sampling: what the settings promise."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chatbot.inference.sampling import Sampler, distribution, repeating
from chatbot.settings.schema import SamplingConfig

NOTHING = np.array([], dtype=np.int64)
logits = arrays(np.float32, st.integers(2, 30), elements=st.floats(-20, 20, width=32))


def draw(values, previous=(), seed=0, forbidden=NOTHING, **settings):
    config = SamplingConfig(**settings)
    return Sampler(config, np.random.default_rng(seed)).draw(values, list(previous), forbidden)


@given(logits)
def test_temperature_zero_is_greedy(values):
    assert values[draw(values, temperature=0, repetition_penalty=1)] == values.max()


@given(logits, st.integers(1, 5), st.integers(0, 50))
def test_top_k_draws_from_the_k_likeliest(values, k, seed):
    drawn = draw(values, seed=seed, top_k=k, top_p=1, repetition_penalty=1)
    assert values[drawn] >= np.sort(values)[-min(k, len(values))]


@given(logits, st.floats(0.05, 1), st.integers(0, 50))
def test_top_p_draws_from_the_smallest_set_of_that_mass(values, top_p, seed):
    drawn = draw(values, seed=seed, top_k=0, top_p=top_p, temperature=1, repetition_penalty=1)
    probabilities = np.exp(values.astype(float)) / np.exp(values.astype(float)).sum()
    assert probabilities[probabilities > probabilities[drawn]].sum() < top_p + 1e-9


@given(logits, st.data())
def test_forbidden_tokens_are_never_drawn(values, data):
    allowed = data.draw(st.integers(0, len(values) - 1))
    forbidden = np.array([t for t in range(len(values)) if t != allowed])
    assert draw(values, seed=data.draw(st.integers(0, 9)), forbidden=forbidden) == allowed


@given(st.integers(2, 300), st.data())
def test_what_is_refused_is_never_drawn_however_much_that_is(n_tokens, data):
    allowed = data.draw(st.sets(st.integers(0, n_tokens - 1), max_size=2))
    values = np.linspace(5, -5, n_tokens, dtype=np.float32)
    sampler = Sampler(SamplingConfig(), np.random.default_rng(data.draw(st.integers(0, 9))))
    drawn = sampler.draw(values, [], NOTHING, lambda token: token not in allowed)
    assert drawn in allowed if allowed else drawn is None


def test_repetition_penalty_lowers_negative_logits_too():
    values = np.array([-1.0, -1.05], dtype=np.float32)
    assert draw(values, previous=[0], temperature=0, repetition_penalty=1.5) == 1


@given(logits, st.integers(0, 99))
def test_the_same_seed_draws_the_same(values, seed):
    assert draw(values, seed=seed) == draw(values, seed=seed)


def test_draws_follow_the_probabilities():
    values = np.log(np.array([0.6, 0.3, 0.1], dtype=np.float32))
    rng, config = (
        np.random.default_rng(0),
        SamplingConfig(temperature=1, top_k=0, top_p=1, repetition_penalty=1),
    )
    sampler = Sampler(config, rng)
    drawn = [sampler.draw(values, [], NOTHING) for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(drawn) / 4000, [0.6, 0.3, 0.1], atol=0.03)


@given(logits, st.floats(0.01, 0.99), st.integers(0, 50))
def test_min_p_draws_nothing_far_below_the_likeliest(values, min_p, seed):
    drawn = draw(values, seed=seed, top_k=0, top_p=1, temperature=1, min_p=min_p)
    assert np.exp(float(values[drawn]) - float(values.max())) >= min_p * 0.999


def plain_distribution(scores, settings):
    """Sort everything, then cut by one rule after the other."""
    order = np.lexsort((np.arange(len(scores)), -scores))
    order = order[: settings.top_k or None]
    weights = np.exp((scores[order] - scores[order[0]]) / settings.temperature)
    before = np.cumsum(weights / weights.sum()) - weights / weights.sum()
    is_kept = (weights >= settings.min_p) & (
        (before < settings.top_p - 1e-12) | (before == 0) | (settings.top_p == 1)
    )
    return order[is_kept], weights[is_kept] / weights[is_kept].sum()


@given(
    arrays(np.float64, st.integers(2, 30), elements=st.integers(-20, 20).map(float)),
    st.integers(0, 40),
    st.sampled_from([0.1, 0.37, 0.8, 1.0]),
    st.sampled_from([0.0, 0.05, 0.5]),
    st.sampled_from([0.3, 1.0, 2.0]),
)
def test_the_distribution_is_that_of_one_rule_after_the_other(scores, k, top_p, min_p, heat):
    settings = SamplingConfig(top_k=k, top_p=top_p, min_p=min_p, temperature=heat)
    tokens, probabilities = distribution(scores, settings)
    expected, chances = plain_distribution(scores, settings)
    assert tokens.tolist() == expected.tolist()
    np.testing.assert_allclose(probabilities, chances, atol=1e-9)


@given(st.lists(st.integers(0, 3), max_size=20), st.integers(1, 4))
def test_a_repeating_token_is_one_that_makes_a_run_twice(previous, n):
    found = set(repeating(previous, n).tolist())
    runs = [tuple(previous[i : i + n]) for i in range(len(previous) - n + 1)]
    for token in range(4):
        new = (*previous[len(previous) - n + 1 :], token) if n > 1 else (token,)
        assert (token in found) == (new in runs)


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(0, 20))
def test_no_run_of_three_is_said_twice(said, seed):
    values, said = np.zeros(6, dtype=np.float32), list(dict.fromkeys(said))
    for step in range(12):
        said.append(draw(values, previous=said, seed=seed + step, no_repeat_ngram=3))
    runs = [tuple(said[i : i + 3]) for i in range(len(said) - 2)]
    assert len(runs) == len(set(runs))


@given(logits, st.integers(0, 9))
def test_confidence_is_the_mean_log_probability(values, seed):
    sampler = Sampler(SamplingConfig(), np.random.default_rng(seed))
    drawn = [sampler.draw(values, [], NOTHING) for _ in range(3)]
    wanted = values.astype(float) - np.log(np.exp(values.astype(float)).sum())
    np.testing.assert_allclose(sampler.confidence, wanted[drawn].mean(), atol=1e-4)
