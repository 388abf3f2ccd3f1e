"""Ctrl+C and SIGTERM -> a wish to stop."""

import signal
from dataclasses import dataclass, field
from types import FrameType
from typing import Any


@dataclass
class StopSignals:
    """Turns the first Ctrl+C or SIGTERM into a wish to stop; the second acts at once.

    Under torchrun a Ctrl+C arrives twice, from the terminal and from it: there none acts at once.
    """

    is_patient: bool = False
    reason: str = ""
    _before: dict[int, Any] = field(default_factory=dict)

    def __enter__(self) -> "StopSignals":
        """Listen."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._restore()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.reason = "Ctrl+C" if number == signal.SIGINT else "SIGTERM"
        if not self.is_patient:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
