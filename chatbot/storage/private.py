"""A project's folders: closed to other users, and cleared of files of killed processes."""

import contextlib
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from chatbot.settings.schema import Config

_OTHERS = 0o077  # permissions of everyone but the owner
_PART = re.compile(r"\.(\d+)\.part$")
# A running writer changes its file more often; the pid may be from another machine.
_LEFT_SECONDS = 600


def protect(config: Config, warn: Callable[[str], object]) -> None:
    """Close a project's folders to other users, and remove temporary files of killed commands.

    `warn` is called for each path that other users could read until now.
    """
    folders = private_folders(config)
    for path in close_to_others([*folders, Path(config.root) / ".env"]):
        if path.is_file() or _has_files(path):
            warn(f"{path} could be read by other users of this computer; it is closed to them now")
    for folder in (Path(config.root), *folders, config.run_dir):
        remove_leftovers(folder)


def _has_files(folder: Path) -> bool:
    """Whether a folder contains more than the empty folders of a new project."""
    return any(path.is_file() and path.name != ".gitkeep" for path in folder.rglob("*"))


def private_folders(config: Config) -> list[Path]:
    """Return the folders directly below the root that contain private data.

    A folder elsewhere that the settings name may be shared on purpose.
    """
    names = (
        config.raw.inbox_dir, config.raw.organized_dir, config.processed.dir,
        config.storage.checkpoints_dir, config.storage.artifacts_dir, config.storage.archive_dir,
    )  # fmt: skip
    tops = {part for name in names if not Path(name).is_absolute() for part in Path(name).parts[:1]}
    return [config.path(top) for top in sorted(tops - {".."})]


@contextlib.contextmanager
def written_for_owner() -> Iterator[None]:
    """Create files and folders inside the block that no other user can read."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def close_to_others(paths: Iterable[Path]) -> Iterator[Path]:
    """Remove all permissions of everyone but the owner; yield the paths that had some."""
    if os.name == "nt":
        return
    for path in paths:
        # Missing, of another owner, or on a disk without permissions.
        with contextlib.suppress(OSError):
            rights = stat.S_IMODE(path.stat().st_mode)
            if rights & _OTHERS:
                path.chmod(rights & ~_OTHERS)
                yield path


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process was writing into a folder: `NAME.PID.part`, untouched since."""
    for path in folder.glob("*.part"):
        match = _PART.search(path.name)
        if match and not _is_alive(int(match[1])) and _age_seconds(path) > _LEFT_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _age_seconds(path: Path) -> float:
    """Return how long ago a file, or the newest in a folder, was changed."""
    paths = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
    try:
        return time.time() - max(entry.lstat().st_mtime for entry in paths)
    except OSError:  # another process is at work there
        return 0.0


def _is_alive(pid: int) -> bool:
    """Whether a process with this pid runs on this machine; True if unknown."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
