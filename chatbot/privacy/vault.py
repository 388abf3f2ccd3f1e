"""All that is private in a project -> one age file behind a passphrase, and back.

While a project is sealed its published `.enc` model stays outside: it is opened in memory only.
"""

import contextlib
import hashlib
import io
import os
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from chatbot.crypto.age import Identity, decrypt, encrypt
from chatbot.crypto.age_keys import Passphrase
from chatbot.errors import ChatbotError, CryptoError
from chatbot.inference.loading import ENCRYPTED
from chatbot.privacy.forgetting import require_no_trainer
from chatbot.settings.aliases import load_sft_config
from chatbot.settings.schema import Config
from chatbot.storage.files import atomic_write, move, part_of, sha256_of, sync_file
from chatbot.storage.private import private_folders

FILE = "sealed.age"


def sealed_path(config: Config) -> Path:
    """Where a sealed project's file is."""
    return Path(config.root) / FILE


def private_files(config: Config) -> list[Path]:
    """Return every file that sealing takes away: of the private folders, and `.env`."""
    files = [Path(config.root) / ".env"]
    for folder in _folders(config):
        files += sorted(path for path in folder.rglob("*") if path.suffix != ENCRYPTED)
    return [path for path in files if path.is_file() and path.name != ".gitkeep"]


def _folders(config: Config) -> list[Path]:
    """Return the private folders of both programs."""
    tuned = load_sft_config(Path(config.root), (), "sft")
    return sorted({*private_folders(config), *private_folders(tuned)})


def seal(config: Config, key: Passphrase, advance: Callable[[int], object]) -> Path:
    """Encrypt all private files into one, open it again to compare, and only then delete them.

    `advance` hears bytes that were encrypted or compared. Raises ChatbotError, and deletes
    nothing, if a file cannot be read or changed meanwhile.
    """
    require_no_trainer(config)
    target, files = sealed_path(config), private_files(config)
    if target.exists():
        raise ChatbotError(f"{target} already exists", hint="`chatbot unseal` opens it first")
    if not files:
        raise ChatbotError("nothing private is here to seal", hint="`chatbot organize` begins")
    with atomic_write(target, mode=0o600) as sealed, _tar_of(files, Path(config.root)) as source:
        encrypt(io.BufferedReader(_Counted(source, advance)), sealed, [key])
    try:
        _compare(target, key, files, Path(config.root), advance)
    except BaseException:
        target.unlink()
        raise
    for path in files:
        path.unlink()
    for folder in _folders(config):
        _remove_empty(folder)
    return target


def unseal(config: Config, identity: Identity, advance: Callable[[int], object]) -> int:
    """Put all files of a sealed project back, then delete the sealed one; return how many.

    Raises CryptoError for a wrong passphrase or a damaged file, ChatbotError if a file is in the
    way: then nothing is moved.
    """
    source, root = sealed_path(config), Path(config.root)
    if not source.is_file():
        raise ChatbotError(f"no {FILE} in {root}", hint="`chatbot seal` makes it")
    aside = part_of(root / "unsealed")
    aside.mkdir(mode=0o700)
    try:
        with source.open("rb") as file, _open_tar(_Plain(decrypt(file, [identity]))) as tar:
            for member in tar:
                tar.extract(member, aside, filter="data")
                advance(member.size)
        files = [path for path in sorted(aside.rglob("*")) if path.is_file()]
        _put_back(files, aside, root)
        source.unlink()
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return len(files)


def _put_back(files: list[Path], aside: Path, root: Path) -> None:
    """Move unsealed files to where they were; what a killed `seal` had not deleted is there yet."""
    targets = {path: root / path.relative_to(aside) for path in files}
    present = [path for path, target in targets.items() if target.exists()]
    if changed := [path for path in present if sha256_of(path) != sha256_of(targets[path])]:
        raise ChatbotError(
            f"{len(changed)} files are in the way, {changed[0].relative_to(aside)} first",
            hint="move them out of the project",
        )
    for path in set(files) - set(present):
        with path.open("rb+") as file:
            sync_file(file.fileno())
        move(path, targets[path])


def _compare(
    target: Path,
    key: Identity,
    files: list[Path],
    root: Path,
    advance: Callable[[int], object],
) -> None:
    """Raise ChatbotError unless a sealed file holds exactly what lies on the disk."""
    names = {path.relative_to(root).as_posix(): path for path in files}
    with target.open("rb") as sealed, _open_tar(_Plain(decrypt(sealed, [key]))) as tar:
        for member in tar:
            path, content = names.pop(member.name), tar.extractfile(member)
            if content is None or _digest(content) != sha256_of(path):
                raise ChatbotError(f"{path} changed while it was sealed", hint="try again")
            advance(member.size)
    if names:
        raise ChatbotError(f"{len(names)} files are not in the sealed one", hint="try again")


@contextlib.contextmanager
def _tar_of(files: list[Path], root: Path) -> Iterator[IO[bytes]]:
    """Lend the stream of a tar of files, which is never whole anywhere; what fails is raised."""
    reader, writer = os.pipe()
    errors: list[BaseException] = []

    def write() -> None:
        try:
            with os.fdopen(writer, "wb") as pipe, tarfile.open(fileobj=pipe, mode="w|") as tar:
                for path in files:
                    tar.add(path, path.relative_to(root).as_posix(), recursive=False)
        except BrokenPipeError:
            pass  # whoever read has given up, and says why
        except BaseException as error:  # raised in the thread that reads
            errors.append(error)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        with os.fdopen(reader, "rb") as pipe:
            yield pipe
    finally:
        thread.join()
    if errors:
        raise errors[0]


def _open_tar(source: io.RawIOBase) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=io.BufferedReader(source), mode="r|")
    except tarfile.TarError as error:
        raise CryptoError(f"{FILE} holds no project", hint="restore the file") from error


class _Plain(io.RawIOBase):
    """The plain bytes of an age file as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = next(self._chunks, b"")
        n = min(len(buffer), len(self._rest))
        buffer[:n], self._rest = self._rest[:n], self._rest[n:]
        return n


class _Counted(io.RawIOBase):
    """A stream that tells how much of it was read."""

    def __init__(self, source: IO[bytes], advance: Callable[[int], object]) -> None:
        self._source, self._advance = source, advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._source.read(len(buffer))
        buffer[: len(content)] = content
        self._advance(len(content))
        return len(content)


def _digest(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _remove_empty(folder: Path) -> None:
    """Remove the folders in a folder that hold nothing; the folder itself stays."""
    for path in sorted(folder.rglob("*"), reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()
