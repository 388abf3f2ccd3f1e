"""What training needs from outside: its plan, who keeps its states, who listens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from chatbot.errors import ChatbotError
from chatbot.model.interface import Network
from chatbot.training.folder import RunFolder
from chatbot.training.loop import EvalResult, StepResult, TrainState


@dataclass(frozen=True)
class Plan:
    """Steps of a run, with everything `auto` resolved."""

    max_steps: int
    n_epochs: float
    eval_interval: int
    save_interval: int
    about: dict[str, Any]
    measures_start: bool = False  # what a pretrained base scores before step 1


@dataclass(frozen=True)
class BestMark:
    """What a kept best says about itself: its step, its held-out loss, the data it learned from."""

    step: int
    loss: float
    data_fingerprint: str


def best_mark(about: dict[str, Any]) -> BestMark | None:
    """Read the mark of a kept best."""
    step, loss = about.get("step"), about.get("val_loss")
    if not isinstance(step, int) or not isinstance(loss, float):
        return None
    return BestMark(step, loss, str(about.get("data_fingerprint")))


class Keeper(Protocol):
    """Writes a state to the files of a run, each whole or not there."""

    @property
    def folder(self) -> RunFolder:
        """The run's folder."""

    def keep_latest(self, state: TrainState, about: dict[str, Any]) -> None:
        """Write what the same command continues from."""

    def keep_snapshot(self, state: TrainState, about: dict[str, Any]) -> None:
        """Write one of the checkpoints along the way."""

    def missing_bytes(self, state: TrainState, n_snapshots: int) -> int:
        """Return how much more space the run's files will take, with so many snapshots planned."""

    def best(self) -> BestMark | None:
        """Return what is kept as the best; None if there is none, or a damaged one."""

    def keep_best(self, state: TrainState, about: dict[str, Any]) -> None:
        """Write the best so far: what replies."""


@dataclass(frozen=True)
class StopNotice:
    """What a signal begins: the first stops, the second skips measuring, the third interrupts."""

    n_signals: int
    seconds: float  # until all is measured and saved
    step: int
    saved_step: int  # 0: nothing was saved yet


@dataclass(frozen=True)
class Listener:
    """What the command wants to hear and to add."""

    on_step: Callable[[StepResult, float | None], None]  # with the last loss that was read
    on_eval: Callable[[int, EvalResult, str], None]
    on_trouble: Callable[[ChatbotError], None]
    sample: Callable[[Network], str]
    on_measure: Callable[[int, int], None] = lambda _done, _total: None  # batches
    tell: Callable[[str], None] = lambda _sentence: None
    on_signal: Callable[[StopNotice], None] = lambda _notice: None  # amid whatever runs


SILENT = Listener(
    on_step=lambda _result, _loss: None,
    on_eval=lambda _step, _result, _sample: None,
    on_trouble=lambda _error: None,
    sample=lambda _network: "",
)
