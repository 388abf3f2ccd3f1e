"""The cells of the reference results: what differs from the default in each, and for how long.

`response_only` etc. are the label modes of configs/sft.yaml, written as the settings that they
stand for when a network of ours is trained (chatbot/settings/aliases.py).
"""

from dataclasses import dataclass

POSITIONS = 2048  # of a step, at most
DEFAULT = "all"
PERSONA = "processed.preprocess.targets=persona"
_WINDOWS = "processed.preprocess.corpus_mode=context_windows"
_REPLIES_ONLY = "objective.loss_mode=response_only"


@dataclass(frozen=True)
class Scale:
    """How large the network is and how long it is trained, where a cell says nothing else."""

    network: tuple[str, ...]
    n_steps: int


SCALES = {
    "quick": Scale(("model.n_layer=2", "model.n_head=4", "model.n_embd=128"), 100),
    "full": Scale(("model.size=nano",), 300),
}


@dataclass(frozen=True)
class Cell:
    """A run: what is asked (`group`), its answer (`name`), and what it changes.

    `corpus`: settings of preprocessing, `training`: settings of the run; of configs/sft.yaml for a
    pretrained base (`on_base`). `share`: of the steps of the scale.
    """

    group: str
    name: str
    corpus: tuple[str, ...] = ()
    training: tuple[str, ...] = ()
    share: float = 1.0
    on_base: bool = False


def _context(n_tokens: int) -> Cell:
    rows = POSITIONS // n_tokens
    settings = (f"model.block_size={n_tokens}", f"optimization.batch_size={rows}")
    return Cell("context", f"block_size: {n_tokens}", training=settings)


def _size(size: str, share: float = 1.0) -> Cell:
    settings = (f"model.size={size}", "model.block_size=256", "optimization.batch_size=8")
    steps = "" if share == 1 else f" x {share}"
    return Cell("size", f"size: {size}{steps}", training=settings, share=share)


def _steps(share: float) -> Cell:
    return Cell("steps", f"x {share:g}", share=share)


def _adapter(share: float) -> Cell:
    settings = ("training.max_seq_len=256", "training.per_device_train_batch_size=2")
    return Cell("base", f"x {share:g}", training=settings, share=share, on_base=True)


# In the order in which a decision needs them.
CELLS = (
    Cell("labels", DEFAULT),
    Cell("labels", "response_only", training=(_REPLIES_ONLY,)),
    Cell("labels", "persona_only", corpus=(PERSONA,), training=(_REPLIES_ONLY,)),
    Cell("labels", "last_turn", corpus=(_WINDOWS,), training=(_REPLIES_ONLY,)),
    Cell("weight", "targets: persona", corpus=(PERSONA,)),
    Cell("weight", "context_weight: 1", training=("objective.context_weight=1",)),
    _context(128),
    _context(512),
    _context(1024),
    # A step of small takes 2.9 times the arithmetic of one of nano, one of base 6.5 times.
    _size("small"),
    _size("small", 0.34),
    _size("base", 0.15),
    _steps(0.5),
    _steps(2),
    _steps(4),
    _adapter(0),
    _adapter(0.1),
)
