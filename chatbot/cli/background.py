"""A background trainer: the same command as a detached process."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from chatbot.cli.screen import say
from chatbot.errors import CheckpointError
from chatbot.settings.schema import Config
from chatbot.storage.files import explained
from chatbot.training.families import run_folder
from chatbot.training.folder import RunFolder, busy
from chatbot.wording import called_program

_START_SECONDS = 120


def _is_training(folder: RunFolder, pid: int) -> bool:
    """Whether the started process holds the run and has begun."""
    holder = folder.trainer()
    status = folder.read_status() if holder and holder.pid == pid else None
    return status is not None and status.state == "running" and status.pid == pid


def _tell_end(code: int, folder: RunFolder) -> None:
    """Report the error of a trainer that ended at once."""
    lines = folder.log.read_text(encoding="utf-8", errors="replace").splitlines()
    if code == 0:
        say("\n".join(lines[-1:]))
        return
    errors = [line.removeprefix("error: ") for line in lines[-2:] if line.startswith("error: ")]
    raise CheckpointError(
        errors[0] if errors else "the trainer ended at once", hint=f"see {folder.log}"
    )


def start_background(args: argparse.Namespace, config: Config) -> None:
    """Start the same command as a detached process, and wait until it has begun or failed."""
    from chatbot.corpus.store import open_corpus

    folder = run_folder(config)
    holder = folder.trainer()
    if holder is not None:
        raise busy(folder, holder)
    open_corpus(config.processed_dir)  # an error here leaves no log file
    module = called_program().removeprefix("python -m ")
    command = [sys.executable, "-m", module, "train", "--root", str(Path(config.root).resolve())]
    command += ["--stage", args.stage] if args.stage else []
    command += ["--fresh-sft"] if args.fresh_sft else []
    command += [part for setting in args.overrides for part in ("--set", setting)]
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
    process.returncode = 0  # it continues after this command: nobody waits for it
    say(f"training in the background as process {process.pid}; log file: {folder.log}")
    say("`chatbot status` shows it, `chatbot stop` ends it after a save")
