"""A lock between processes, which the operating system releases when its holder dies."""

import os
import socket
import sys
import time
from pathlib import Path
from typing import Self

import msgspec

_TRIES, _PAUSE_SECONDS = 10, 0.05


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock, since when (seconds since 1970); pid 0 until it has said so."""

    pid: int = 0
    host: str = ""
    since: float = 0.0

    @property
    def process(self) -> str:
        """The process, as a message names it."""
        return str(self.pid or "?")


class LockHeldError(Exception):
    """Somebody else holds the lock; `holder` says who."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(f"locked by pid {holder.process}")
        self.holder = holder


class FileLock:
    """A lock on `path`, held until it is closed or the process ends in any way.

    The system releases the lock of a killed process, so its file needs no cleaning up, and no pid
    is checked.
    """

    def __init__(self, path: Path) -> None:
        self._open(path)
        while not self._is_of(path):
            self._file.close()  # the holder removed the file while this process waited
            self._open(path)
        self.since = time.time()
        self._file.truncate(0)
        holder = Holder(os.getpid(), socket.gethostname(), self.since)
        self._file.write(msgspec.json.encode(holder).decode())
        self._file.flush()

    def _is_of(self, path: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), path.stat())
        except FileNotFoundError:
            return False

    def _open(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+", encoding="utf-8")
        try:
            self._take()
        except OSError as error:
            self._file.close()
            raise LockHeldError(_holder(path)) from error

    def _take(self) -> None:
        """Retry for a short time, because `lock_holder` holds the lock for an instant."""
        for _ in range(_TRIES):
            try:
                return _lock(self._file.fileno())
            except OSError:
                time.sleep(_PAUSE_SECONDS)
        return _lock(self._file.fileno())

    def __enter__(self) -> Self:
        """Return the lock, held."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        self._file.close()


def lock_holder(path: Path) -> Holder | None:
    """Describe the process that holds the lock at `path`; None if it is free."""
    if not path.exists():
        return None
    with path.open("a+", encoding="utf-8") as file:
        try:
            _lock(file.fileno())
        except OSError:
            return _holder(path)
    return None


def _holder(path: Path) -> Holder:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return Holder()  # it is between taking the lock and writing its name


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(
            descriptor, 1 << 30, os.SEEK_SET
        )  # far from the text: on Windows a locked byte cannot be read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
