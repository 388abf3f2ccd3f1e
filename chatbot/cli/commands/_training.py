"""What `train` is for any network: the loop in a run's folder, its screen, the background."""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.cli.screen import Progress, advance, duration, measuring, progress, say
from chatbot.errors import ChatbotError, CheckpointError
from chatbot.settings import run_files
from chatbot.settings.schema import Config
from chatbot.storage.files import explained
from chatbot.training.folder import RunFolder, Status, busy, start_loss

if TYPE_CHECKING:
    from chatbot.corpus.store import Corpus
    from chatbot.model.interface import Network
    from chatbot.training.interface import Listener, StopNotice
    from chatbot.training.loop import EvalResult, StepResult
    from chatbot.training.prepare import PreparedRun
    from chatbot.training.world import World

_START_SECONDS = 120
_QUIET_SECONDS = 30


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --background and --resume."""
    parser.add_argument(
        "--background", action="store_true", help="train on after this terminal is closed"
    )
    parser.add_argument("--resume", type=Path, metavar="PATH", help="continue from this checkpoint")


def check_resume(args: argparse.Namespace) -> None:
    """Raise CheckpointError if a checkpoint is named and not there; a folder stands for its own."""
    if args.resume is not None and (args.resume / run_files.TRAINER).is_file():
        args.resume = args.resume / run_files.TRAINER
    if args.resume is not None and not args.resume.is_file():
        raise CheckpointError(
            f"no checkpoint at {args.resume}", hint="drop --resume to continue the run by itself"
        )


def train(
    config: Config,
    folder: RunFolder,
    world: "World",
    prepare: "Callable[[Corpus], PreparedRun]",
) -> str:
    """Train in this process, alone or as one of many; process 0 talks and writes.

    Return why it ended, "" if there was nothing left to do.
    """
    from chatbot.corpus.store import open_corpus
    from chatbot.evaluation.ngram import ngram_losses
    from chatbot.training.interface import SILENT
    from chatbot.training.run import FINISHED, Training

    tell = say if world.is_main else _mute
    corpus = open_corpus(config.processed_dir)
    if corpus.stats.context_only is None:
        tell(
            "an older version processed the data and dropped repeated messages out of their "
            "conversations: for a new run, `chatbot preprocess` first gives better data"
        )
    made = prepare(corpus)
    for sentence in made.sentences:
        tell(sentence)
    counted = ngram_losses(corpus)
    tell(f"held-out nats per token: unigram {counted.unigram:.3f}, bigram {counted.bigram:.3f}")
    if made.state.step >= made.plan.max_steps:
        tell("all steps are done; more steps or epochs in the settings train on")
        return ""
    with contextlib.ExitStack() as stack:
        listener = SILENT
        if world.is_main:
            screen = stack.enter_context(_Screen(made, config))
            listener = screen.listener()
        reason = Training(made).run(listener)
    status = folder.read_status()
    tell(_end_of(reason, status))
    start = start_loss(folder)
    if status and start and status.best_loss and status.step and status.best_loss >= start:
        tell(
            f"WARNING: never better than before step 1 ({start:.3f}): lower the learning rate, "
            "or reply from the base itself"
        )
    tell(f"baselines: unigram {counted.unigram:.3f}, bigram {counted.bigram:.3f}")
    if reason not in FINISHED:
        tell("saved: `chatbot train` continues")
    return reason


def _end_of(reason: str, status: Status | None) -> str:
    """Say how a run ended, and how good it is."""
    if reason == "early stopping":
        reason = "early stopping (more steps only made held-out replies worse)"
    if status is None or status.val_loss is None:
        return reason
    best = "" if status.best_loss is None else f", best {status.best_loss:.3f}"
    return f"{reason} at step {status.step:,}: held out {status.val_loss:.3f}{best}"


def stop_sentence(notice: "StopNotice") -> str:
    """Say what a signal begins, and what the next one would throw away."""
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


def _mute(_text: str) -> None:
    """Say nothing: process 0 does."""


class _Screen:
    """A progress bar at a terminal, lines in a log."""

    def __init__(self, prepared: "PreparedRun", config: Config) -> None:
        self._config = config
        self._tokenizer = prepared.tokenizer
        self._is_live = sys.stderr.isatty()
        self._bar = progress(prepared.plan.max_steps, "training", prepared.state.step)
        self._began = self._told_at = time.monotonic()
        self._measuring: Progress | None = None
        self._has_parent = prepared.about.get("parent") is not None

    def __enter__(self) -> "_Screen":
        return self

    def __exit__(self, *_: object) -> None:
        self._end_measuring()
        self._bar.close()

    def listener(self) -> "Listener":
        """Return what the trainer talks to."""
        from chatbot.training.interface import Listener

        return Listener(
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
        """A second bar where a measurement takes long; in a log a line now and then."""
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

    def _on_eval(self, step: int, found: "EvalResult", sample: str) -> None:
        where = f"step {step:,} ({duration(time.monotonic() - self._began)})"
        if step == 0:
            where = "before step 1" if self._has_parent else "untouched base"
        self._write(
            f"{where}: held out {found.loss:.3f}, {found.bits_per_byte:.3f} bits/byte | {sample}"
        )

    def _on_trouble(self, error: ChatbotError) -> None:
        self._write(f"warning: could not save: {error}; {error.hint}; training goes on")

    def _write(self, line: str) -> None:
        self._end_measuring()
        if self._is_live:
            self._bar.write(line, file=sys.stderr)
        else:
            say(line)

    def _sample(self, network: "Network") -> str:
        from chatbot.inference.bot import Bot
        from chatbot.inference.loading import bot_settings

        bot = Bot(network.language_model(), self._tokenizer, bot_settings(self._config))
        prompt = self._config.logging.sample_prompt
        bot.hear(prompt)
        return f"{prompt} -> {' / '.join(bot.reply().bubbles)}"


def _is_training(folder: RunFolder, pid: int) -> bool:
    """Whether this very process has the run and has begun."""
    holder = folder.trainer()
    status = folder.read_status() if holder and holder.get("pid") == pid else None
    return status is not None and status.state == "running" and status.pid == pid


def _tell_end(code: int, folder: RunFolder) -> None:
    """Relay how a trainer ended that ended at once."""
    lines = folder.log.read_text(encoding="utf-8", errors="replace").splitlines()
    if code == 0:
        say("\n".join(lines[-1:]))
        return
    said = [line.removeprefix("error: ") for line in lines[-2:] if line.startswith("error: ")]
    raise CheckpointError(
        said[0] if said else "the trainer ended at once", hint=f"see {folder.log}"
    )


def start_background(
    args: argparse.Namespace, config: Config, folder: RunFolder, *options: str
) -> None:
    """Start the same command detached, and wait until it has the run or has failed."""
    from chatbot.corpus.store import open_corpus

    holder = folder.trainer()
    if holder is not None:
        raise busy(folder, holder)
    open_corpus(config.processed_dir)  # refused here, it leaves no log
    module = "chatbot" if config.family == "gpt" else "chatbot.sft_ops"
    command = [sys.executable, "-m", module, "train", "--root", str(Path(config.root).resolve())]
    command += options
    command += [part for setting in args.set for part in ("--set", setting)]
    command += ["--resume", str(args.resume.resolve())] if args.resume else []
    detached = (
        {"creationflags": 0x00000208}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
        if os.name == "nt"
        else {"start_new_session": True}
    )
    with explained(folder.log):
        folder.path.mkdir(parents=True, exist_ok=True)
        with folder.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **detached
            )
    deadline = time.monotonic() + _START_SECONDS
    while not _is_training(folder, process.pid) and time.monotonic() < deadline:
        if process.poll() is not None:
            _tell_end(process.returncode, folder)
            return
        time.sleep(0.1)
    process.returncode = 0  # it outlives this command: nobody waits for it
    say(f"training in the background as process {process.pid}; its log: {folder.log}")
    say("`chatbot status` shows it, `chatbot stop` ends it after a save")
