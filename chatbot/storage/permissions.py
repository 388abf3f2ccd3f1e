"""Who else on this machine may read the project's private files: nobody."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_privately() -> None:
    """Let this process and its children make files and folders for their owner alone."""
    os.umask(_OTHERS)


def make_private(folders: Iterable[Path]) -> None:
    """Close folders of one's own to others: then so is everything in them, whatever its mode."""
    for folder in folders:
        if not folder.is_symlink() and folder.is_dir() and is_open_to_others(folder):
            folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~_OTHERS)


def is_open_to_others(path: Path) -> bool:
    """Whether a file or folder of one's own may be read by other users of the machine.

    False on Windows, where a profile's folders are its user's alone, and for what is not there.
    """
    if os.name == "nt" or not path.exists():
        return False
    status = path.stat()
    return status.st_uid == os.geteuid() and bool(status.st_mode & _OTHERS)
