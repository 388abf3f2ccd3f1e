"""The network: cached logits are full logits; only the past matters; shapes are refused early."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from chatbot.errors import CheckpointError, ConfigError
from chatbot.model.gpt.config import choose_size, resolve_shape
from chatbot.model.gpt.network import GPT, Dropout, TorchLanguageModel, attend
from chatbot.settings.schema import ModelConfig
from tests.model.gpt.networks import SHAPE, make_gpt


@settings(max_examples=30)
@given(st.lists(st.integers(0, 49), min_size=1, max_size=24), st.data())
def test_cached_logits_equal_full_logits(tokens, data):
    model = TorchLanguageModel(make_gpt())
    full = model(np.array([tokens]))
    cache, done = model.new_cache(), 0
    while done < len(tokens):
        n = data.draw(st.integers(1, len(tokens) - done))
        part = model(np.array([tokens[done : done + n]]), cache)
        np.testing.assert_allclose(part, full[:, done : done + n], atol=2e-5)
        done += n


@settings(max_examples=20)
@given(st.lists(st.integers(0, 49), min_size=2, max_size=24), st.data())
def test_the_future_changes_nothing(tokens, data):
    cut = data.draw(st.integers(1, len(tokens) - 1))
    model = TorchLanguageModel(make_gpt())
    other = tokens[:cut] + [(t + 7) % 50 for t in tokens[cut:]]
    one, two = (model(np.array([t]))[:, :cut] for t in (tokens, other))
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_number_of_parameters_is_known_without_building():
    assert SHAPE.n_params == sum(p.numel() for p in GPT(SHAPE).parameters())


def test_a_new_network_predicts_evenly():
    model = GPT(SHAPE)
    model.init_weights(torch.Generator().manual_seed(1))
    logits = model.eval()(torch.zeros(1, 4, dtype=torch.long))
    assert logits.std() < 0.5


def test_too_many_tokens_are_refused():
    with pytest.raises(CheckpointError, match="25 tokens do not fit"):
        make_gpt()(torch.zeros(1, 25, dtype=torch.long))


def test_own_numbers_win_over_the_size():
    shape = resolve_shape(ModelConfig(n_layer=3, dropout=0.1, input_masking=0.0), 4096, "small")
    assert (shape.n_layer, shape.n_embd, shape.n_kv_head) == (3, 384, 6)


@pytest.mark.parametrize("wrong", [{"n_embd": 100, "n_head": 3}, {"n_head": 4, "n_kv_head": 3}])
def test_impossible_shapes_are_refused(wrong):
    with pytest.raises(ConfigError):
        resolve_shape(ModelConfig(**wrong, dropout=0.1, input_masking=0.0), 4096, "nano")


def test_size_follows_corpus_and_device():
    assert choose_size(100_000, is_gpu=True)[0] == "nano"
    assert choose_size(50_000_000, is_gpu=True)[0] == "large"
    size, why = choose_size(50_000_000, is_gpu=False)
    assert size == "small" and "GPU" in why


@settings(max_examples=20)
@given(st.integers(1, 40), st.sampled_from([1, 2, 4]), st.integers(0, 99))
def test_training_attention_is_the_fused_kernel(n_tokens, n_kv_head, seed):
    generator = torch.Generator().manual_seed(seed)
    q, k, v = (
        torch.randn(2, heads, n_tokens, 8, generator=generator)
        for heads in (4, n_kv_head, n_kv_head)
    )
    wanted = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(attend(q, k, v), wanted, rtol=1e-4, atol=1e-5)


@settings(max_examples=20)
@given(st.sampled_from([0.0, 0.1, 0.2, 0.5]), st.integers(0, 99), st.sampled_from([7, 8, 50]))
def test_dropout_drops_its_share_and_keeps_the_mean(share, seed, width):
    x, dropout = torch.ones(400, width), Dropout(share)
    torch.manual_seed(seed)
    y = dropout.train()(x)
    torch.manual_seed(seed)
    assert torch.equal(dropout(x), y)
    assert y.unique().numel() == (2 if share else 1)
    assert abs(float((y == 0).float().mean()) - share) < 0.05
    assert abs(float(y.mean()) - 1) < 0.1
    assert torch.equal(dropout.eval()(x), x)


def test_the_trained_path_compiles():
    model = make_gpt()
    tokens = torch.randint(0, 40, (2, 8))
    wanted = model.hidden(tokens)
    torch.testing.assert_close(torch.compile(model.hidden, backend="eager")(tokens), wanted)
