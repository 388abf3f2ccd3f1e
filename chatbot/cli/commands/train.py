"""Train the model or continue; Ctrl+C, SIGTERM or `chatbot stop` end it after a save."""

import argparse
import contextlib
from typing import TYPE_CHECKING

from chatbot.cli.commands._training import (
    add_training_arguments,
    check_resume,
    start_background,
    train,
)
from chatbot.settings.schema import Config
from chatbot.training.families import run_folder
from chatbot.training.folder import locked_run

if TYPE_CHECKING:
    from chatbot.corpus.store import Corpus
    from chatbot.training.prepare import PreparedRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --background and --resume."""
    add_training_arguments(parser)


def run(args: argparse.Namespace, config: Config) -> None:
    """Train in the foreground, or start a trainer that outlives this terminal."""
    folder = run_folder(config)
    check_resume(args)
    if args.background:
        start_background(args, config, folder)
        return
    from chatbot.training.prepare import prepare
    from chatbot.training.world import join_world

    with contextlib.ExitStack() as stack:
        world = stack.enter_context(join_world())
        if world.is_main:
            stack.enter_context(locked_run(folder))

        def prepared(corpus: "Corpus") -> "PreparedRun":
            return prepare(config, corpus, folder, args.resume, world)

        train(config, folder, world, prepared)
