"""A run that knows its time ends inside it: the rate falls, the end is measured, the run goes on."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.training import clock
from chatbot.training.checkpoint import read_checkpoint
from chatbot.training.clock import Clock
from chatbot.training.folder import read_metrics
from tests.training.runs import assert_best_is_consistent, assert_equal, content, prepared, train

LONG = ("optimization.max_steps=200", "logging.eval_interval=500", "logging.save_interval=500",
        "optimization.warmup_steps=2", "logging.snapshot_interval=0")  # fmt: skip


class FakeTime:
    """Seconds that pass where the test says so."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)

    def pass_on(self, seconds):
        self.now += seconds


@pytest.fixture
def fake_time(monkeypatch):
    return FakeTime(monkeypatch)


def train_for(fake_time, project, minutes, *overrides, step=1.0, batch=0.4):
    """Train with steps and batches of a measurement that take so many seconds."""
    return train(
        project, *LONG, f"optimization.max_minutes={minutes}", *overrides,
        on_step=lambda _folder, _step: fake_time.pass_on(step),
        on_measure=lambda done, _total: fake_time.pass_on(batch if done else 0),
    )  # fmt: skip


def test_the_rate_falls_and_the_end_is_measured_inside_the_limit(fake_time, processed):
    reason, folder, events = train_for(fake_time, processed, 1)
    assert reason == "time is up" and fake_time.now <= 160
    line = read_metrics(folder)[-1]
    assert line["end"] == "time is up"
    n_branch = line["branch_step"] - line["step"]
    rates = [result.learning_rate for result in events.steps[-n_branch:]]
    assert n_branch >= 5 and rates == sorted(rates, reverse=True) and rates[-1] < rates[0] / 2
    assert len(events.steps) >= 0.7 * 60
    assert_best_is_consistent(folder, prepared(processed).made.keeper)


@pytest.mark.parametrize(
    ("minutes", "step", "batch"),
    [pytest.param(0.25, 0.1, 0.02, marks=pytest.mark.slow), (1, 3.0, 1.0), (1, 1.0, 0.1)],
)
def test_a_run_that_was_never_measured_still_ends_inside_the_limit(
    fake_time, processed, minutes, step, batch
):
    _, folder, _ = train_for(fake_time, processed, minutes, step=step, batch=batch)
    assert fake_time.now <= 100 + 60 * minutes + 0.01
    assert folder.read_status().val_loss is not None


@pytest.mark.parametrize("batch", [1.0, 6.0])
def test_measurements_are_planned_with_what_they_took(fake_time, processed, batch):
    often = "logging.eval_interval=8"
    reason, folder, _ = train_for(fake_time, processed, 1, often, batch=batch)
    assert reason == "time is up" and fake_time.now <= 160 + 0.01
    assert folder.read_status().val_loss is not None


@pytest.mark.slow
def test_the_limit_counts_this_call_alone(fake_time, processed):
    counts = []
    for _ in range(3):
        _, folder, events = train_for(fake_time, processed, 0.5)
        counts.append(len(events.steps))
    assert min(counts) >= 0.6 * 30
    assert folder.read_status().trained_seconds > 30


def test_time_left_respects_the_limit(fake_time, processed):
    left = []

    def on_step(folder, step):
        fake_time.pass_on(1.0)
        if step > 1:
            left.append((folder.read_status().seconds_left, 160 - fake_time.now))

    train(processed, *LONG, "optimization.max_minutes=1", on_step=on_step)
    assert left and all(told <= really + 3 for told, really in left)


def test_a_run_that_ends_in_time_follows_its_own_schedule(fake_time, processed):
    short = ("optimization.max_steps=12", "logging.eval_interval=4")
    reason, folder, _ = train_for(fake_time, processed, 5, *short)
    limited = content(folder)
    assert reason == "done"
    other = processed.config("run_name=other")
    _, folder, _ = train(processed, *LONG, *short, "run_name=other")
    assert folder.path == other.run_dir
    assert_equal(content(folder), limited)


@pytest.mark.slow
def test_a_branch_leaves_the_run_as_one_that_was_never_limited(fake_time, processed):
    short = ("optimization.max_steps=40",)
    _, folder, _ = train_for(fake_time, processed, 0.4, *short)
    assert 5 < read_checkpoint(folder.latest).step < 30
    train(processed, *LONG, *short)
    limited = content(folder)
    _, folder, _ = train(processed, *LONG, *short, "run_name=other")
    assert_equal(content(folder), limited)


@pytest.mark.slow
def test_a_constant_rate_stays_constant_and_its_end_is_measured(fake_time, processed):
    _, folder, events = train_for(fake_time, processed, 1, "optimization.lr_schedule=constant")
    assert "branch_step" not in read_metrics(folder)[-1] and fake_time.now <= 160
    assert len({result.learning_rate for result in events.steps[2:]}) == 1


@given(
    st.floats(1, 1e5), st.floats(1e-3, 1e3), st.floats(0, 1e4), st.integers(1, 10**5),
    st.integers(1, 10**4),
)  # fmt: skip
def test_a_branch_is_never_longer_than_the_time_for_it(limit, step, measure, left, wanted):
    time = Clock(limit, step_seconds=step, measure_seconds=measure)
    n_steps = time.branch_steps(wanted)
    assert 0 <= n_steps <= wanted and n_steps * step <= max(0.0, time.free) + 1e-6
    assert n_steps * step <= limit / 4
    assert Clock(step_seconds=step).must_end(1, left + 1, wanted) is False
    assert Clock(step_seconds=step).free == math.inf
