"""A project's folders -> closed to other users of the machine, without what killed writers left."""

import contextlib
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from chatbot.settings.schema import Config

_OTHERS = 0o077  # the rights of every user but the owner
_PART = re.compile(r"\.(\d+)\.part$")
# A living writer touches its file more often; its pid may be one of another machine.
_LEFT_SECONDS = 600


def protect(config: Config, warn: Callable[[str], object]) -> None:
    """Close a project's folders to other users, and remove what killed commands left in them.

    `warn` hears what other users could read until now.
    """
    folders = private_folders(config)
    for path in close_to_others([*folders, Path(config.root) / ".env"]):
        warn(f"{path} could be read by other users of this computer; it is closed to them now")
    for folder in (Path(config.root), *folders, config.run_dir):
        remove_leftovers(folder)


def private_folders(config: Config) -> list[Path]:
    """Return the folders right below the root that hold what is private.

    A folder somewhere else that the settings name may be shared on purpose.
    """
    names = (
        config.raw.inbox_dir, config.raw.organized_dir, config.processed.dir,
        config.storage.checkpoints_dir, config.storage.artifacts_dir, config.storage.archive_dir,
    )  # fmt: skip
    tops = {part for name in names if not Path(name).is_absolute() for part in Path(name).parts[:1]}
    return [config.path(top) for top in sorted(tops - {".."})]


@contextlib.contextmanager
def written_for_owner() -> Iterator[None]:
    """Write files and folders that no other user of the machine can read."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def close_to_others(paths: Iterable[Path]) -> Iterator[Path]:
    """Take all rights on paths from every user but their owner; yield those that had some."""
    if os.name == "nt":
        return
    for path in paths:
        with contextlib.suppress(OSError):  # missing, somebody else's, on a disk without rights
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
        return time.time() - max(one.lstat().st_mtime for one in paths)
    except OSError:  # somebody is at work there
        return 0.0


def _is_alive(pid: int) -> bool:
    """Whether a process of this machine has a pid; True where that cannot be asked."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
