"""The loss in chunks is the plain loss, and so are its gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from chatbot.training import loss as loss_module
from chatbot.training.batches import Batch
from chatbot.training.loss import MaskedLoss, token_losses
from tests.model.gpt.networks import make_gpt


def random_batch(seed, rows=3, width=9):
    rng = np.random.default_rng(seed)
    inputs, targets = rng.integers(0, 50, (2, rows, width))
    weights = rng.choice([0.0, 0.3, 1.0], (rows, width)).astype(np.float32)
    weights[0, 0] = 1.0
    return Batch(inputs, targets, weights)


def plain_loss(model, batch):
    logits = model(torch.from_numpy(batch.inputs)).flatten(0, 1)
    losses = F.cross_entropy(logits, torch.from_numpy(batch.targets).flatten(), reduction="none")
    return (losses * torch.from_numpy(batch.weights).flatten()).sum()


@settings(max_examples=20)
@given(st.integers(0, 999), st.sampled_from([1, 200, 600, 10**6]), st.floats(0.1, 3))
def test_chunks_give_the_plain_loss_and_gradients(seed, chunk_bytes, scale):
    model, batch = make_gpt(), random_batch(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss_module, "_CHUNK_BYTES", chunk_bytes)
        found = MaskedLoss(model)(batch)
    wanted = plain_loss(model, batch)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad(found * scale, list(model.parameters()))
    plain = torch.autograd.grad(wanted * scale, list(model.parameters()))
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_the_loss_of_chosen_tokens_is_the_plain_one():
    model, batch = make_gpt(), random_batch(1)
    places = np.flatnonzero(batch.weights)
    losses = token_losses(model, batch, places)
    total = (losses * torch.from_numpy(batch.weights.reshape(-1)[places])).sum()
    torch.testing.assert_close(total, plain_loss(model, batch))


def test_mixed_precision_stays_near_the_plain_loss():
    model, batch = make_gpt(), random_batch(2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = MaskedLoss(model.train())(batch)
    torch.testing.assert_close(found, plain_loss(model, batch), rtol=2e-2, atol=0)
