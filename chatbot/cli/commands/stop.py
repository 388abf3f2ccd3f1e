"""Ask the trainer to save and end, and wait until it has ended."""

import argparse
import time

from chatbot.cli.screen import say
from chatbot.errors import CheckpointError
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes
from chatbot.training.families import run_folder
from chatbot.training.folder import COOLDOWN
from chatbot.training.stages import current_stage

_WAIT_SECONDS = 3600  # an evaluation on a large base takes long
_COOLDOWN_SECONDS = 6 * 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --cooldown."""
    parser.add_argument(
        "--cooldown",
        action="store_true",
        help="first train a short branch with a falling rate; the run itself stays as it is",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Write the STOP file and wait for the lock to be free."""
    config = current_stage(config)
    folder = run_folder(config)
    holder = folder.trainer()
    if holder is None:
        say(f"run {config.run_name} is not being trained")
        return
    say(f"asking process {holder.process} to save, measure and end")
    write_bytes(folder.stop_file, f"{COOLDOWN if args.cooldown else 'stop'}\n".encode())
    seconds = _COOLDOWN_SECONDS if args.cooldown else _WAIT_SECONDS
    deadline = time.monotonic() + seconds
    while folder.trainer() is not None:
        if time.monotonic() > deadline:
            raise CheckpointError(
                f"the trainer has not ended after {seconds} s",
                hint="`chatbot status` shows whether it is still running",
            )
        time.sleep(0.2)
    status = folder.read_status()
    where = f" at step {status.step:,}" if status else ""
    say(f"stopped{where}; `chatbot train` continues")
