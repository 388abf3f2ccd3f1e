"""The network in numpy is the network in torch: logits, caches, what it says."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.errors import CheckpointError
from chatbot.model.gpt.network import TorchLanguageModel
from chatbot.model.gpt.numpy_network import NumpyGPT
from tests.model.gpt.networks import SHAPE, make_gpt

SHAPES = [dataclasses.replace(SHAPE, n_kv_head=n) for n in (4, 2, 1)]


def both(shape=SHAPE, seed=0):
    gpt = make_gpt(shape, seed)
    weights = {name: w.numpy() for name, w in gpt.state_dict().items()}
    return TorchLanguageModel(gpt), NumpyGPT(shape, weights)


def test_shapes_are_those_of_the_torch_network():
    from chatbot.model.gpt.config import weight_shapes

    for shape in SHAPES:
        state = make_gpt(shape).state_dict()
        assert {name: tuple(w.shape) for name, w in state.items()} == weight_shapes(shape)


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 49), min_size=7, max_size=7), min_size=1, max_size=3),
    st.sampled_from(SHAPES),
    st.integers(0, 9),
)
def test_full_logits_are_equal(tokens, shape, seed):
    torch_model, numpy_model = both(shape, seed)
    np.testing.assert_allclose(
        numpy_model(np.array(tokens)), torch_model(np.array(tokens)), atol=1e-4
    )


@settings(max_examples=40)
@given(st.lists(st.integers(0, 49), min_size=1, max_size=24), st.sampled_from(SHAPES), st.data())
def test_cached_logits_equal_full_logits(tokens, shape, data):
    _, model = both(shape)
    full = model(np.array([tokens]))[0]
    cache, done = model.new_cache(), 0
    while done < len(tokens):
        if done and data.draw(st.booleans()):  # take some back and read them again
            done = data.draw(st.integers(0, done - 1))
            cache.cut(done)
        n = data.draw(st.integers(1, len(tokens) - done))
        found = model.next_logits(np.array(tokens[done : done + n]), cache)
        done += n
        np.testing.assert_allclose(found, full[done - 1], atol=1e-4)


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.integers(0, 49), min_size=1, max_size=12), min_size=1, max_size=5),
    st.sampled_from(SHAPES),
    st.integers(0, 9),
)
def test_a_batch_of_conversations_equals_each_alone(begun, shape, seed):
    rng = np.random.default_rng(seed)
    for model in both(shape):
        alone, batched = ([model.new_cache() for _ in begun] for _ in range(2))
        reads = [np.array(tokens) for tokens in begun]
        for _ in range(3):
            expected = [model.next_logits(*read) for read in zip(reads, alone, strict=True)]
            found = model.next_logits_of(list(zip(reads, batched, strict=True)))
            np.testing.assert_allclose(found, np.stack(expected), atol=1e-4)
            assert [cache.length for cache in batched] == [cache.length for cache in alone]
            reads = [rng.integers(0, 50, rng.integers(1, 4)) for _ in begun]


def test_extreme_activations_raise_no_warning():
    _, model = both()
    model._layers[0]._gate_up *= np.float32(1e4)
    assert np.isfinite(model(np.array([[1, 2, 3]]))).all()


def test_too_many_tokens_are_refused():
    _, model = both()
    with pytest.raises(CheckpointError, match="25 tokens do not fit"):
        model(np.zeros((1, 25), dtype=np.int64))
