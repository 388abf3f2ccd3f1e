"""What a bridge did, a line each, without text: time, hash of the room, counts, decision."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

_KEY_FILE, _LOG_FILE, _ENDED_FILE = "key", "audit.jsonl", "ended"
_HASH_BYTES = 8


class Entry(msgspec.Struct, frozen=True):
    """A line of the log. `n_new`: messages that were new; `n_sent`: messages of the session."""

    time: str
    room: str
    decision: str
    n_new: int
    n_sent: int


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Audit:
    """The log of a project's bridges, and the rooms that were ended for good."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = utc_now) -> None:
        self._folder, self._now = folder, now
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_path = folder / _KEY_FILE
        if not key_path.exists():
            key_path.touch(mode=0o600)
            key_path.write_bytes(secrets.token_bytes(32))
        self._key = key_path.read_bytes()

    def room_hash(self, title: str) -> str:
        """Return what the log calls a room: nobody guesses its name without the key beside it."""
        digest = hashlib.blake2b(title.encode(), key=self._key, digest_size=_HASH_BYTES)
        return digest.hexdigest()

    def record(self, title: str, decision: str, n_new: int, n_sent: int) -> None:
        """Append a line."""
        time = self._now().isoformat(timespec="seconds")
        entry = Entry(time, self.room_hash(title), decision, n_new, n_sent)
        self._append(_LOG_FILE, msgspec.json.encode(entry).decode())

    def end_for_good(self, title: str) -> None:
        """Remember that the kill word was typed in a room."""
        if not self.is_ended(title):
            self._append(_ENDED_FILE, self.room_hash(title))

    def is_ended(self, title: str) -> bool:
        """Whether the kill word was ever typed in a room."""
        path = self._folder / _ENDED_FILE
        ended = path.read_text(encoding="utf-8").split() if path.exists() else []
        return self.room_hash(title) in ended

    @property
    def ended_path(self) -> Path:
        """The list of rooms that were ended; its owner may delete it."""
        return self._folder / _ENDED_FILE

    def _append(self, name: str, line: str) -> None:
        with (self._folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
