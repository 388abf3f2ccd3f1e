"""The interfaces of training: a family's network, the plan of a run, its hooks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chatbot.corpus.store import Corpus
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import ChatbotError
from chatbot.model.bundle import About
from chatbot.model.interface import Network
from chatbot.settings.schema import Config
from chatbot.training.loop import Compute, EvalResult, StepResult, TrainState
from chatbot.training.recipe import Optimization, Recipe, recipe_of
from chatbot.training.world import ALONE, World


@dataclass(frozen=True)
class Blueprint:
    """A network that is configured but not built yet.

    `config`: the settings, resolved by the family. `about`: facts for its checkpoints. `sentences`:
    messages about decisions and reasons.
    """

    config: Config
    compute: Compute
    build: Callable[[], Network]
    about: About
    sentences: list[str]
    need_bytes: float  # of memory during training
    replies_at_once: bool = False  # so that its loss before step 1 is meaningful

    @property
    def recipe(self) -> Recipe:
        """The recipe of optimization."""
        return recipe_of(self.config.optimization)

    @property
    def block_size(self) -> int:
        """The context, in tokens."""
        return int(self.config.model.block_size)


class TrainingFamily(Protocol):
    """The functions of a model family's training module."""

    def resolve(
        self,
        config: Config,
        corpus: Corpus,
        world: World = ALONE,
        saved: About | None = None,
        parent: Path | None = None,
    ) -> Blueprint:
        """Resolve network, device and every `auto` that depends on them.

        `saved`: facts about the checkpoint to continue from. `parent`: the saved model of the
        previous stage, from whose weights a new run begins.
        """

    def write_model(
        self,
        path: Path,
        state: TrainState,
        about: About,
        tokenizer: Tokenizer,
    ) -> None:
        """Write the averaged weights as a saved model, to a file or into a folder."""

    def read_about(self, path: Path) -> About:
        """Return the facts about a run's best model; raises CheckpointError if it has none."""


@dataclass(frozen=True)
class Plan:
    """Steps of a run, with everything `auto` resolved."""

    optimization: Optimization
    n_epochs: float
    eval_interval: int
    save_interval: int
    snapshot_interval: int  # 0: none

    @property
    def max_steps(self) -> int:
        """The step at which the run ends."""
        return self.optimization.max_steps


@dataclass(frozen=True)
class StopNotice:
    """Effects of signals: the first stops, the second skips evaluation, the third interrupts."""

    n_signals: int
    seconds: float  # until the end, with evaluation and saving
    step: int
    saved_step: int  # 0: nothing was saved yet


@dataclass(frozen=True)
class TrainingHooks:
    """Callbacks of training: to report, and to sample a reply at each evaluation."""

    on_step: Callable[[StepResult, float | None], None]  # with the last loss that is available
    on_eval: Callable[[int, EvalResult, str], None]
    on_trouble: Callable[[ChatbotError], None]
    sample: Callable[[Network], str]
    on_measure: Callable[[int, int], None] = lambda _done, _total: None  # batches
    tell: Callable[[str], None] = lambda _sentence: None
    on_signal: Callable[[StopNotice], None] = lambda _notice: None  # called inside a signal handler


NO_HOOKS = TrainingHooks(
    on_step=lambda _result, _loss: None,
    on_eval=lambda _step, _result, _sample: None,
    on_trouble=lambda _error: None,
    sample=lambda _network: "",
)
