"""Training in a run's folder: steps, evaluations and checkpoints until the end or a stop."""

import contextlib
import math
from itertools import count
from typing import Any

from msgspec.structs import replace

from chatbot.errors import ChatbotError, CheckpointError
from chatbot.model.device import used_memory
from chatbot.storage.files import require_space
from chatbot.training.checkpoint import checkpoint_bytes, read_checkpoint, restore
from chatbot.training.clock import Clock
from chatbot.training.folder import MEMORY, SPEED, Metrics
from chatbot.training.interface import StopNotice, TrainingHooks
from chatbot.training.loop import (
    EvalResult,
    StepResult,
    averaged,
    evaluate,
    train_steps,
)
from chatbot.training.optimizer import branch_steps, cool_down
from chatbot.training.prepare import PreparedRun
from chatbot.training.record import Record
from chatbot.training.signals import StopSignals

FINISHED = ("done", "early stopping")
_MOST_FAILED_SAVES = 2  # further training could not be saved either
_DISK_SPEED = 1e8  # bytes per second, until a save was timed


def _line(step: int, result: EvalResult) -> Metrics:
    return {"step": step, "val_loss": result.loss, "val_bits_per_byte": result.bits_per_byte}


class _SkippedError(Exception):
    """A second signal: skip the evaluation."""


class Training:
    """Trains a state in a run folder: steps, logs, evaluates and saves until the end or a stop."""

    _hooks: TrainingHooks
    _record: Record
    _clock: Clock
    _signals: StopSignals

    def __init__(self, run: PreparedRun) -> None:
        self._run = run
        self._config, self._plan, self._state = run.config, run.plan, run.state
        self._keeper, self._folder = run.keeper, run.keeper.folder
        self._train, self._val = run.sources
        self._world = run.compute.world
        self._measured: tuple[int, EvalResult] | None = None  # the step of the last evaluation
        self._first_step = run.state.step
        self._saved_step: int | None = None  # in this call
        self._n_failed = 0  # saves in a row

    def run(self, hooks: TrainingHooks) -> str:
        """Train, and return the reason of the end.

        "done", "early stopping", "time is up", "STOP file", "Ctrl+C" or "SIGTERM".
        """
        self._hooks = hooks
        self._record = Record(self._folder, hooks.on_trouble, is_main=self._world.is_main)
        self._require_space()
        self._state.best_loss = self._kept_loss()
        self._record.begin(self._state, self._plan.max_steps, self._config)
        self._measured = self._record.measured
        self._signals = StopSignals(self._answer, is_patient=self._world.size > 1)
        n_batches = self._val.n_in_order(self._config.logging.max_eval_tokens)
        minutes = self._plan.optimization.max_minutes
        self._clock = Clock(
            60 * minutes if minutes else math.inf,
            # Without a backward pass a batch takes a third of the time; a half is a safe bound.
            save_seconds=checkpoint_bytes(self._state) / _DISK_SPEED,
            measurement_steps=n_batches / self._plan.optimization.grad_accum_steps / 2,
        )
        with self._signals, self._record.told_failure():
            self._measure_start()
            reason = self._train_on()
            n_steps = int(self._world.agree(str(self._branch_steps(reason))))
            if n_steps:
                self._cool_down(reason, n_steps)
                self._close(reason)
            else:
                self._finish(reason)
        return reason

    def _require_space(self) -> None:
        """Raise ChatbotError if checkpoints could not be saved."""
        interval = self._plan.snapshot_interval
        n_snapshots = self._plan.max_steps // interval if interval else 0
        if self._world.is_main:
            n_bytes = self._keeper.missing_bytes(self._state, n_snapshots)
            require_space(self._folder.path, n_bytes)

    def _kept_loss(self) -> float:
        """Return the held-out loss of the saved best, infinite for a new run.

        The file decides: a run may have died between saving a best and saving a checkpoint.
        """
        best = self._world.share(self._keeper.best)
        if best is None or best.data_fingerprint != self._run.about.data_fingerprint:
            return math.inf
        is_trained = self._state.step and best.step
        return best.val_loss if is_trained and isinstance(best.val_loss, float) else math.inf

    def _measure_start(self) -> None:
        """Evaluate a pretrained base before step 1, as a baseline.

        It becomes the best only if the run ends without any step, because an adapter without effect
        is no useful model.
        """
        is_due = self._run.measures_start and not self._state.step and self._measured is None
        if not self._world.decide(is_due):
            return
        with contextlib.suppress(_SkippedError), self._clock.measuring():
            result = self._measure()
            self._measured = 0, result
            self._record.log(_line(0, result))
            self._record.note_measurement(result, self._state.best_loss)
            self._show(result)

    def _train_on(self) -> str:
        """Train until there is a reason to stop, and return it."""
        state, settings = self._state, self._plan.optimization
        before = state.seconds
        reason = self._reason()
        self._clock.start_steps(state.step)
        steps = train_steps(state, self._train, settings, self._run.compute)
        while not reason and (result := next(steps, None)):
            state.seconds = before + self._clock.elapsed
            self._after_step(result)
            reason = self._reason()
        return reason or "done"

    def _branch_steps(self, reason: str) -> int:
        """Return how many steps to train with a falling rate before the end; 0 for none."""
        step = self._state.step
        if reason == "STOP file" and self._folder.wants_cooldown():
            return branch_steps(step)
        if reason == "time is up":
            return self._clock.branch_steps(self._wanted_branch())
        return 0

    def _wanted_branch(self) -> int:
        """Return the steps of a branch if there is time; 0 with a constant rate."""
        step = self._state.step
        if self._plan.optimization.lr_schedule == "constant":
            return 0
        return min(branch_steps(step), self._plan.max_steps - step)

    def _cool_down(self, reason: str, n_steps: int) -> None:
        """Train a branch with a falling rate, and keep its weights if they are the best so far.

        The run itself stays at its step and its constant rate, and can be continued (Haegele 2024).
        A signal ends the branch early.
        """
        state = self._state
        if self._world.is_main:
            self._save_latest()
        branched_at = state.step
        self._note("cooling down")
        self._hooks.tell(
            f"cooling down: {n_steps:,} steps with a falling rate; the run stays at step "
            f"{state.step:,} and can be continued from there"
        )
        cooling = cool_down(self._plan.optimization, state.step, n_steps)
        for stepped in train_steps(state, self._train, cooling, self._run.compute):
            self._hooks.on_step(stepped, stepped.loss)
            if self._world.agree(self._signals.reason or ("" if self._clock.free > 0 else "late")):
                break
        self._note("measuring")
        result = self._examine(step=branched_at, branch_step=state.step, end=reason)
        if result and self._world.is_main and result.loss < state.best_loss:
            self._save_best(result)
        best_loss = state.best_loss
        restore(state, self._world.share(lambda: read_checkpoint(self._folder.latest)))
        state.best_loss, self._measured = best_loss, None

    def _reason(self) -> str:
        """Return the reason to stop now, or ""; the main process decides for all."""
        return self._world.agree(self._own_reason() if self._world.is_main else "")

    def _own_reason(self) -> str:
        if self._signals.reason:
            return self._signals.reason
        patience = self._plan.optimization.patience
        if patience and self._state.n_stale >= patience:
            return "early stopping"
        step, max_steps = self._state.step, self._plan.max_steps
        if step < max_steps and self._clock.must_end(step, max_steps, self._wanted_branch()):
            return "time is up"
        return "STOP file" if self._folder.stop_file.exists() else ""

    def _after_step(self, result: StepResult) -> None:
        logging, plan, step = self._config.logging, self._plan, result.step
        is_last = step == plan.max_steps
        logs = step % logging.log_interval == 0
        evaluates = step % plan.eval_interval == 0 or is_last
        snapshots = bool(plan.snapshot_interval) and step % plan.snapshot_interval == 0
        saves = step % plan.save_interval == 0 or is_last
        if logs or evaluates or snapshots or saves:
            self._record.status.loss = result.loss  # reading raises an error if it is not finite
            self._clock.note_steps(step)
        self._record.note_progress(result, self._state, self._clock.left)
        self._hooks.on_step(result, self._record.status.loss)
        if logs:
            metrics = {"loss": result.loss, "grad_norm": result.grad_norm}
            metrics |= {SPEED: self._record.status.tokens_per_second, MEMORY: self._memory_mb()}
            self._record.log({"step": step, "learning_rate": result.learning_rate, **metrics})
            self._record.write_status()
        if evaluates:
            self._evaluate()
        if snapshots:
            self._record.attempt(self._keeper.keep_snapshot, self._state, self._run.about)
        if saves:
            self._save_or_count()
        if evaluates or snapshots or saves:
            self._clock.start_steps(step)

    def _memory_mb(self) -> float:
        return used_memory(self._run.compute.device) / 1e6

    def _evaluate(self) -> None:
        """Evaluate as planned; early stopping counts only these evaluations."""
        state = self._state
        result = self._examine()
        if result is None:
            return
        is_better = result.loss < state.scheduled_best
        state.n_stale = 0 if is_better else state.n_stale + 1
        state.scheduled_best = min(state.scheduled_best, result.loss)

    def _examine(self, **note: Any) -> EvalResult | None:
        """Evaluate, log with a note, show, and keep the state if it is the best so far.

        Returns None if a signal skipped it.
        """
        state = self._state
        try:
            with self._clock.measuring():
                result = self._measure()
                self._measured = state.step, result
                self._record.log({**_line(state.step, result), **note})
                if result.loss < state.best_loss:
                    self._record.attempt(self._save_best, result)
                self._record.note_measurement(result, state.best_loss)
                self._show(result)
        except _SkippedError:
            return None
        return result

    def _answer(self, n_signals: int) -> None:
        """Report the effect of a signal at once."""
        if self._world.is_main:
            seconds, step = self._clock.end_seconds, self._state.step
            self._hooks.on_signal(StopNotice(n_signals, seconds, step, self._continues_at))

    def _show(self, result: EvalResult) -> None:
        """Show an evaluation with a sample reply, and save the reply."""
        if self._world.is_main:
            sample = "" if self._signals.skips_measurement else self._sample()
            self._record.keep_sample(self._state.step, sample)
            self._hooks.on_eval(self._state.step, result, sample)

    def _sample(self) -> str:
        with averaged(self._state) as network:
            return self._hooks.sample(network)

    def _measure(self) -> EvalResult:
        limit, done = self._config.logging.max_eval_tokens, count()
        total = -(-self._val.n_in_order(limit) // self._world.size)

        def on_batch() -> None:
            if self._signals.skips_measurement:
                raise _SkippedError
            self._hooks.on_measure(next(done), total)

        with averaged(self._state) as network:
            result = evaluate(
                network, self._val, self._run.tokenizer, self._run.compute, limit, on_batch
            )
            if self._run.judge is not None:
                result = self._run.judge(network, result)
        self._hooks.on_measure(total, total)
        return result

    @property
    def _continues_at(self) -> int:
        """The step of the newest checkpoint on the disk."""
        return self._first_step if self._saved_step is None else self._saved_step

    def _save_or_count(self) -> None:
        """Save; raises CheckpointError if that fails several times in succession."""
        is_saved = self._record.attempt(self._save_latest)
        self._n_failed = 0 if is_saved or not self._world.is_main else self._n_failed + 1
        if self._n_failed >= _MOST_FAILED_SAVES:
            raise CheckpointError(
                f"{self._n_failed} saves in a row failed, the last at step {self._state.step:,}",
                hint=f"free some disk space; `chatbot train` continues at step "
                f"{self._continues_at:,}",
            )

    def _save_latest(self) -> None:
        with self._clock.saving():
            self._keeper.keep_latest(self._state, self._run.about)
        self._saved_step = self._state.step

    def _save_best(self, result: EvalResult) -> None:
        about = replace(
            self._run.about,
            step=self._state.step,
            val_loss=result.loss,
            val_bits_per_byte=result.bits_per_byte,
        )
        before, self._state.best_loss = self._state.best_loss, result.loss
        try:
            self._keeper.keep_best(self._state, about)
        except ChatbotError:
            self._state.best_loss = before
            raise

    def _finish(self, reason: str) -> None:
        """Save, so that the same command continues; then report how it ended.

        Saving comes first, because an impatient user interrupts the evaluation.
        """
        if self._world.is_main and self._saved_step != self._state.step:
            self._save_latest()
        self._examine_end(reason)
        self._close(reason)

    def _examine_end(self, reason: str) -> None:
        """Evaluate the last step, unless done already; a better state must be saved."""
        measured = self._measured
        is_measured = measured is not None and measured[0] == self._state.step
        if not self._world.decide(is_measured):
            self._note("measuring")
            self._examine(end=reason)
        if self._measured and self._world.is_main:
            result = self._measured[1]
            if result.loss < self._state.best_loss:  # it could not be saved: raise the reason
                self._save_best(result)
            self._record.note_measurement(result, self._state.best_loss)

    def _note(self, activity: str) -> None:
        self._record.status.reason = activity
        self._record.write_status()

    def _close(self, reason: str) -> None:
        """Write the final status."""
        if not self._world.is_main:
            return
        status, is_done = self._record.status, reason in FINISHED
        status.state, status.reason = "finished" if is_done else "stopped", reason
        status.seconds_left = 0.0 if is_done else status.seconds_left
        self._folder.write_status(status)
        self._folder.stop_file.unlink(missing_ok=True)
