"""The page draws from the same tokens with the same probabilities as ours."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from chatbot.inference.sampling import allowed_scores, distribution
from chatbot.settings.schema import SamplingConfig

_DISTRIBUTION = """([logits, previous, forbidden, settings]) => {
  const scores = allowedScores(Float32Array.from(logits), previous, forbidden, settings);
  if (!scores.some(Number.isFinite)) {
    return null;
  }
  const {tokens, probabilities} = distribution(scores, settings);
  return [tokens, probabilities];
}"""
_DRAW = """([logits, settings, n]) => {
  const sampler = new Sampler(settings, randomNumbers(1));
  const drawn = Array.from({length: n}, () => sampler.draw(Float32Array.from(logits), [], []));
  return [drawn, sampler.confidence()];
}"""
# Multiples of 1/4 are the same in fp32, and often equal to each other.
logits = st.lists(st.integers(-40, 40).map(lambda n: n / 4), min_size=2, max_size=40)
samplings = st.builds(
    SamplingConfig,
    temperature=st.sampled_from([0.0, 0.5, 1.0, 1.7]),
    top_k=st.integers(0, 12),
    top_p=st.sampled_from([1.0, 0.9, 0.5, 0.01]),
    min_p=st.sampled_from([0.0, 0.05, 0.5]),
    repetition_penalty=st.sampled_from([1.0, 1.1, 2.0]),
    no_repeat_ngram=st.integers(0, 3),
)
within_a_test = settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def test_tokens_and_probabilities_are_ours(engine):
    @within_a_test
    @given(logits, samplings, st.data())
    def check(row, sampling, data):
        tokens = st.lists(st.integers(0, len(row) - 1), max_size=12)
        previous, forbidden = data.draw(tokens), data.draw(tokens)
        array = np.array(row, dtype=np.float32)
        scores = allowed_scores(array, previous, np.array(forbidden, dtype=np.int64), sampling)
        arguments = [row, previous, forbidden, to_builtins(sampling)]
        theirs = engine.page.evaluate(_DISTRIBUTION, arguments)
        if not np.isfinite(scores).any():
            assert theirs is None
            return
        ours, probabilities = distribution(scores, sampling)
        kept = np.isfinite(scores[ours])  # what has no probability may be missing
        assert theirs[0] == ours[kept].tolist()
        np.testing.assert_allclose(theirs[1], probabilities[kept], rtol=1e-9)

    check()


def test_rounding_lets_no_forbidden_token_in(engine):
    settings = SamplingConfig(temperature=0.5, min_p=0.0, repetition_penalty=1.0)
    tokens, _ = engine.page.evaluate(
        _DISTRIBUTION, [[6.75, 0.0, 0.0], [], [1], to_builtins(settings)]
    )
    assert tokens == [0, 2]


def test_draws_have_the_probabilities(engine):
    row, n = np.log([0.5, 0.3, 0.15, 0.05]).tolist(), 4000
    settings = SamplingConfig(min_p=0.0, repetition_penalty=1.0)
    drawn, confidence = engine.page.evaluate(_DRAW, [row, to_builtins(settings), n])
    shares = np.bincount(drawn, minlength=4) / n
    np.testing.assert_allclose(shares, np.exp(row), atol=0.03)
    np.testing.assert_allclose(confidence, np.dot(shares, row), rtol=1e-5)
