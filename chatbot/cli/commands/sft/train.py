"""Fine-tune the base or continue: plain text of the room first, where that is chosen."""

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.cli.commands._training import (
    add_training_arguments,
    check_resume,
    start_background,
    train,
)
from chatbot.cli.commands.sft._stage import stage_config
from chatbot.cli.screen import say
from chatbot.errors import CheckpointError
from chatbot.settings.schema import Config
from chatbot.training.families import run_folder
from chatbot.training.folder import locked_run

if TYPE_CHECKING:
    from chatbot.corpus.store import Corpus
    from chatbot.training.prepare import PreparedRun
    from chatbot.training.world import World

_ENDS = ("done", "early stopping", "")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --background, --resume, --stage and --fresh-sft."""
    add_training_arguments(parser)
    parser.add_argument(
        "--stage", choices=("cpt", "sft"), help="this stage only (default: what is to be done)"
    )
    parser.add_argument(
        "--fresh-sft",
        action="store_true",
        help="begin replies from the base itself, though plain text is to come first",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Train in the foreground, or start a trainer that outlives this terminal."""
    check_resume(args)
    stages = stages_of(args, config)
    if args.background:
        folder = run_folder(stages[0])
        options = ["--stage", args.stage] if args.stage else []
        start_background(args, stages[0], folder, *options, *["--fresh-sft"] * args.fresh_sft)
        return
    from chatbot.model.device import release_memory
    from chatbot.training.world import join_world

    with join_world() as world:
        for stage in stages:
            reason = _train_stage(args, stage, world)
            release_memory()
            if reason not in _ENDS:
                return


def stages_of(args: argparse.Namespace, config: Config) -> list[Config]:
    """Return the settings of the stages to train, in order."""
    if not config.pretrained.follows_cpt or args.fresh_sft:
        return [config]
    cpt = stage_config(args, config, "cpt")
    if args.stage is not None:
        return [cpt if args.stage == "cpt" else config]
    return [config] if is_finished(cpt) or args.resume else [cpt, config]


def is_finished(config: Config) -> bool:
    """Whether a run came to its end."""
    status = run_folder(config).read_status()
    return status is not None and status.state == "finished"


def _train_stage(args: argparse.Namespace, config: Config, world: "World") -> str:
    from chatbot.training.prepare import prepare

    folder = run_folder(config)
    stage = config.pretrained.stage
    if world.is_main and (config.pretrained.follows_cpt or stage == "cpt"):
        say(f"stage {stage}: run {config.run_name}")
    parent = _parent(args, config)

    def prepared(corpus: "Corpus") -> "PreparedRun":
        return prepare(config, corpus, folder, args.resume, world, parent)

    with contextlib.ExitStack() as stack:
        if world.is_main:
            stack.enter_context(locked_run(folder))
        return train(config, folder, world, prepared)


def _parent(args: argparse.Namespace, config: Config) -> Path | None:
    """Return the adapter that replies begin from; raises CheckpointError if it is not there."""
    if not config.pretrained.follows_cpt or args.fresh_sft:
        return None
    folder = run_folder(config)
    folder.settle()
    if any(path.exists() for path in folder.checkpoints()):
        return None  # it goes on from its own
    cpt = run_folder(stage_config(args, config, "cpt"))
    cpt.settle()
    if not cpt.best.exists():
        raise CheckpointError(
            f"run {cpt.path.name} has no adapter to begin from",
            hint="`chatbot train` makes it first; --fresh-sft begins from the base itself",
        )
    return cpt.best.parent
