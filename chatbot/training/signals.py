"""Ctrl+C and SIGTERM: stop gracefully, then without an evaluation, then at once."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any


@dataclass
class StopSignals:
    """The first signal stops gracefully, the second skips the evaluation, the third interrupts.

    `on_signal` is called at once with their number. Under torchrun a Ctrl+C arrives twice, from the
    terminal and from torchrun: then (`is_patient`) all signals count as one.
    """

    on_signal: Callable[[int], None]
    is_patient: bool = False
    reason: str = ""
    n_signals: int = 0
    _before: dict[int, Any] = field(default_factory=dict)

    @property
    def skips_measurement(self) -> bool:
        """Whether the user does not want to wait for an evaluation."""
        return self.n_signals > 1

    def __enter__(self) -> "StopSignals":
        """Install the signal handlers."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the previous signal handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.is_patient and self.n_signals:
            return
        self.n_signals += 1
        self.reason = self.reason or ("Ctrl+C" if number == signal.SIGINT else "SIGTERM")
        self.on_signal(self.n_signals)
        if self.n_signals > 2:
            raise KeyboardInterrupt
