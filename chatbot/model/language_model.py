"""What the sampler and the bot need of a network, in numpy, whatever computes it."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]


class LanguageModel(Protocol):
    """A causal network. B batch, T tokens, V vocabulary."""

    @property
    def context_length(self) -> int:
        """The most tokens that a cache, or a call without one, can hold."""

    def new_cache(self) -> "Cache":
        """Return an empty cache for one conversation."""

    def __call__(self, tokens: Tokens, cache: Any = None) -> Logits:
        """Map tokens (B, T) to logits (B, T, V); with a cache, tokens continue what it holds."""

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        """Map tokens (T,) that continue a cache to the logits (V,) of what follows them."""


class Cache(Protocol):
    """What a network remembers of the tokens before."""

    length: int

    def cut(self, length: int) -> None:
        """Forget what follows the first `length` tokens."""
