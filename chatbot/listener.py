"""What a pipeline reports while it works: to a terminal, a notebook, a server, or to nobody."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Listener(Protocol):
    """Hears sentences for the user, and how far the work is."""

    def say(self, sentence: str) -> None:
        """Hear what was decided or found."""

    def warn(self, sentence: str) -> None:
        """Hear what the user may have to change."""

    def progress(self, total: int, what: str) -> AbstractContextManager[Callable[[], object]]:
        """Return a context whose value is called after each of `total` steps."""


class Silence:
    """A listener that ignores everything."""

    def say(self, sentence: str) -> None:
        """Ignore a sentence."""

    def warn(self, sentence: str) -> None:
        """Ignore a warning."""

    def progress(self, total: int, what: str) -> AbstractContextManager[Callable[[], object]]:
        """Ignore every step."""
        del total, what
        return nullcontext(lambda: None)


SILENCE = Silence()
