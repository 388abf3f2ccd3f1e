"""The records of a run: status.json, metrics.jsonl, samples.txt, config.yaml."""

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from chatbot.errors import ChatbotError
from chatbot.settings import run_files
from chatbot.settings.aliases import naming_of
from chatbot.settings.naming import Values, nested
from chatbot.settings.schema import Config
from chatbot.storage.files import explained, write_bytes
from chatbot.training.folder import Metrics, RunFolder, Status, cut_metrics, read_metrics
from chatbot.training.loop import EvalResult, StepResult, TrainState
from chatbot.training.tensorboard import EventFiles
from chatbot.wording import printable

_WITH_NAMES = (
    "processed.rooms",
    "processed.preprocess.persona",
    "processed.preprocess.mask_names",
    "dialogue.speak_as",
)


class Record:
    """Writes the status and the metrics of a run, in the main process only."""

    def __init__(
        self, folder: RunFolder, on_trouble: Callable[[ChatbotError], None], *, is_main: bool
    ) -> None:
        self.status = Status()
        self.measured: tuple[int, EvalResult] | None = None  # as of the end of the call before
        self._folder = folder
        self._on_trouble = on_trouble
        self._is_main = is_main
        self._events: EventFiles | None = None

    def begin(self, state: TrainState, max_steps: int, config: Config) -> None:
        """Continue from a checkpoint, and drop later metrics."""
        if not self._is_main:
            return
        if config.logging.tensorboard:
            self._events = EventFiles(self._folder.path / run_files.TENSORBOARD, state.step)
        cut_metrics(self._folder.metrics, state.step)
        status = self.status
        status.state, status.step, status.max_steps = "running", state.step, max_steps
        status.pid, status.epoch, status.trained_seconds = os.getpid(), state.epoch, state.seconds
        for metrics in read_metrics(self._folder):  # as of the end of the call before
            status.loss = metrics.get("loss", status.loss)
            if "val_loss" in metrics:
                status.val_loss = metrics["val_loss"]
                status.val_bits_per_byte = metrics["val_bits_per_byte"]
                result = EvalResult(metrics["val_loss"], metrics["val_bits_per_byte"], 0)
                self.measured = None if "branch_step" in metrics else (metrics["step"], result)
        status.best_loss = state.best_loss if math.isfinite(state.best_loss) else None
        self._folder.write_status(status)
        write_bytes(
            self._folder.path / run_files.SETTINGS, msgspec.yaml.encode(_settings_of_run(config))
        )

    def note_progress(self, result: StepResult, state: TrainState, limit_seconds: float) -> None:
        """Update step, speed and remaining time, which is at most `limit_seconds`."""
        status = self.status
        seconds = state.seconds - status.trained_seconds
        rate = result.n_tokens / max(seconds, 1e-9)
        before = status.tokens_per_second
        status.tokens_per_second = 0.9 * before + 0.1 * rate if before else rate
        status.step, status.epoch = state.step, state.epoch
        status.trained_seconds = state.seconds
        n_left = status.max_steps - state.step
        seconds_left = n_left * result.n_tokens / max(status.tokens_per_second, 1e-9)
        status.seconds_left = max(0.0, min(seconds_left, limit_seconds))

    def note_measurement(self, result: EvalResult, best_loss: float) -> None:
        """Update the held-out losses, and write the status."""
        status = self.status
        status.val_loss, status.val_bits_per_byte = result.loss, result.bits_per_byte
        status.best_loss = best_loss if math.isfinite(best_loss) else None
        self.write_status()

    def write_status(self) -> None:
        """Replace status.json, if possible."""
        self.attempt(self._folder.write_status, self.status)

    def log(self, metrics: Metrics) -> None:
        """Append a line to metrics.jsonl, if possible."""
        self.attempt(_append, self._folder.metrics, json.dumps(metrics) + "\n")
        if self._events is not None:
            self.attempt(self._events.add, metrics)

    def keep_sample(self, step: int, sample: str) -> None:
        """Append a reply to samples.txt, if possible."""
        self.attempt(_append, self._folder.samples, f"step {step}: {printable(sample)}\n")

    def attempt(self, write: Callable[..., None], *args: Any) -> bool:
        """Write in the main process only; training continues if that fails (a full disk)."""
        if not self._is_main:
            return False
        try:
            write(*args)
        except ChatbotError as error:
            self._on_trouble(error)
            return False
        return True

    @contextlib.contextmanager
    def told_failure(self) -> Iterator[None]:
        """Write the reason of a failure inside the block to status.json, if possible."""
        try:
            yield
        except ChatbotError as error:
            self._end("failed", str(error))
            raise
        except KeyboardInterrupt:
            self._end("stopped", "interrupted")
            raise
        finally:
            if self._events is not None:
                self._events.close()

    def _end(self, state: str, reason: str) -> None:
        self.status.state, self.status.reason = state, reason
        if self._is_main:
            with contextlib.suppress(ChatbotError, OSError):
                self._folder.write_status(self.status)


def _append(path: Path, line: str) -> None:
    with explained(path), path.open("a", encoding="utf-8") as file:
        file.write(line)


def _settings_of_run(config: Config) -> Values:
    """Return the settings under their typed names, without names of people or rooms."""
    naming = naming_of(config)
    hidden = {naming.aliases.get(name, name) for name in _WITH_NAMES}
    typed = msgspec.to_builtins(naming.typed(config))
    settings = nested({name: value for name, value in typed.items() if name not in hidden})
    del settings["raw"]
    return settings
