"""A run's folder: lock, status and metrics, readable without torch."""

import contextlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from chatbot.errors import CheckpointError
from chatbot.settings import run_files
from chatbot.storage.files import REPLACED, explained, restore_directory, write_bytes
from chatbot.storage.lock import FileLock, Holder, LockHeldError, lock_holder

# A line of metrics.jsonl: `step`, and what was measured there; versions differ in what that is.
Metrics: TypeAlias = Mapping[str, Any]
SPEED, MEMORY = "tokens_per_second", "memory_mb"  # in metrics; they depend on the machine
COOLDOWN = "cooldown"  # in the STOP file
_LIVE = ("starting", "running")


class Status(msgspec.Struct, kw_only=True):
    """The state of a run, in status.json. Times in seconds; `updated_at` since 1970."""

    state: str = "starting"
    reason: str = ""
    pid: int = 0
    step: int = 0
    max_steps: int = 0
    epoch: int = 0
    loss: float | None = None
    val_loss: float | None = None
    val_bits_per_byte: float | None = None
    best_loss: float | None = None
    tokens_per_second: float = 0.0
    trained_seconds: float = 0.0
    seconds_left: float | None = None
    updated_at: float = 0.0


@dataclass(frozen=True)
class Layout:
    """The names of a run's checkpoints, relative to its folder.

    `snapshot` has a placeholder for the step. `holds_models`: each checkpoint has its own folder
    with a saved model; otherwise there is one saved model, of the best checkpoint.
    """

    latest: str
    best: str
    model: str
    snapshot: str
    holds_models: bool = False


FILES = Layout(
    run_files.LATEST, run_files.BEST, run_files.MODEL, f"{run_files.SNAPSHOTS}/step_{{:06d}}.pt"
)
# The folder names that users of peft know.
FOLDERS = Layout(
    f"{run_files.LATEST_ADAPTER}/{run_files.TRAINER}",
    f"{run_files.BEST_ADAPTER}/{run_files.TRAINER}",
    f"{run_files.BEST_ADAPTER}/{run_files.TRAINER}",
    f"{run_files.CHECKPOINT}{{}}/{run_files.TRAINER}",
    holds_models=True,
)


@dataclass(frozen=True)
class RunFolder:
    """The files of one run, by name."""

    path: Path
    stop_file_name: str = "STOP"
    layout: Layout = FILES

    @property
    def latest(self) -> Path:
        """The checkpoint that training continues from."""
        return self.path / self.layout.latest

    @property
    def previous(self) -> Path:
        """The previous checkpoint, in case the latest is damaged; None if they are folders."""
        return self.path / run_files.PREVIOUS

    @property
    def best(self) -> Path:
        """The checkpoint with the lowest validation loss."""
        return self.path / self.layout.best

    @property
    def model(self) -> Path:
        """The file or folder of the saved model, which exists once there is one."""
        return self.path / self.layout.model

    def models(self) -> list[Path]:
        """Return the saved models, the best first: files, or folders of checkpoints."""
        if not self.layout.holds_models:
            return [self.model]
        self.settle()
        return [self.best.parent, self.latest.parent]

    @property
    def stale(self) -> Path:
        """A file that exists if the model was trained on messages that are now forgotten."""
        return stale_mark(self.path)

    @property
    def leak_guard(self) -> Path:
        """The n-grams that only one speaker wrote: they reveal the chat, so the file stays here."""
        return self.path / run_files.LEAK_GUARD

    def snapshot(self, step: int) -> Path:
        """The snapshot of a step."""
        return self.path / self.layout.snapshot.format(step)

    def snapshots(self) -> list[Path]:
        """Return the snapshots, the newest first."""
        before, after = re.split(r"\{.*\}", self.layout.snapshot)
        paths = self.path.glob(f"{before}*{after}")
        named = {path.relative_to(self.path).as_posix(): path for path in paths}
        steps = {name[len(before) : len(name) - len(after)]: path for name, path in named.items()}
        numbered = [(int(step), path) for step, path in steps.items() if step.isdecimal()]
        return [path for _, path in sorted(numbered, reverse=True)]

    def checkpoints(self) -> list[Path]:
        """Return the possible paths of checkpoints to continue from, the newest first."""
        return [self.latest, self.previous, *self.snapshots(), self.best]

    def settle(self) -> None:
        """Undo an unfinished swap of folders of a killed trainer.

        Does nothing while a trainer runs, which may be swapping folders; it did this when it began.
        """
        if self.trainer() is None:
            self.undo_swaps()

    def undo_swaps(self) -> None:
        """Undo every swap of folders that was not finished."""
        for old in self.path.glob(f"*{REPLACED}"):
            restore_directory(old.with_suffix(""))

    @property
    def stop_file(self) -> Path:
        """A file that stops training, after a save, once it exists."""
        return self.path / self.stop_file_name

    @property
    def metrics(self) -> Path:
        """Losses by step, a JSON object per line."""
        return self.path / run_files.METRICS

    @property
    def samples(self) -> Path:
        """A sample reply of each evaluation."""
        return self.path / run_files.SAMPLES

    @property
    def log(self) -> Path:
        """The output of a background trainer."""
        return self.path / run_files.LOG

    @property
    def lock_path(self) -> Path:
        """The lock that the trainer holds while it runs."""
        return self.path / run_files.LOCK

    def wants_cooldown(self) -> bool:
        """Whether the STOP file asks for a short cool-down before the end."""
        if not self.stop_file.is_file():
            return False
        return self.stop_file.read_text(encoding="utf-8", errors="replace").strip() == COOLDOWN

    def trainer(self) -> Holder | None:
        """Return the process that trains this run now; None if there is none."""
        return lock_holder(self.lock_path)

    def write_status(self, status: Status) -> None:
        """Replace status.json."""
        status.updated_at = time.time()
        write_bytes(self.path / run_files.STATUS, msgspec.json.encode(status) + b"\n")

    def read_status(self) -> Status | None:
        """Return the status of the run, corrected if the trainer has died."""
        path = self.path / run_files.STATUS
        if not path.exists():
            return None
        try:
            status = msgspec.json.decode(path.read_bytes(), type=Status)
        except msgspec.DecodeError as error:
            raise CheckpointError(
                f"{path} is damaged", hint="`chatbot train` continues and writes it anew"
            ) from error
        is_alive = self.trainer() is not None
        if status.state in _LIVE and not is_alive:
            status.state = "died"
            status.reason = "the trainer ended without a reason"
        elif is_alive and status.state not in _LIVE:
            status.state, status.reason = "starting", ""  # it has not written a status yet
        return status


def stale_mark(folder: Path) -> Path:
    """Return the mark file of a run or an archive with forgotten messages."""
    return folder / run_files.STALE


def published_mark(path: Path) -> Path:
    """Return the mark file of a published model that was trained on forgotten messages."""
    return path.with_name(f"{path.name.partition('.')[0]}.STALE.json")


def is_stale(path: Path) -> bool:
    """Whether a model, of a run or published, was trained on messages that are now forgotten."""
    return RunFolder(path.parent).stale.exists() or published_mark(path).exists()


def busy(folder: RunFolder, holder: Holder) -> CheckpointError:
    """Return the error of a second trainer."""
    return CheckpointError(
        f"run {folder.path.name} is being trained by process {holder.process}",
        hint="`chatbot status` shows it, `chatbot stop` ends it",
    )


@contextlib.contextmanager
def locked_run(folder: RunFolder) -> Iterator[None]:
    """Lock a run, and remove an old STOP file; raises CheckpointError if another trainer holds it.

    A run that fails before it has written anything leaves no files, not even its folder.
    """
    created = [path for path in (folder.path, *folder.path.parents) if not path.exists()]
    with explained(folder.path):
        folder.path.mkdir(parents=True, exist_ok=True)
    try:
        with explained(folder.lock_path):
            lock = FileLock(folder.lock_path)
    except LockHeldError as error:
        raise busy(folder, error.holder) from error
    try:
        with lock:
            _tidy(folder, lock.since)
            try:
                yield
            finally:
                _remove_unused_lock(folder)
    finally:
        with contextlib.suppress(OSError):  # a folder that is not empty
            for path in created:
                path.rmdir()


def _tidy(folder: RunFolder, since: float) -> None:
    """Remove temporary files of a killed trainer."""
    stop = folder.stop_file
    if stop.exists() and stop.stat().st_mtime < since:
        stop.unlink()
    folder.undo_swaps()
    for part in [*folder.path.rglob("*.part")]:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


def _remove_unused_lock(folder: RunFolder) -> None:
    """Remove the lock file of a run without other files, while the lock is held.

    Windows cannot delete open files. A process that waits for this lock creates a new one.
    """
    with contextlib.suppress(OSError):
        if [*folder.path.iterdir()] == [folder.lock_path]:
            folder.lock_path.unlink()


def cut_metrics(path: Path, step: int) -> None:
    """Drop metrics after the checkpoint that a run continues from, and incomplete lines."""
    if not path.exists():
        return
    kept = [line for line in _read_metrics(path) if line["step"] <= step]
    write_bytes(path, "".join(json.dumps(line) + "\n" for line in kept).encode())


def _read_metrics(path: Path) -> Iterator[Metrics]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            metrics = json.loads(line)
            if isinstance(metrics, dict) and isinstance(metrics.get("step"), int):
                yield metrics


def start_loss(folder: RunFolder) -> float | None:
    """Return the held-out loss before step 1, if it was measured."""
    lines = (line for line in read_metrics(folder) if line["step"] == 0 and "end" not in line)
    return next((line["val_loss"] for line in lines if "val_loss" in line), None)


def read_metrics(folder: RunFolder) -> list[Metrics]:
    """Return the logged metrics in order; empty if there are none."""
    return list(_read_metrics(folder.metrics)) if folder.metrics.exists() else []
