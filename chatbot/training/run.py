"""Training in a run's folder: steps, logs, evaluation, checkpoints, until done or stopped."""

import contextlib
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import msgspec

from chatbot import run_files
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import ChatbotError
from chatbot.model.network import Network
from chatbot.settings import Config
from chatbot.storage.files import explained, write_bytes
from chatbot.training.batches import BatchSource
from chatbot.training.checkpoint import read_checkpoint, restore
from chatbot.training.folder import RunFolder, Status, cut_metrics, read_metrics
from chatbot.training.loop import (
    Compute,
    EvalResult,
    StepResult,
    TrainState,
    averaged,
    evaluate,
    train_steps,
)
from chatbot.training.optimizer import cool_down


@dataclass
class StopSignals:
    """Turns the first Ctrl+C or SIGTERM into a wish to stop; the second acts at once.

    Under torchrun a Ctrl+C arrives twice, from the terminal and from it: there none acts at once.
    """

    is_patient: bool = False
    reason: str = ""
    _before: dict[int, Any] = field(default_factory=dict)

    def __enter__(self) -> "StopSignals":
        """Listen."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._restore()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.reason = "Ctrl+C" if number == signal.SIGINT else "SIGTERM"
        if not self.is_patient:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()


@dataclass(frozen=True)
class Plan:
    """Steps of a run, with everything `auto` resolved."""

    max_steps: int
    n_epochs: float
    eval_interval: int
    save_interval: int
    about: dict[str, Any]


class Keeper(Protocol):
    """Writes a state to the files of a run, each whole or not there."""

    @property
    def folder(self) -> RunFolder:
        """The run's folder."""

    def keep_latest(self, state: TrainState, about: dict[str, Any]) -> None:
        """Write what the same command continues from."""

    def keep_snapshot(self, state: TrainState, about: dict[str, Any]) -> None:
        """Write one of the checkpoints along the way."""

    def keep_best(self, state: TrainState, about: dict[str, Any]) -> None:
        """Write the best so far: what replies."""


@dataclass(frozen=True)
class Listener:
    """What the command wants to hear and to add."""

    on_step: Callable[[StepResult, float | None], None]  # with the last loss that was read
    on_eval: Callable[[int, EvalResult, str], None]
    on_trouble: Callable[[ChatbotError], None]
    sample: Callable[[Network], str]


SILENT = Listener(
    on_step=lambda _result, _loss: None,
    on_eval=lambda _step, _found, _sample: None,
    on_trouble=lambda _error: None,
    sample=lambda _gpt: "",
)


class Training:
    """Trains one state in one folder: steps, logs, evaluates, saves, until done or stopped."""

    def __init__(
        self,
        keeper: Keeper,
        config: Config,
        state: TrainState,
        sources: tuple[BatchSource, BatchSource],
        tokenizer: Tokenizer,
        compute: Compute,
    ) -> None:
        self._folder = keeper.folder
        self._keeper = keeper
        self._config = config
        self._state = state
        self._train, self._val = sources
        self._tokenizer = tokenizer
        self._compute = compute
        self._world = compute.world
        self._status = Status()

    def run(self, plan: Plan, listener: Listener) -> str:
        """Train; return why it ended.

        "done", "learned out", "time is up", "STOP file", "Ctrl+C" or "SIGTERM".
        """
        state, settings = self._state, self._config.optimization
        self._prepare(plan)
        with StopSignals(is_patient=self._world.size > 1) as signals, self._told_failure():
            began, before = time.monotonic(), state.seconds
            reason = self._reason(signals)
            steps = train_steps(state, self._train, settings, self._compute, plan.max_steps)
            while not reason and (result := next(steps, None)):
                state.seconds = before + time.monotonic() - began
                self._after_step(result, plan, listener)
                reason = self._reason(signals)
            reason = reason or "done"
            if reason == "STOP file" and self._world.decide(self._folder.wants_cooldown()):
                self._cool_down(plan, listener, signals)
            self._finish(plan, reason)
        return reason

    def _cool_down(self, plan: Plan, listener: Listener, signals: StopSignals) -> None:
        """Train a branch on with a falling rate, keep its weights if they are the best so far.

        The run itself stays where it was, at its constant rate, and can be continued (Haegele
        2024). A signal ends the branch early.
        """
        state, settings = self._state, self._config.optimization
        if self._world.is_main:
            self._save_latest(plan)
        cooling, end = cool_down(settings, state.step, plan.max_steps)
        for result in train_steps(state, self._train, cooling, self._compute, end):
            listener.on_step(result, result.loss)
            if self._world.agree(signals.reason):
                break
        found = self._measure()
        self._tell(listener, found)
        is_best = found.loss < state.best_loss and self._guarded(
            listener, self._save_best, plan, found
        )
        restore(state, self._world.share(lambda: read_checkpoint(self._folder.latest)))
        if is_best:
            state.best_loss = self._status.best_loss = found.loss

    @contextlib.contextmanager
    def _told_failure(self) -> Iterator[None]:
        """Leave the reason in status.json, if that can still be written."""
        try:
            yield
        except ChatbotError as error:
            self._status.state, self._status.reason = "failed", str(error)
            if not self._world.is_main:
                raise
            with contextlib.suppress(ChatbotError, OSError):
                self._folder.write_status(self._status)
            raise

    def _prepare(self, plan: Plan) -> None:
        status, state = self._status, self._state
        if not self._world.is_main:
            return
        cut_metrics(self._folder.metrics, state.step)
        status.state, status.step, status.max_steps = "running", state.step, plan.max_steps
        status.pid, status.epoch, status.trained_seconds = os.getpid(), state.epoch, state.seconds
        for metrics in read_metrics(self._folder):  # what was known when it ended
            status.loss = metrics.get("loss", status.loss)
            status.val_loss = metrics.get("val_loss", status.val_loss)
            status.val_bits_per_byte = metrics.get("val_bits_per_byte", status.val_bits_per_byte)
        status.best_loss = state.best_loss if math.isfinite(state.best_loss) else None
        self._folder.write_status(status)
        write_bytes(
            self._folder.path / run_files.SETTINGS, msgspec.yaml.encode(_shown(self._config))
        )

    def _reason(self, signals: StopSignals) -> str:
        """Return why to stop now, "" for going on; the main process decides for all."""
        return self._world.agree(self._own_reason(signals) if self._world.is_main else "")

    def _own_reason(self, signals: StopSignals) -> str:
        if signals.reason:
            return signals.reason
        patience = self._config.optimization.patience
        if patience and self._state.n_stale >= patience:
            return "learned out"
        limit = self._config.optimization.max_minutes
        if limit and self._state.seconds >= 60 * limit:
            return "time is up"
        return "STOP file" if self._folder.stop_file.exists() else ""

    def _after_step(self, result: StepResult, plan: Plan, listener: Listener) -> None:
        logging, step = self._config.logging, result.step
        is_last = step == plan.max_steps
        logs = step % logging.log_interval == 0
        evaluates = step % plan.eval_interval == 0 or is_last
        snapshots = bool(logging.snapshot_interval) and step % logging.snapshot_interval == 0
        saves = step % plan.save_interval == 0 or is_last
        if logs or evaluates or snapshots or saves:
            self._status.loss = result.loss  # reading refuses to go on with what is not finite
        self._note_progress(result, plan)
        listener.on_step(result, self._status.loss)
        if logs:
            metrics = {"loss": result.loss, "grad_norm": result.grad_norm}
            metrics = {"step": step, "learning_rate": result.learning_rate, **metrics}
            self._guarded(listener, self._log, metrics)
            self._guarded(listener, self._folder.write_status, self._status)
        if evaluates:
            self._evaluate(plan, listener)
        if snapshots:
            self._guarded(listener, self._save_snapshot, plan)
        if saves:
            self._guarded(listener, self._save_latest, plan)

    def _note_progress(self, result: StepResult, plan: Plan) -> None:
        status, state = self._status, self._state
        seconds = state.seconds - status.trained_seconds
        rate = result.n_tokens / max(seconds, 1e-9)
        known = status.tokens_per_second
        status.tokens_per_second = 0.9 * known + 0.1 * rate if known else rate
        status.step, status.epoch = state.step, state.epoch
        status.trained_seconds = state.seconds
        left = plan.max_steps - state.step
        status.seconds_left = left * result.n_tokens / max(status.tokens_per_second, 1e-9)

    def _evaluate(self, plan: Plan, listener: Listener) -> None:
        state, status = self._state, self._status
        found = self._measure()
        metrics = {"val_loss": found.loss, "val_bits_per_byte": found.bits_per_byte}
        self._guarded(listener, self._log, {"step": state.step, **metrics})
        is_better = found.loss < state.best_loss
        state.n_stale = 0 if is_better else state.n_stale + 1
        if is_better and self._guarded(listener, self._save_best, plan, found):
            state.best_loss = found.loss
        status.val_loss, status.val_bits_per_byte = found.loss, found.bits_per_byte
        status.best_loss = state.best_loss
        self._guarded(listener, self._folder.write_status, status)
        self._tell(listener, found)

    def _tell(self, listener: Listener, found: EvalResult) -> None:
        """Show a measurement with a sample reply, and keep the reply."""
        if self._world.is_main:
            with averaged(self._state) as network:
                sample = listener.sample(network)
            line = f"step {self._state.step}: {sample}\n"
            self._guarded(listener, _append, self._folder.samples, line)
            listener.on_eval(self._state.step, found, sample)

    def _measure(self) -> EvalResult:
        limit = self._config.logging.max_eval_tokens
        with averaged(self._state) as network:
            return evaluate(network, self._val, self._tokenizer, self._compute, limit)

    def _guarded(self, listener: Listener, save: Callable[..., None], *args: Any) -> bool:
        """Write, in the main process alone; go on training when that fails (a full disk)."""
        if not self._world.is_main:
            return False
        try:
            save(*args)
        except ChatbotError as error:
            listener.on_trouble(error)
            return False
        return True

    def _save_latest(self, plan: Plan) -> None:
        self._keeper.keep_latest(self._state, plan.about)

    def _save_snapshot(self, plan: Plan) -> None:
        self._keeper.keep_snapshot(self._state, plan.about)

    def _save_best(self, plan: Plan, found: EvalResult) -> None:
        about = {
            **plan.about,
            "step": self._state.step,
            "val_loss": found.loss,
            "val_bits_per_byte": found.bits_per_byte,
        }
        self._keeper.keep_best(self._state, about)

    def _finish(self, plan: Plan, reason: str) -> None:
        """Save, so that the same command continues; then say how it ended."""
        status = self._status
        is_measured = self._folder.model.exists()
        if not self._world.decide(is_measured):
            found = self._measure()  # stopped before its first evaluation
            if self._world.is_main:
                self._save_best(plan, found)
        if not self._world.is_main:
            return
        self._save_latest(plan)
        is_done = reason in ("done", "learned out")
        status.state, status.reason = "finished" if is_done else "stopped", reason
        status.seconds_left = 0.0 if is_done else status.seconds_left
        self._folder.write_status(status)
        self._folder.stop_file.unlink(missing_ok=True)

    def _log(self, metrics: dict[str, Any]) -> None:
        _append(self._folder.metrics, json.dumps(metrics) + "\n")


def _append(path: Path, line: str) -> None:
    with explained(path), path.open("a", encoding="utf-8") as file:
        file.write(line)


def _shown(config: Config) -> dict[str, Any]:
    """The settings of a run without the names that some of them hold."""
    settings = msgspec.to_builtins(config)
    del settings["root"], settings["raw"], settings["processed"]["rooms"]
    del settings["processed"]["preprocess"]["persona"]
    del settings["processed"]["preprocess"]["mask_names"], settings["dialogue"]["speak_as"]
    return dict(settings)
