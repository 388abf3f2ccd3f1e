"""The protocols of models that the trainer and the sampler use, for all families.

B batch, T tokens, C channels, V vocabulary, K rows of the head that are trained separately. No
torch here.
"""

from collections.abc import Iterator, Mapping, Sequence
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
    """The state of a language model after the tokens of a conversation so far."""

    length: int

    def cut(self, length: int) -> None:
        """Drop everything after the first `length` tokens."""


# Tokens (T,) that continue the cache of a conversation; T may differ between conversations.
Read: TypeAlias = tuple[Tokens, Any]


class LanguageModel(Protocol):
    """A causal language model with numpy inputs and outputs, for the sampler and the bot."""

    @property
    def context_length(self) -> int:
        """The maximum number of tokens in a cache, or in a call without one."""

    def new_cache(self) -> Cache:
        """Return an empty cache for one conversation."""

    def __call__(self, tokens: Tokens, cache: Any = None) -> Logits:
        """Map tokens (B, T) to logits (B, T, V); with a cache, tokens continue its content."""

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        """Map tokens (T,) that continue a cache to the logits (V,) of the next token."""


class BatchLanguageModel(LanguageModel, Protocol):
    """A language model that serves many conversations at once."""

    @property
    def cache_bytes(self) -> int:
        """The size of a full cache."""

    def next_logits_of(self, reads: Sequence[Read]) -> Logits:
        """Map B reads, of conversations with their own caches, to logits (B, V), in one pass.

        Rows equal those of `next_logits` up to rounding, which depends on the other reads.
        """


class Network(Protocol):
    """A network to train: an nn.Module; parameters that require gradients are trained."""

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
        """Map tokens (B, T) to normalized hidden states (B, T, C)."""

    def head(self, hidden: "Tensor") -> "Tensor":
        """Apply the LM head: map hidden states (..., C) to logits (..., V)."""

    def language_model(self) -> LanguageModel:
        """Return the network behind the protocol `LanguageModel`."""

    def named_parameters(self) -> "Iterator[tuple[str, nn.Parameter]]":
        """Yield the parameters with their names, like nn.Module."""

    def train(self, mode: bool = True) -> Any:
        """Switch to training mode."""

    def eval(self) -> Any:
        """Switch to evaluation mode."""

    def to(self, device: "torch.device") -> Any:
        """Move to a device, in place."""


def trained_weights(network: Network) -> "dict[str, nn.Parameter]":
    """Return the parameters that are trained, by name."""
    return {name: p for name, p in network.named_parameters() if p.requires_grad}
