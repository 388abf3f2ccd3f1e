"""Train the model or continue; Ctrl+C, SIGTERM or `chatbot stop` end it after a save."""

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.cli.background import start_background
from chatbot.cli.screen import say
from chatbot.errors import CheckpointError
from chatbot.settings import run_files
from chatbot.settings.aliases import naming_of
from chatbot.settings.schema import Config
from chatbot.training.families import run_folder
from chatbot.training.folder import locked_run, start_loss
from chatbot.training.stages import (
    named_stage,
    parent_of,
    stages,
    stages_to_train,
    without_first_stage,
)

if TYPE_CHECKING:
    from chatbot.corpus.store import Corpus
    from chatbot.training.prepare import PreparedRun
    from chatbot.training.world import World


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --background, --resume, --stage and --fresh-sft."""
    parser.add_argument(
        "--background", action="store_true", help="continue after this terminal is closed"
    )
    parser.add_argument("--resume", type=Path, metavar="PATH", help="continue from this checkpoint")
    parser.add_argument(
        "--stage",
        choices=("cpt", "sft"),
        help="with a base: only this stage (default: all unfinished stages)",
    )
    parser.add_argument(
        "--fresh-sft",
        action="store_true",
        help="with a base: train replies from the base itself, without the stage of plain text",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Train in the foreground, or start a background trainer."""
    resume = _checkpoint_at(args.resume)
    has_stages = len(stages(config)) > 1
    if args.fresh_sft:
        config = without_first_stage(config)
    if args.stage:
        chosen = [named_stage(config, args.stage)]
    else:
        chosen = [config] if resume else stages_to_train(config)
    if args.background:
        start_background(args, chosen[0])
        return
    from chatbot.model.device import release_memory
    from chatbot.training.run import FINISHED
    from chatbot.training.world import join_world

    with join_world() as world:
        for stage in chosen:
            if has_stages and world.is_main:
                say(f"stage {stage.pretrained.stage}: run {stage.run_name}")
            with naming_of(stage).in_messages():
                reason = _train_stage(stage, resume, world)
            release_memory()
            if reason not in (*FINISHED, ""):
                return


def _checkpoint_at(path: Path | None) -> Path | None:
    """Return the path of a checkpoint, in a folder or not; raises CheckpointError if missing."""
    if path is None:
        return None
    inside = path / run_files.TRAINER
    if inside.is_file():
        return inside
    if path.is_file():
        return path
    raise CheckpointError(
        f"no checkpoint at {path}", hint="drop --resume to continue the run by itself"
    )


def _train_stage(config: Config, resume: Path | None, world: "World") -> str:
    """Train in this process, alone or as one of several; process 0 prints and writes.

    Return why it ended, "" if there was nothing left to do.
    """
    from chatbot.corpus.store import open_corpus
    from chatbot.training.prepare import prepare

    folder, parent = run_folder(config), parent_of(config)
    with contextlib.ExitStack() as stack:
        if world.is_main:
            stack.enter_context(locked_run(folder))
        corpus = open_corpus(config.processed_dir)
        if corpus.stats.context_only is None and world.is_main:
            say(
                "an older version processed the data and dropped repeated messages out of their "
                "conversations: for a new run, `chatbot preprocess` first gives better data"
            )
        run = prepare(config, corpus, folder, resume, world, parent)
        return _train(run, corpus, config)


def _train(run: "PreparedRun", corpus: "Corpus", config: Config) -> str:
    from chatbot.cli.training_screen import TrainingScreen, end_sentence
    from chatbot.evaluation.ngram import ngram_losses
    from chatbot.training.interface import NO_HOOKS
    from chatbot.training.run import FINISHED, Training

    is_main, folder = run.compute.world.is_main, run.keeper.folder
    tell = say if is_main else _mute
    for sentence in run.sentences:
        tell(sentence)
    baseline = ngram_losses(corpus)
    tell(f"held-out nats per token: unigram {baseline.unigram:.3f}, bigram {baseline.bigram:.3f}")
    if run.state.step >= run.plan.max_steps:
        tell(
            "training is finished; raise `optimization.max_steps` or `optimization.max_epochs` "
            "to continue"
        )
        return ""
    with contextlib.ExitStack() as stack:
        hooks = NO_HOOKS
        if is_main:
            hooks = stack.enter_context(TrainingScreen(run, config)).hooks()
        reason = Training(run).run(hooks)
    status, start = folder.read_status(), start_loss(folder)
    tell(end_sentence(reason, status))
    if status and start and status.best_loss and status.step and status.best_loss >= start:
        tell(
            f"WARNING: never better than before step 1 ({start:.3f}): lower the learning rate, "
            "or reply from the base itself"
        )
    tell(f"baselines: unigram {baseline.unigram:.3f}, bigram {baseline.bigram:.3f}")
    if reason not in FINISHED:
        tell("saved: `chatbot train` continues")
    return reason


def _mute(_text: str) -> None:
    """Print nothing: process 0 does."""
