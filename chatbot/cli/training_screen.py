"""The output of `train`: a progress bar at a terminal or lines in a log file, and the result."""

import os
import sys
import time
from typing import TYPE_CHECKING

from chatbot.cli.screen import Progress, advance, duration, measuring, progress, say
from chatbot.errors import ChatbotError
from chatbot.settings.schema import Config
from chatbot.training.folder import Status
from chatbot.wording import printable

if TYPE_CHECKING:
    from chatbot.model.interface import Network
    from chatbot.training.interface import StopNotice, TrainingHooks
    from chatbot.training.loop import EvalResult, StepResult
    from chatbot.training.prepare import PreparedRun

_QUIET_SECONDS = 30


def end_sentence(reason: str, status: Status | None) -> str:
    """Describe how a run ended, and its quality."""
    if reason == "early stopping":
        reason = "early stopping (more steps only made held-out replies worse)"
    if status is None or status.val_loss is None:
        return reason
    best = "" if status.best_loss is None else f", best {status.best_loss:.3f}"
    return f"{reason} at step {status.step:,}: held out {status.val_loss:.3f}{best}"


def stop_sentence(notice: "StopNotice") -> str:
    """Describe the effect of a signal, and what the next one would lose."""
    if notice.n_signals == 1:
        return (
            f"stopping: saving and measuring, about {duration(notice.seconds)}; Ctrl+C again stops "
            "without the measurement, nothing saved is lost"
        )
    n_lost = notice.step - notice.saved_step
    if notice.n_signals > 2:
        return f"interrupted: step {notice.saved_step:,} is saved, {n_lost:,} steps are lost"
    lost = f"throws away {n_lost:,} steps" if n_lost else "loses nothing: all steps are saved"
    return (
        f"stopping without the measurement: step {notice.step:,} is saved all the same, but cannot "
        f"become the best; a third Ctrl+C interrupts and {lost}"
    )


class TrainingScreen:
    """A progress bar at a terminal, lines in a log file."""

    def __init__(self, run: "PreparedRun", config: Config) -> None:
        self._config = config
        self._tokenizer, self._leak_guard = run.tokenizer, run.leak_guard
        self._is_live = sys.stderr.isatty()
        self._bar = progress(run.plan.max_steps, "training", run.state.step)
        self._began = self._told_at = time.monotonic()
        self._measuring: Progress | None = None
        self._about = run.about

    def __enter__(self) -> "TrainingScreen":
        return self

    def __exit__(self, *_: object) -> None:
        self._end_measuring()
        self._bar.close()

    def hooks(self) -> "TrainingHooks":
        """Return the callbacks for training."""
        from chatbot.training.interface import TrainingHooks

        return TrainingHooks(
            self._on_step,
            self._on_eval,
            self._on_trouble,
            self._sample,
            self._on_measure,
            self._write,
            self._on_signal,
        )

    def _on_step(self, _result: "StepResult", loss: float | None) -> None:
        advance(self._bar)
        if loss is not None:
            self._bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)

    def _on_measure(self, done: int, total: int) -> None:
        """Show a second bar if an evaluation takes long; print a line into a log file."""
        if done == 0:
            self._measuring, self._told_at = measuring(total), time.monotonic()
        elif self._measuring is not None:
            advance(self._measuring)
        if done == total:
            self._end_measuring()
        elif not self._is_live and time.monotonic() - self._told_at > _QUIET_SECONDS:
            self._told_at = time.monotonic()
            say(f"measuring: {done / total:.0%}")

    def _end_measuring(self) -> None:
        if self._measuring is not None:
            self._measuring.close()
            self._measuring = None

    def _on_signal(self, notice: "StopNotice") -> None:
        """Answer amid whatever runs, a half-written line too: straight to the terminal."""
        os.write(2, f"\n{stop_sentence(notice)}\n".encode())

    def _on_eval(self, step: int, result: "EvalResult", sample: str) -> None:
        where = f"step {step:,} ({duration(time.monotonic() - self._began)})"
        if step == 0:
            where = "before step 1" if self._about.parent else "untouched base"
        self._write(
            f"{where}: held out {result.loss:.3f}, {result.bits_per_byte:.3f} bits/byte | {sample}"
        )

    def _on_trouble(self, error: ChatbotError) -> None:
        self._write(f"warning: could not save: {error}; {error.hint}; training goes on")

    def _write(self, line: str) -> None:
        self._end_measuring()
        if self._is_live:
            self._bar.write(printable(line), file=sys.stderr)
        else:
            say(line)

    def _sample(self, network: "Network") -> str:
        from chatbot.inference.bot import Bot
        from chatbot.inference.generate import Prefix
        from chatbot.inference.loading import bot_settings

        settings = bot_settings(self._config, self._about)
        reader = Prefix(network.language_model())
        bot = Bot(reader, self._tokenizer, settings, guard=self._leak_guard)
        prompt = self._config.logging.sample_prompt
        bot.hear(prompt)
        return f"{prompt} -> {' / '.join(bot.reply().bubbles)}"
