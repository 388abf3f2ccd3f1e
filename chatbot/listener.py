"""What a pipeline reports while it works, to a terminal, a notebook or a server."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Listener(Protocol):
    """Receives messages for the user, and the progress of the work."""

    def say(self, sentence: str) -> None:
        """Receive information about a decision or a result."""

    def warn(self, sentence: str) -> None:
        """Receive a warning: something that the user may have to change."""

    def progress(self, total: int, what: str) -> AbstractContextManager[Callable[[], object]]:
        """Return a context manager; call its value after each of `total` steps."""


class Silence:
    """A listener that reports nothing."""

    def say(self, sentence: str) -> None:
        """Ignore information."""

    def warn(self, sentence: str) -> None:
        """Ignore a warning."""

    def progress(self, total: int, what: str) -> AbstractContextManager[Callable[[], object]]:
        """Ignore every step."""
        del total, what
        return nullcontext(lambda: None)


SILENCE = Silence()
