"""Bytes are known before training: against what autograd really keeps."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from chatbot.model.gpt.config import GPTConfig
from chatbot.model.gpt.network import GPT, Attention, Dropout
from chatbot.training.batches import Batch
from chatbot.training.gpt import MemoryNeed, memory_need, tokens_at_once
from chatbot.training.loss import MaskedLoss

SHAPE = GPTConfig(
    vocab_size=300, block_size=128, n_layer=3, n_head=4, n_kv_head=4, n_embd=128, n_hidden=320,
    dropout=0.1, rope_theta=10000.0,
)  # fmt: skip
LARGE = GPTConfig(
    vocab_size=16384, block_size=512, n_layer=12, n_head=12, n_kv_head=12, n_embd=768,
    n_hidden=2048, dropout=0.1, rope_theta=10000.0,
)  # fmt: skip


def kept_bytes(shape, dtype, monkeypatch):
    """Bytes a token that the way back needs, weights left out, with the kernels of a GPU."""
    model = GPT(shape)
    model.init_weights(torch.Generator())
    monkeypatch.setattr(Dropout, "forward", lambda self, x: F.dropout(x, self.share, True))
    model.train()
    for module in model.modules():
        if isinstance(module, Attention):
            module.training = False
    n = 8 * shape.block_size
    tokens = np.random.default_rng(0).integers(0, shape.vocab_size, (2, 8, shape.block_size))
    batch = Batch(tokens[0], tokens[1], np.ones_like(tokens[0], dtype=np.float32))
    is_mixed = dtype is not torch.float32
    n_weights = {p.numel() for p in model.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if tensor.numel() not in n_weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", dtype if is_mixed else torch.bfloat16, enabled=is_mixed),
    ):
        MaskedLoss(model)(batch)
    return sum(kept.values()) / n


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("change", [{}, {"n_layer": 5}, {"n_kv_head": 2}, {"n_hidden": 512}])
def test_bytes_of_a_token_are_what_autograd_keeps(dtype, change, monkeypatch):
    shape = dataclasses.replace(SHAPE, **change)
    found = memory_need(shape, dtype).per_token
    assert found == pytest.approx(kept_bytes(shape, dtype, monkeypatch), rel=0.08)


def test_the_largest_size_trains_within_7_gb():
    need = memory_need(LARGE, torch.bfloat16)
    n_tokens = tokens_at_once(need, int(7e9), LARGE.block_size)
    assert n_tokens >= 8 * LARGE.block_size  # rows enough to keep a card busy
    assert need.total(n_tokens) <= 7e9


def test_at_least_a_row_is_computed_at_once():
    assert tokens_at_once(MemoryNeed(10**9, 1000), 10**6, 256) == 256
