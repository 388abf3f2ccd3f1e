"""Move old processed data, checkpoints and artifacts to data/archive/; delete nothing."""

import argparse
from datetime import datetime

from chatbot.cli.screen import display, say
from chatbot.errors import CheckpointError
from chatbot.publishing.archive import archive, plan_archive, restore
from chatbot.settings.schema import Config
from chatbot.training.folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --dry."""
    parser.add_argument("--dry", action="store_true", help="only show what would be moved")
    parser.add_argument(
        "--restore",
        nargs="?",
        const="",
        metavar="TIME",
        help="move an archive back, the latest unless one is named; set first aside what is new",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Archive, unless a trainer is writing there."""
    checkpoints = config.path(config.storage.checkpoints_dir)
    for folder in sorted(checkpoints.glob("*/")):
        if RunFolder(folder).trainer() is not None:
            raise CheckpointError(
                f"run {folder.name} is being trained", hint="`chatbot stop` first"
            )
    if args.restore is not None:
        say(f"{restore(config, args.restore):,} files are back")
        return
    plan = plan_archive(config, datetime.now())
    for moved in plan:
        display(f"{moved.size_bytes / 2**20:9.1f} MiB  {moved.source} -> {moved.target}")
    if not plan:
        say("nothing to archive")
    elif args.dry:
        say("dry run: nothing was moved")
    else:
        say(f"archived to {archive(plan, config)}; `chatbot archive --restore` moves it back")
