"""Optimizer and schedule."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chatbot.training.optimizer import build_optimizers, learning_rate, orthogonalize
from chatbot.training.recipe import Recipe, with_steps
from tests.model.gpt.networks import make_gpt


def optimization(**settings):
    """Settings of a run of a thousand steps."""
    numbers = {"learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 8, "max_epochs": 1.0}
    return with_steps(Recipe(**{**numbers, **settings}), 1000)


@given(
    st.integers(2, 24),
    st.integers(2, 24),
    st.integers(0, 99),
    st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_orthogonalized_matrices_have_singular_values_near_one(rows, columns, seed, dtype):
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    before = torch.linalg.svdvals(matrix)
    values = torch.linalg.svdvals(orthogonalize(matrix[None], dtype)[0].float())
    # Five steps lift what is not vanishingly small beside the largest.
    kept = values[before > 0.02 * before[0] * min(rows, columns) ** 0.5]
    assert kept.min() > 0.3 and values.max() < 1.3


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_every_parameter_is_trained_by_exactly_one_optimizer(name):
    model = make_gpt()
    settings = optimization(optimizer=name, learning_rate=1e-3, weight_decay=0.1)
    optimizers = build_optimizers(model, settings, torch.float32)
    held = [id(p) for o in optimizers for group in o.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())


@given(st.sampled_from(["constant", "cosine", "wsd"]), st.integers(0, 999))
def test_rate_warms_up_and_stays_between_its_bounds(schedule, step):
    settings = optimization(lr_schedule=schedule, warmup_steps=10, learning_rate=1.0, min_lr=0.1)
    rate = learning_rate(step, settings)
    assert 0.1 <= rate <= 1.0
    assert step >= 10 or rate == pytest.approx((step + 1) / 10)


def test_schedules_end_where_they_should():
    for schedule, end in (("constant", 1.0), ("cosine", 0.0), ("wsd", 0.0)):
        settings = optimization(lr_schedule=schedule, learning_rate=1.0)
        assert learning_rate(1000, settings) == pytest.approx(end, abs=1e-6)
    fixed = optimization(lr_schedule="wsd", learning_rate=1.0, lr_decay_steps=100)
    assert learning_rate(899, fixed) == 1.0 > learning_rate(950, fixed)
