"""Runs of a tiny network in this process, with what happened in them."""

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

from chatbot.corpus.store import open_corpus
from chatbot.training.checkpoint import read_checkpoint
from chatbot.training.families import run_folder
from chatbot.training.folder import RunFolder, read_metrics
from chatbot.training.interface import Listener
from chatbot.training.prepare import prepare
from chatbot.training.run import Training


@dataclass
class Events:
    """What a listener heard, in order."""

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


def train(project, *overrides, on_step=lambda _folder, _step: None, **listeners):
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
    reason = run.training.run(Listener(**parts | listeners))
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
