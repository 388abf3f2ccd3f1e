"""The loss of preferences is DPO's, its batches hold whole pairs, and training moves replies."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from chatbot.training.batches import Batch
from chatbot.training.loop import Compute
from chatbot.training.preferences import (
    MixedSource,
    PairSource,
    PreferenceLoss,
    TokenPair,
    pair_batch,
    pair_log_probabilities,
    pair_losses,
)
from tests.model.gpt.networks import make_gpt

CPU = Compute(torch.device("cpu"), torch.float32, 0)
token_lists = st.lists(st.integers(0, 49), min_size=1, max_size=6)
pairs_of_tokens = st.lists(
    st.builds(TokenPair, token_lists, token_lists, token_lists), min_size=1, max_size=5
)


def plain_log_probability(model, prompt, reply):
    whole = torch.tensor([[*prompt, *reply]])
    likely = F.log_softmax(model(whole)[0, :-1], dim=-1).gather(1, whole[0, 1:, None])
    return likely[len(prompt) - 1 :].sum()


def plain_loss(model, pairs, reference, beta):
    total = 0.0
    for pair, (chosen, rejected) in zip(pairs, reference, strict=True):
        likely = plain_log_probability(model, pair.prompt, pair.chosen)
        other = plain_log_probability(model, pair.prompt, pair.rejected)
        odds = beta * ((likely - chosen) - (other - rejected))
        total = total + torch.log1p(torch.exp(-odds))
    return total


def drawn(n_pairs, seed=0):
    rng = np.random.default_rng(seed)
    return [TokenPair(*rng.integers(0, 50, (3, 5)).tolist()) for _ in range(n_pairs)]


@settings(max_examples=15)
@given(pairs_of_tokens, st.floats(0.01, 2))
def test_loss_and_gradient_are_those_of_the_formula(pairs, beta):
    model = make_gpt()
    reference = np.random.default_rng(0).normal(-20, 3, (len(pairs), 2))
    loss = PreferenceLoss(model, beta)(pair_batch(pairs, reference, pad=0))
    formula = plain_loss(model, pairs, reference, beta)
    torch.testing.assert_close(loss, formula, rtol=1e-4, atol=1e-4)
    ours = torch.autograd.grad(loss, list(model.parameters()))
    plain = torch.autograd.grad(formula, list(model.parameters()))
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_gradient_is_that_of_finite_differences():
    likely = torch.tensor([[-3.0, -4.0], [-9.0, -2.0]], dtype=torch.float64, requires_grad=True)
    reference = torch.tensor([[-3.5, -4.0], [-5.0, -2.5]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: pair_losses(x, reference, 0.3), likely)


@given(pairs_of_tokens, st.integers(1, 4), st.integers(1, 60))
def test_shares_are_whole_pairs_each_once(pairs, size, max_tokens):
    reference = np.arange(2.0 * len(pairs)).reshape(-1, 2)
    batch = pair_batch(pairs, reference, pad=0)
    parts = [part for rank in range(size) for part in batch.share(rank, size, max_tokens)]
    weighed = [part.reference[part.pair_weights > 0] for part in parts]
    assert sorted(np.concatenate(weighed)[:, 0].tolist()) == reference[:, 0].tolist()
    assert sum(part.total_weight for part in parts) == batch.total_weight == len(pairs)
    for part in parts:
        assert len(part.rows.inputs) == 2 * len(part.reference)


def test_pairs_come_in_another_order_in_every_epoch_and_each_once():
    source = PairSource(drawn(20), np.arange(40.0).reshape(-1, 2), pad=0, seed=3)
    epochs = [
        np.concatenate([source.batch(epoch, i).reference[:, 0] for i in range(3)])
        for epoch in (0, 0, 1)
    ]
    assert source.n_batches(0) == 3
    assert (epochs[0] == epochs[1]).all() and (epochs[0] != epochs[2]).any()
    assert sorted(epochs[0]) == sorted(epochs[2])


@given(st.integers(1, 3), st.floats(0.1, 3))
def test_replayed_sessions_have_their_weight_beside_the_pairs(epoch, weight):
    class Sessions:
        def n_batches(self, _epoch):
            return 2

        def batch(self, epoch, index):
            tokens = np.full((2, 4), 10 * epoch + index)
            return Batch(tokens, tokens, np.array([[0, 0.5, 1, 1]] * 2, dtype=np.float32))

    pairs = PairSource(drawn(20), np.zeros((20, 2)), pad=0)
    mixed = [MixedSource(pairs, Sessions(), weight).batch(epoch, index) for index in range(3)]
    for batch in mixed:
        of_sessions = sum(part.total_weight for part in batch.share(0, 1, 4)[-2:])
        assert of_sessions == pytest.approx(weight * batch.total_weight, rel=1e-5)
    places = [int(batch.sessions.inputs[0, 0]) for batch in mixed]
    assert places == [10 * (i // 2) + i % 2 for i in range(3 * epoch, 3 * epoch + 3)]


def test_the_reference_itself_has_the_loss_of_a_coin():
    model, pairs = make_gpt(), drawn(3)
    source = PairSource(pairs, np.zeros((3, 2)), pad=0)
    reference = pair_log_probabilities(model, source, CPU)
    loss = PreferenceLoss(model, 0.1)(pair_batch(pairs, reference, pad=0))
    assert float(loss.detach()) == pytest.approx(3 * math.log(2), abs=1e-5)
    for pair, likely in zip(pairs, reference, strict=True):
        plain = plain_log_probability(model, pair.prompt, pair.rejected)
        assert likely[1] == pytest.approx(float(plain.detach()), abs=1e-4)


def test_a_step_makes_chosen_replies_likelier_than_rejected_ones():
    model, pairs = make_gpt(), drawn(4)
    source = PairSource(pairs, np.zeros((4, 2)), pad=0)
    before = pair_log_probabilities(model, source, CPU)
    loss = PreferenceLoss(model, 0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    loss(pair_batch(pairs, before, pad=0)).backward()
    optimizer.step()
    moved = pair_log_probabilities(model, source, CPU) - before
    assert moved[:, 0].mean() > 0 > moved[:, 1].mean()
