"""The durations of steps, evaluations and saves, and when to stop because of a time limit."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

_BRANCH_SHARE = 0.25  # share of the limit for a branch with a falling rate
_END_SHARE = 0.5  # maximum share of the limit that is reserved for evaluation and saving
_MARGIN = 1.1  # margin, because steps of a branch may be slower


@dataclass
class Clock:
    """The clock of a call of `chatbot train`; `limit_seconds` is infinite without a limit."""

    limit_seconds: float = math.inf
    measurement_steps: float = 1.0  # estimated duration of an evaluation, until one was timed
    step_seconds: float = 0.0
    measure_seconds: float | None = None
    save_seconds: float = 0.0
    _began: float = field(default_factory=lambda: monotonic())
    _lap: tuple[int, float] | None = None
    _first: tuple[int, float] | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since training began in this call."""
        return monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds until the limit."""
        return self.limit_seconds - self.elapsed

    @property
    def end_seconds(self) -> float:
        """Estimated seconds for saving, evaluating and keeping the best at the end."""
        measure = self.measure_seconds
        if measure is None:
            measure = self.measurement_steps * self.step_seconds + self.save_seconds
        return self.save_seconds + measure

    @property
    def free(self) -> float:
        """Seconds left for steps, without those reserved for the end."""
        return self.left - min(self.end_seconds, _END_SHARE * self.limit_seconds)

    def start_steps(self, step: int) -> None:
        """Start to time steps, after `step`."""
        self._lap = step, monotonic()
        self._first = self._first or self._lap

    def note_steps(self, step: int) -> None:
        """Record that all steps up to `step` have finished on the device."""
        if self._lap is None or self._lap[0] == step:
            return
        before, since = self._lap
        seconds = (monotonic() - since) / (step - before)
        self.step_seconds = (self.step_seconds + seconds) / 2 if self.step_seconds else seconds
        self._lap = step, monotonic()

    @contextlib.contextmanager
    def measuring(self) -> Iterator[None]:
        """Time an evaluation inside the block."""
        began = monotonic()
        yield
        self.measure_seconds = monotonic() - began

    @contextlib.contextmanager
    def saving(self) -> Iterator[None]:
        """Time a save inside the block."""
        began = monotonic()
        yield
        self.save_seconds = monotonic() - began

    def seconds_to(self, step: int, max_steps: int) -> float:
        """Return the estimated seconds from `step` to `max_steps`, evaluations included."""
        pace = self.step_seconds
        if self._first and step > self._first[0]:
            pace = (monotonic() - self._first[1]) / (step - self._first[0])
        return pace * (max_steps - step)

    def must_end(self, step: int, max_steps: int, wanted_branch: int) -> bool:
        """Whether to stop now, so that a branch of up to `wanted_branch` steps fits the limit.

        False for a run that reaches `max_steps` in time, which follows its own schedule.
        """
        if self.limit_seconds == math.inf:
            return False
        if self.left <= 0:
            return True
        if not self.step_seconds or self.seconds_to(step, max_steps) <= self.free:
            return False
        n_steps = self._cut_branch(wanted_branch)
        return self.free <= (n_steps * _MARGIN + 1) * self.step_seconds

    def branch_steps(self, wanted_branch: int) -> int:
        """Return how many steps with a falling rate fit into the rest of the limit."""
        if self.limit_seconds == math.inf or not self.step_seconds:
            return 0
        fitting = int(max(0.0, self.free) / self.step_seconds)
        return min(self._cut_branch(wanted_branch), fitting)

    def _cut_branch(self, wanted_branch: int) -> int:
        most = int(_BRANCH_SHARE * self.limit_seconds / self.step_seconds)
        return min(wanted_branch, most)
