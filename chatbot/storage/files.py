"""Atomic files: written under a temporary name, fsynced, renamed."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from chatbot.errors import ChatbotError

_CHUNK = 1 << 20
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
# A marker in names that users never choose: such files may be deleted.
REPLACED = ".replaced"
_OPEN_FILES = Path("/proc/self/fd")  # of Linux


@contextlib.contextmanager
def atomic_write(
    path: Path,
    before_rename: Callable[[Path], None] = lambda part: None,
    mode: int = 0o666,
    *,
    has_name: bool = False,
) -> Iterator[IO[bytes]]:
    """Open a binary file that gets the name `path` only when it is complete and on disk.

    `before_rename` is called with the complete temporary file; `mode` limits the permissions;
    `has_name`: whether the temporary file needs a path, to be opened again by `file.name`.

    Raises ChatbotError when the disk is full or the folder cannot be written; a previous file at
    `path` is then unchanged.
    """
    part = part_of(path)
    try:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            handle = None if has_name else _open_without_name(path.parent, mode)
            with open(part if handle is None else handle, "xb", opener=_opener(mode)) as file:
                yield file
                file.flush()
                sync_file(file.fileno())
                if handle is not None:
                    _give_name(handle, part)
            before_rename(part)
            _replace(part, path)
            sync_directory(path.parent)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _opener(mode: int) -> Callable[[str, int], int]:
    return partial(os.open, mode=mode)


def _open_without_name(folder: Path, mode: int) -> int | None:
    """Open a file without a name in a folder, which vanishes if the process is killed.

    Returns None if the system or the file system does not support it.
    """
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not _OPEN_FILES.is_dir():
        return None
    try:
        return os.open(folder, flag | os.O_WRONLY, mode)
    except OSError:  # not supported, or an error that the other way will report as well
        return None


def _give_name(handle: int, path: Path) -> None:
    """Give an open file without a name the name `path`."""
    folder = os.open(_OPEN_FILES, os.O_RDONLY)
    try:
        # With a folder, Python calls linkat, which follows the link that /proc holds.
        os.link(str(handle), path, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def write_bytes(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a whole file atomically."""
    with atomic_write(path, mode=mode) as file:
        file.write(content)


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON atomically."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    write_bytes(path, text.encode() + b"\n")


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Re-raise OSError (full disk, missing permission) as ChatbotError about `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            message, hint = f"no space left to write {path}", "free some disk space, then again"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            message, hint = f"cannot write {path}", "check the folder's owner and permissions"
        else:
            message, hint = f"cannot write {path}: {error.strerror or error}", "check the disk"
        raise ChatbotError(message, hint=hint) from error


def sync_file(handle: int) -> None:
    """Flush a file to disk; on a Mac fsync alone leaves it in the drive's cache."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fsync(handle)


def _replace(part: Path, path: Path) -> None:
    """Rename; on Windows wait while a virus scanner or an indexer reads the old file."""
    for pause_seconds in _PAUSES:
        try:
            part.replace(path)
            return
        except PermissionError:
            if sys.platform != "win32":
                raise
            time.sleep(pause_seconds)
    part.replace(path)


def sync_directory(folder: Path) -> None:
    """Flush renames inside `folder` to disk (a no-op on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def part_of(path: Path) -> Path:
    """Return the temporary name of a file or folder until it is complete."""
    return path.with_name(f"{path.name}.{os.getpid()}.part")


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder, which replaces `target` when the block ends without an error."""
    part = part_of(target)
    try:
        with explained(target):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        yield part
        replace_directory(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def replace_directory(new: Path, final: Path) -> None:
    """Rename the folder `new` to `final`; the previous folder is deleted only after that.

    The caller has checked that it may be deleted.
    """
    old = final.with_name(final.name + REPLACED)
    with explained(final):
        restore_directory(final)
        if final.exists():
            final.replace(old)
        new.replace(final)
        sync_directory(final.parent)
        if old.exists():
            shutil.rmtree(old)


def restore_directory(final: Path) -> None:
    """Undo a `replace_directory` that was killed between its two renames."""
    old = final.with_name(final.name + REPLACED)
    if not old.exists():
        return
    if final.exists():
        shutil.rmtree(old)
    else:
        old.replace(final)


def move(source: Path, target: Path) -> None:
    """Move a file or folder, across file systems too, never onto something that exists."""
    if target.exists():
        raise ChatbotError(f"{target} already exists", hint="rename one of the two")
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _move_by_copy(source, target)
        sync_directory(target.parent)


def _move_by_copy(source: Path, target: Path) -> None:
    """Copy to a temporary name, sync, rename, then delete: a full disk leaves no partial copy."""
    part = part_of(target)
    try:
        if source.is_dir():
            shutil.copytree(source, part, symlinks=True)
        else:
            shutil.copy2(source, part)
        for path in [part, *part.rglob("*")] if part.is_dir() else [part]:
            if path.is_file() and not path.is_symlink():
                with path.open("rb+") as file:
                    sync_file(file.fileno())
        part.replace(target)
        sync_directory(target.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)
        raise
    shutil.rmtree(source) if source.is_dir() else source.unlink()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex, reading it in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def require_space(folder: Path, size_bytes: int) -> None:
    """Raise ChatbotError if less than 1.2 x `size_bytes` is free on the disk of `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < 1.2 * size_bytes:
        raise ChatbotError(
            f"{folder} has {free // 2**20} MiB free, {size_bytes * 1.2 // 2**20:.0f} are needed",
            hint="free some disk space, then again",
        )
