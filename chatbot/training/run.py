"""Training in a run's folder: steps, evaluation, checkpoints, until done or stopped."""

import time

from chatbot.corpus.tokenizer import Tokenizer
from chatbot.settings import Config
from chatbot.training.batches import BatchSource
from chatbot.training.checkpoint import read_checkpoint, restore
from chatbot.training.interface import Keeper, Listener, Plan
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
from chatbot.training.record import Record
from chatbot.training.signals import StopSignals


class Training:
    """Trains one state in one folder: steps, logs, evaluates, saves, until done or stopped."""

    _plan: Plan
    _listener: Listener
    _record: Record
    _signals: StopSignals

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

    def run(self, plan: Plan, listener: Listener) -> str:
        """Train; return why it ended.

        "done", "learned out", "time is up", "STOP file", "Ctrl+C" or "SIGTERM".
        """
        self._plan, self._listener = plan, listener
        self._record = Record(self._folder, listener.on_trouble, is_main=self._world.is_main)
        self._record.begin(self._state, plan.max_steps, self._config)
        self._signals = StopSignals(is_patient=self._world.size > 1)
        with self._signals, self._record.told_failure():
            reason = self._train_on()
            if reason == "STOP file" and self._world.decide(self._folder.wants_cooldown()):
                self._cool_down()
            self._finish(reason)
        return reason

    def _train_on(self) -> str:
        """Train until there is a reason to end; return it."""
        state, settings = self._state, self._config.optimization
        began, before = time.monotonic(), state.seconds
        reason = self._reason()
        steps = train_steps(state, self._train, settings, self._compute, self._plan.max_steps)
        while not reason and (result := next(steps, None)):
            state.seconds = before + time.monotonic() - began
            self._after_step(result)
            reason = self._reason()
        return reason or "done"

    def _cool_down(self) -> None:
        """Train a branch on with a falling rate, keep its weights if they are the best so far.

        The run itself stays where it was, at its constant rate, and can be continued (Haegele
        2024). A signal ends the branch early.
        """
        state, settings = self._state, self._config.optimization
        if self._world.is_main:
            self._save_latest()
        cooling, end = cool_down(settings, state.step, self._plan.max_steps)
        for stepped in train_steps(state, self._train, cooling, self._compute, end):
            self._listener.on_step(stepped, stepped.loss)
            if self._world.agree(self._signals.reason):
                break
        result = self._measure()
        self._show(result)
        is_best = result.loss < state.best_loss and self._record.attempt(self._save_best, result)
        restore(state, self._world.share(lambda: read_checkpoint(self._folder.latest)))
        if is_best:
            state.best_loss = self._record.status.best_loss = result.loss

    def _reason(self) -> str:
        """Return why to stop now, "" for going on; the main process decides for all."""
        return self._world.agree(self._own_reason() if self._world.is_main else "")

    def _own_reason(self) -> str:
        if self._signals.reason:
            return self._signals.reason
        patience = self._config.optimization.patience
        if patience and self._state.n_stale >= patience:
            return "learned out"
        limit = self._config.optimization.max_minutes
        if limit and self._state.seconds >= 60 * limit:
            return "time is up"
        return "STOP file" if self._folder.stop_file.exists() else ""

    def _after_step(self, result: StepResult) -> None:
        logging, plan, step = self._config.logging, self._plan, result.step
        is_last = step == plan.max_steps
        logs = step % logging.log_interval == 0
        evaluates = step % plan.eval_interval == 0 or is_last
        snapshots = bool(logging.snapshot_interval) and step % logging.snapshot_interval == 0
        saves = step % plan.save_interval == 0 or is_last
        if logs or evaluates or snapshots or saves:
            self._record.status.loss = result.loss  # reading refuses what is not finite
        self._record.note_progress(result, self._state)
        self._listener.on_step(result, self._record.status.loss)
        if logs:
            metrics = {"loss": result.loss, "grad_norm": result.grad_norm}
            self._record.log({"step": step, "learning_rate": result.learning_rate, **metrics})
            self._record.write_status()
        if evaluates:
            self._evaluate()
        if snapshots:
            self._record.attempt(self._keeper.keep_snapshot, self._state, plan.about)
        if saves:
            self._record.attempt(self._save_latest)

    def _evaluate(self) -> None:
        state = self._state
        result = self._measure()
        metrics = {"val_loss": result.loss, "val_bits_per_byte": result.bits_per_byte}
        self._record.log({"step": state.step, **metrics})
        is_better = result.loss < state.best_loss
        state.n_stale = 0 if is_better else state.n_stale + 1
        if is_better and self._record.attempt(self._save_best, result):
            state.best_loss = result.loss
        self._record.note_measurement(result, state.best_loss)
        self._show(result)

    def _show(self, result: EvalResult) -> None:
        """Show a measurement with a sample reply, and keep the reply."""
        if self._world.is_main:
            with averaged(self._state) as network:
                sample = self._listener.sample(network)
            self._record.keep_sample(self._state.step, sample)
            self._listener.on_eval(self._state.step, result, sample)

    def _measure(self) -> EvalResult:
        limit = self._config.logging.max_eval_tokens
        with averaged(self._state) as network:
            return evaluate(network, self._val, self._tokenizer, self._compute, limit)

    def _save_latest(self) -> None:
        self._keeper.keep_latest(self._state, self._plan.about)

    def _save_best(self, result: EvalResult) -> None:
        about = {
            **self._plan.about,
            "step": self._state.step,
            "val_loss": result.loss,
            "val_bits_per_byte": result.bits_per_byte,
        }
        self._keeper.keep_best(self._state, about)

    def _finish(self, reason: str) -> None:
        """Save, so that the same command continues; then say how it ended."""
        status = self._record.status
        if not self._world.decide(self._folder.model.exists()):
            result = self._measure()  # stopped before its first evaluation
            if self._world.is_main:
                self._save_best(result)
        if not self._world.is_main:
            return
        self._save_latest()
        is_done = reason in ("done", "learned out")
        status.state, status.reason = "finished" if is_done else "stopped", reason
        status.seconds_left = 0.0 if is_done else status.seconds_left
        self._folder.write_status(status)
        self._folder.stop_file.unlink(missing_ok=True)
