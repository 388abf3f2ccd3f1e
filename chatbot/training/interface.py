"""What training needs from outside: a family's network, its plan, its hooks."""

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
    """A network that is decided on and not built yet.

    `config`: the settings with numbers for what a family resolves. `about`: what its
    checkpoints say. `sentences`: what was decided, and why.
    """

    config: Config
    compute: Compute
    build: Callable[[], Network]
    about: About
    sentences: list[str]
    need_bytes: float  # of memory, while it trains
    replies_at_once: bool = False  # so that measuring it before step 1 says something

    @property
    def recipe(self) -> Recipe:
        """How to optimize."""
        return recipe_of(self.config.optimization)

    @property
    def block_size(self) -> int:
        """The context, in tokens."""
        return int(self.config.model.block_size)


class TrainingFamily(Protocol):
    """What a model family offers to training: functions of a module."""

    def resolve(
        self,
        config: Config,
        corpus: Corpus,
        world: World = ALONE,
        saved: About | None = None,
        parent: Path | None = None,
    ) -> Blueprint:
        """Decide on network, device and every `auto` that depends on them.

        `saved`: what the checkpoint to continue from says of itself. `parent`: the saved model of
        the stage before, whose weights a new run begins from.
        """

    def write_model(
        self,
        path: Path,
        state: TrainState,
        about: About,
        tokenizer: Tokenizer,
    ) -> None:
        """Write the averaged weights as a saved model that replies, to a file or into a folder."""

    def read_about(self, path: Path) -> About:
        """Return what the saved model of a run's best says of itself; raises CheckpointError."""


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
    """What a signal begins: the first stops, the second skips measuring, the third interrupts."""

    n_signals: int
    seconds: float  # until all is measured and saved
    step: int
    saved_step: int  # 0: nothing was saved yet


@dataclass(frozen=True)
class TrainingHooks:
    """What training calls: to report, and to sample a reply at each evaluation."""

    on_step: Callable[[StepResult, float | None], None]  # with the last loss that was read
    on_eval: Callable[[int, EvalResult, str], None]
    on_trouble: Callable[[ChatbotError], None]
    sample: Callable[[Network], str]
    on_measure: Callable[[int, int], None] = lambda _done, _total: None  # batches
    tell: Callable[[str], None] = lambda _sentence: None
    on_signal: Callable[[StopNotice], None] = lambda _notice: None  # amid whatever runs


NO_HOOKS = TrainingHooks(
    on_step=lambda _result, _loss: None,
    on_eval=lambda _step, _result, _sample: None,
    on_trouble=lambda _error: None,
    sample=lambda _network: "",
)
