"""Conversations read in one pass have the logits that each has alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.model.pretrained.file import read_folder
from chatbot.model.pretrained.language_model import PretrainedLanguageModel
from chatbot.model.pretrained.lora import is_adapted
from chatbot.model.pretrained.network import open_network
from chatbot.model.pretrained.packed_row import PackedRow
from chatbot.training.families import run_folder
from tests.bases import KINDS, KINDS_IN_TURN
from tests.model.pretrained.networks import CPU, HYBRIDS, network_like, network_of, some_tokens

# Architectures with a window, soft caps, experts, or attention sinks.
OTHERS = {
    "mistral": {"sliding_window": 6},
    "gemma2": {"sliding_window": 6},
    "gemma3_text": {"sliding_window": 6, "layer_types": ["sliding_attention", "full_attention"]},
    "gpt_oss": {"sliding_window": 6, "num_local_experts": 4, "num_experts_per_tok": 2},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "phi": {},
    "cohere2": {"sliding_window": 6},
}
STRETCHED = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
# A step of a batch: of each conversation, how many new tokens it reads (0: it waits).
STEPS = [(5, 1, 0), (1, 12, 3), (1, 1, 1), (9, 1, 1), (0, 1, 1)]


def read_in_steps(ours: PretrainedLanguageModel, steps=STEPS, atol=2e-5) -> None:
    """Read conversations in a batch and each alone, and compare every row of logits."""
    tokens, places = some_tokens(3, 64), [0, 0, 0]
    alone, packed = ([ours.new_cache() for _ in range(3)] for _ in range(2))
    for lengths in steps:
        active = [i for i, n in enumerate(lengths) if n]
        new = {i: tokens[i, places[i] : places[i] + lengths[i]] for i in active}
        expected = [ours.next_logits(new[i], alone[i]) for i in active]
        logits = ours.next_logits_of([(new[i], packed[i]) for i in active])
        np.testing.assert_allclose(logits, expected, atol=atol, rtol=1e-4)
        places = [place + n for place, n in zip(places, lengths, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_has_the_logits_of_each_conversation(bases, kind):
    ours = PretrainedLanguageModel(network_of(bases(kind))[0])
    read_in_steps(ours)
    assert ours._can_pack


@pytest.mark.parametrize("model_type", OTHERS)
def test_windows_and_experts_and_sinks_are_those_of_each_conversation(model_type):
    ours = PretrainedLanguageModel(network_like(model_type, **OTHERS[model_type]))
    read_in_steps(ours)
    assert ours._can_pack


@pytest.mark.parametrize("model_type", [*HYBRIDS, "bloom", "stretched"])
def test_a_base_that_cannot_share_a_pass_is_read_one_by_one(model_type):
    is_stretched = model_type == "stretched"
    network = (
        network_like("llama", rope_parameters=STRETCHED)
        if is_stretched
        else network_like(model_type)
    )
    ours = PretrainedLanguageModel(network)
    read_in_steps(ours)
    assert not ours._can_pack


@pytest.fixture(scope="module")
def one_base(bases):
    return PretrainedLanguageModel(network_of(bases("qwen3"))[0])


@settings(max_examples=15)
@given(
    steps=st.lists(st.tuples(*[st.integers(0, 6)] * 3).filter(any), min_size=1, max_size=8),
    kept=st.tuples(*[st.integers(0, 20)] * 3),
)
def test_caches_cut_and_continued_lose_nothing(one_base, steps, kept):
    ours, tokens = one_base, some_tokens(3, 64)
    caches = [ours.new_cache() for _ in range(3)]
    for lengths in steps:
        reads = [
            (row[c.length : c.length + n], c)
            for row, c, n in zip(tokens, caches, lengths, strict=True)
            if n
        ]
        ours.next_logits_of(reads)
    for cache, length in zip(caches, kept, strict=True):
        cache.cut(length)
    ends = [cache.length + 2 for cache in caches]
    logits = ours.next_logits_of(
        [(row[c.length : c.length + 2], c) for row, c in zip(tokens, caches, strict=True)]
    )
    expected = [ours(row[None, :end])[0, -1] for row, end in zip(tokens, ends, strict=True)]
    np.testing.assert_allclose(logits, expected, atol=2e-5, rtol=1e-4)


def test_a_batch_of_one_is_the_single_path_bit_for_bit(bases):
    ours, tokens = PretrainedLanguageModel(network_of(bases("llama"))[0]), some_tokens(1, 9)[0]
    alone, batch = ours.new_cache(), ours.new_cache()
    expected = [ours.next_logits(part, alone) for part in (tokens[:4], tokens[4:5])]
    logits = [ours.next_logits_of([(part, batch)])[0] for part in (tokens[:4], tokens[4:5])]
    np.testing.assert_array_equal(logits, expected)


def test_a_batch_changes_nothing_for_who_reads_alone_afterwards(bases):
    network, _, model = network_of(bases("qwen3"))
    ours, tokens = PretrainedLanguageModel(network), some_tokens(1, 9)
    before, attention = ours(tokens), model.config._attn_implementation
    read_in_steps(ours)
    np.testing.assert_array_equal(ours(tokens), before)
    assert model.config._attn_implementation == attention


@pytest.mark.parametrize("n_parts", [1, 2])
def test_an_interrupted_pass_leaves_every_cache_as_it_was(bases, n_parts):
    network, _, _ = network_of(bases("qwen2"))
    ours, tokens = PretrainedLanguageModel(network), some_tokens(n_parts, 12)
    caches = [ours.new_cache() for _ in range(n_parts)]
    ours.next_logits_of([*zip(tokens[:, :5], caches, strict=True)])
    last = network.inner[0].get_decoder().layers[-1]
    hook = last.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        ours.next_logits_of([*zip(tokens[:, 5:8], caches, strict=True)])
    hook.remove()
    assert [cache.length for cache in caches] == [5] * n_parts
    logits = ours.next_logits_of([*zip(tokens[:, 5:9], caches, strict=True)])
    np.testing.assert_allclose(logits, ours(tokens[:, :9])[:, -1], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS_IN_TURN)
def test_an_adapter_and_trained_rows_are_read_in_one_pass(tuned, kind):
    project = tuned(kind)
    bundle = read_folder(run_folder(project.config()).best.parent)
    network = open_network(bundle, project.config(), CPU, torch.bfloat16)
    assert is_adapted(network.model)
    ours = network.float().language_model()  # the adapter beside the weights, compared exactly
    read_in_steps(ours)
    assert ours._can_pack


def test_a_base_in_bf16_is_packed_within_its_rounding(bases):
    ours = PretrainedLanguageModel(network_of(bases("qwen3"))[0].to(torch.bfloat16))
    assert ours._can_pack


def test_a_batch_is_one_pass(bases):
    network, _, _ = network_of(bases("llama"))
    ours, tokens, passes = PretrainedLanguageModel(network), some_tokens(3, 4), []
    assert ours._can_pack
    network.inner[0].get_decoder().register_forward_hook(lambda *_: passes.append(1))
    ours.next_logits_of([(row, ours.new_cache()) for row in tokens])
    assert passes == [1]


def test_the_trial_notices_positions_of_the_row(bases, monkeypatch):
    network, _, _ = network_of(bases("llama"))
    plain = network.hidden
    monkeypatch.setattr(network, "hidden", lambda tokens, cache=None, *_: plain(tokens, cache))
    assert not PretrainedLanguageModel(network)._can_pack


def test_the_trial_notices_keys_of_another_conversation(bases, monkeypatch):
    states = PackedRow.states
    monkeypatch.setattr(PackedRow, "states", lambda row, index: states(row, index)[::-1])
    ours = PretrainedLanguageModel(network_like("llama"))
    assert not ours._can_pack
    monkeypatch.undo()
    read_in_steps(ours)
