"""Which of two replies a person kept <-> one file, encrypted with the project's key."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from chatbot.corpus.template import Turn
from chatbot.errors import ChatbotError
from chatbot.ingest.masking.sealing import read_rows, seal_rows
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes
from chatbot.storage.lock import FileLock, LockHeldError

FILE = "preferences.age"
Kind = Literal["retry", "undo", "edit"]
_MOST = 20_000  # every change writes all of them anew


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that a person rejected after a context, and the one kept instead, if any.

    `context`: (speaker id, text) of the turns before it; `speaker`: the id that replied.
    """

    kind: Kind
    context: list[tuple[int, str]]
    speaker: int
    rejected: str
    chosen: str | None = None

    @property
    def turns(self) -> list[Turn]:
        """The context as turns."""
        return [Turn(speaker, text) for speaker, text in self.context]


class Preference(Choice, frozen=True, kw_only=True):
    """A stored choice; its text is masked as training data is.

    `at`: when, in ISO 8601. `model`: run and step of the model that replied; `speakers`: a hash of
    the people behind its speaker ids, because another model may number them differently.
    """

    at: str
    model: str
    speakers: str


def preferences_path(config: Config) -> Path:
    """Return the path of the stored preferences, in the folder of the manifest."""
    return config.path(config.raw.manifest_path).with_name(FILE)


def read_preferences(config: Config) -> list[Preference]:
    """Return all stored preferences, the oldest first.

    Raises CryptoError if the project's key has changed.
    """
    return read_rows(preferences_path(config), Preference, config)


def add_preferences(new: Sequence[Preference], config: Config) -> None:
    """Store preferences behind the others; of very many, the oldest are dropped."""
    if not new:
        return
    with _locked(config):
        rows = [*read_preferences(config), *new][-_MOST:]
        write_bytes(preferences_path(config), seal_rows(rows, config), mode=0o600)


def delete_preferences(config: Config) -> int:
    """Delete all stored preferences, unreadable ones too; return the size of the file in bytes."""
    path = preferences_path(config)
    if not path.parent.is_dir():
        return 0
    with _locked(config):
        size = path.stat().st_size if path.exists() else 0
        for each in (path, *path.parent.glob(f"{path.name}.*.part")):
            each.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # Windows keeps open files: an empty lock remains
            _lock_path(config).unlink()
    return size


def pairs_of(preferences: Iterable[Preference]) -> list[Preference]:
    """Return those that have both a chosen and a rejected reply, which differ; each once."""
    pairs = {
        (str(row.context), row.speaker, row.chosen, row.rejected): row
        for row in preferences
        if row.chosen and row.rejected and row.chosen != row.rejected
    }
    return list(pairs.values())


def count_kinds(preferences: Iterable[Choice]) -> dict[str, tuple[int, int]]:
    """Return, by kind, how many pairs and how many rejected replies without a chosen one."""
    counts = Counter((row.kind, row.chosen is not None) for row in preferences)
    kinds = dict.fromkeys(kind for kind, _ in counts)
    return {kind: (counts[kind, True], counts[kind, False]) for kind in sorted(kinds)}


def _lock_path(config: Config) -> Path:
    return preferences_path(config).with_suffix(".lock")


@contextlib.contextmanager
def _locked(config: Config) -> Iterator[None]:
    """Hold the lock of the file: a chat and a server may store at the same time."""
    path = _lock_path(config)
    try:
        lock = FileLock(path)
    except LockHeldError as error:
        raise ChatbotError(
            f"the preferences are in use by process {error.holder.process}", hint="try again"
        ) from error
    with lock:
        if os.name != "nt":
            path.chmod(0o600)
        yield
