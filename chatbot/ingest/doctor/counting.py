"""A stream of bytes -> the same stream, which reports how far it was read."""

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import IO

from chatbot.ingest.readers.text import OpenBytes

OnBytes = Callable[[int], object]
_BUFFER = 1 << 18


def counted(open_bytes: OpenBytes, on_bytes: OnBytes) -> OpenBytes:
    """Return an opener whose streams call `on_bytes` with the bytes that no earlier pass read."""
    progress = _Progress(on_bytes)

    @contextlib.contextmanager
    def opened() -> Iterator[IO[bytes]]:
        with open_bytes() as stream:
            yield io.BufferedReader(_Counting(stream, progress), _BUFFER)

    return opened


class _Progress:
    """The furthest place of all passes."""

    def __init__(self, on_bytes: OnBytes) -> None:
        self._on_bytes = on_bytes
        self._furthest = 0

    def reach(self, place: int) -> None:
        """Report the bytes before a place that are new."""
        if place > self._furthest:
            self._on_bytes(place - self._furthest)
            self._furthest = place


class _Counting(io.RawIOBase):
    def __init__(self, stream: IO[bytes], progress: _Progress) -> None:
        super().__init__()
        self._stream, self._progress = stream, progress
        self._place = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        self._place += len(content)
        self._progress.reach(self._place)
        return len(content)
