"""What the trainer and the sampler need of a model, whichever family it is of.

B batch, T tokens, C channels, V vocabulary, K rows that are trained apart. Replying imports no
torch.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Tokens = npt.NDArray[np.int64]
# What a checkpoint must agree with, by the name of its setting.
Signature: TypeAlias = Mapping[str, object]
# config.json or adapter_config.json: of transformers and peft, who alone can say what is in it.
HfConfig: TypeAlias = Mapping[str, Any]
Logits = npt.NDArray[np.float32]


class Cache(Protocol):
    """What a language model remembers of the tokens before."""

    length: int

    def cut(self, length: int) -> None:
        """Forget what follows the first `length` tokens."""


class LanguageModel(Protocol):
    """What the sampler and the bot need: a causal network behind numpy."""

    @property
    def context_length(self) -> int:
        """The most tokens that a cache, or a call without one, can hold."""

    def new_cache(self) -> Cache:
        """Return an empty cache for one conversation."""

    def __call__(self, tokens: Tokens, cache: Any = None) -> Logits:
        """Map tokens (B, T) to logits (B, T, V); with a cache, tokens continue what it holds."""

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        """Map tokens (T,) that continue a cache to the logits (V,) of what follows them."""


class Network(Protocol):
    """What the loop trains: an nn.Module whose parameters that require gradients are trained."""

    training: bool

    @property
    def has_linear_head(self) -> bool:
        """Whether logits are hidden @ head_weight.T and nothing else."""

    @property
    def head_weight(self) -> "Tensor":
        """The matrix (V, C) of the LM head."""

    @property
    def head_rows(self) -> "tuple[Tensor, Tensor] | None":
        """Token ids (K,) and the rows (K, C) trained in place of the head's; None without any."""

    @property
    def signature(self) -> Signature:
        """What a checkpoint must agree with, by the name of its setting."""

    def hidden(self, tokens: "Tensor") -> "Tensor":
        """Map tokens (B, T) to normed hidden states (B, T, C)."""

    def head(self, hidden: "Tensor") -> "Tensor":
        """Map hidden states (..., C) to logits (..., V)."""

    def language_model(self) -> LanguageModel:
        """Return it as what replies."""

    def named_parameters(self) -> "Iterator[tuple[str, nn.Parameter]]":
        """As nn.Module, like all below."""

    def train(self, mode: bool = True) -> Any:
        """Set the mode of training."""

    def eval(self) -> Any:
        """Set the mode of evaluation."""

    def to(self, device: "torch.device") -> Any:
        """Move to a device, in place."""


def trained_weights(network: Network) -> "dict[str, nn.Parameter]":
    """Return the parameters that are trained, by name."""
    return {name: p for name, p in network.named_parameters() if p.requires_grad}
