"""Cleaned sessions on disk between two passes, so that memory does not grow with the chat."""

import struct
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from chatbot.conversation import Session
from chatbot.storage.files import explained

_LENGTH = struct.Struct("<I")


class SessionSpool:
    """An append-only file of sessions that can be read again from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.n_turns: list[int] = []
        self._starts = array("Q")
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")

    def add(self, session: Session) -> None:
        """Append a session."""
        packed = msgspec.msgpack.encode(session)
        with explained(self._path):
            self._starts.append(self._file.tell())
            self._file.write(_LENGTH.pack(len(packed)) + packed)
        self.n_turns.append(len(session.messages))

    def close(self) -> None:
        """End writing; from now on the spool can only be read."""
        with explained(self._path):
            self._file.close()

    def remove(self) -> None:
        """Delete the file."""
        self.close()
        self._path.unlink(missing_ok=True)

    def in_order(self, numbers: Iterable[int]) -> Iterator[Session]:
        """Yield the sessions with these numbers, counted as they were added."""
        with self._path.open("rb") as file:
            for number in numbers:
                file.seek(self._starts[number])
                packed = file.read(_LENGTH.unpack(file.read(_LENGTH.size))[0])
                yield msgspec.msgpack.decode(packed, type=Session)

    def __iter__(self) -> Iterator[Session]:
        """Yield the sessions in order."""
        with self._path.open("rb") as file:
            while head := file.read(_LENGTH.size):
                packed = file.read(_LENGTH.unpack(head)[0])
                yield msgspec.msgpack.decode(packed, type=Session)
