"""Parts of a log, and where a learning curve leads."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.corpus.store import TokenStore
from chatbot.training.curve import CurvePoint, forecast, part_of

BOS = 1


def points_of(law, first=1000):
    return [CurvePoint(n, law(n)) for n in (first, 2 * first, 4 * first)]


@given(st.floats(0.2, 2), st.floats(1, 9), st.floats(0.35, 1.2), st.floats(1.1, 40))
def test_a_power_law_with_a_floor_is_continued_exactly(floor, height, power, times):
    def law(n):
        return floor + height * (n / 1000) ** -power

    n_tokens = round(4000 * times)
    found = forecast(points_of(law), n_tokens)
    assert found.expected == pytest.approx(law(n_tokens), rel=1e-6)
    assert found.doubling == pytest.approx(law(n_tokens) - law(2 * n_tokens), rel=1e-6)
    assert found.low <= found.expected <= found.high


@given(st.lists(st.floats(0.5, 5), min_size=3, max_size=3), st.floats(1, 100))
def test_noise_never_gives_nonsense(losses, times):
    points = [CurvePoint(1000 * 2**i, loss) for i, loss in enumerate(losses)]
    found = forecast(points, round(4000 * times))
    assert all(map(math.isfinite, (found.expected, found.low, found.high, found.doubling)))
    assert found.expected <= losses[-1] + 1e-3


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.floats(0.01, 1), st.integers(0, 9))
def test_a_part_holds_whole_sessions_and_lies_inside_a_larger_part(lengths, share, seed):
    sessions = [[BOS, *range(10 * i + 10, 10 * i + 10 + n)] for i, n in enumerate(lengths)]
    tokens = np.array([t for session in sessions for t in session], dtype=np.uint16)
    store = TokenStore(tokens, np.ones(len(tokens), dtype=np.uint8))
    small, large = (part_of(store, BOS, part, seed).tokens.tolist() for part in (share / 2, share))
    assert len(large) >= share * len(tokens) - 1
    for part in (small, large):
        text = ",".join(map(str, part))
        cut = [",".join(map(str, s)) for s in sessions]
        assert "".join(c + "," for c in cut if c + "," in text + ",") == text + ","
    assert set(small) <= set(large)
