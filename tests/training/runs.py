"""Runs of a tiny network in this process, with what happened in them."""

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import torch

from chatbot.corpus.store import open_corpus
from chatbot.training.checkpoint import read_checkpoint
from chatbot.training.families import run_folder
from chatbot.training.folder import MEMORY, SPEED, RunFolder, read_metrics
from chatbot.training.interface import TrainingHooks
from chatbot.training.prepare import prepare
from chatbot.training.run import Training

N_STEPS = 12  # of tests.conftest.TINY


@dataclass
class Events:
    """What the hooks heard, in order."""

    steps: list = field(default_factory=list)
    evals: list = field(default_factory=list)
    troubles: list = field(default_factory=list)
    measured: list = field(default_factory=list)
    told: list = field(default_factory=list)
    signals: list = field(default_factory=list)


def prepared(project, *overrides) -> SimpleNamespace:
    """A run ready to train: its parts, its folder."""
    config = project.config(*overrides)
    folder = run_folder(config)
    folder.path.mkdir(parents=True, exist_ok=True)
    corpus = open_corpus(config.processed_dir)
    made = prepare(config, corpus, folder)
    return SimpleNamespace(folder=folder, made=made, training=Training(made))


def train(project, *overrides, on_step=lambda _folder, _step: None, **more):
    """Train; return the reason, the folder, and what was heard."""
    run, events = prepared(project, *overrides), Events()

    def step_done(result, _loss):
        events.steps.append(result)
        on_step(run.folder, result.step)

    parts = {
        "on_step": step_done,
        "on_eval": lambda step, result, _sample: events.evals.append((step, result)),
        "on_trouble": events.troubles.append,
        "sample": lambda _network: "x",
        "on_measure": lambda done, total: events.measured.append((done, total)),
        "tell": events.told.append,
        "on_signal": events.signals.append,
    }
    reason = run.training.run(TrainingHooks(**parts | more))
    return reason, run.folder, events


def stop_at(step, word=""):
    """Write the STOP file at a step."""

    def on_step(folder: RunFolder, now: int) -> None:
        if now == step:
            folder.stop_file.write_text(word)

    return on_step


def losses(folder: RunFolder) -> list[float]:
    """Every held-out loss of a run that counts for its best: all but that of the untouched base."""
    return [
        line["val_loss"] for line in read_metrics(folder) if line.get("val_loss") and line["step"]
    ]


def assert_best_is_consistent(folder: RunFolder, keeper) -> None:
    """The best file, the status and the metrics tell the same best."""
    best, status = keeper.best(), folder.read_status()
    assert best.val_loss == status.best_loss == min(losses(folder))
    assert read_checkpoint(folder.best).step == best.step
    assert math.isfinite(status.val_loss)


def numbers_of(folder):
    """The logged numbers that do not depend on the machine."""
    return [
        {name: value for name, value in line.items() if name not in (SPEED, MEMORY)}
        for line in read_metrics(folder)
    ]


def content(folder):
    """All that must be equal: weights, average, optimizers, position, logged numbers.

    Not the best: every stop is measured too, and may be better than what was measured as planned.
    """
    payload = read_checkpoint(folder.latest)
    kept = {k: v for k, v in vars(payload).items() if k not in ("seconds", "about", "best_loss")}
    return kept, [line for line in numbers_of(folder) if "end" not in line]


def assert_equal(one, two):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    elif isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_equal(one[key], two[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_equal(a, b)
    else:
        assert one == two


def train_until(
    project, *overrides, until=N_STEPS, on_trouble=lambda error: pytest.fail(str(error))
):
    """Train as the command does, but end before step `until` + 1 by the STOP file."""
    config = project.config("model.dropout=0.2", "optimization.grad_accum_steps=2", *overrides)
    folder = RunFolder(config.run_dir)
    folder.path.mkdir(parents=True, exist_ok=True)
    corpus = open_corpus(config.processed_dir)
    made = prepare(config, corpus, folder, None)

    def on_step(result, _loss):
        if result.step >= until:
            folder.stop_file.touch()

    hooks = TrainingHooks(on_step, lambda *_: None, on_trouble, lambda gpt: "x")
    Training(made).run(hooks)
    return folder
