"""A pretrained network behind the numpy protocol `LanguageModel`, with a cache per conversation.

B batch, T tokens, C channels, V vocabulary.
"""

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from chatbot.model.interface import Logits, Tokens


class CachingNetwork(Protocol):
    """A pretrained network that reads tokens after those of a cache."""

    vocab_size: int

    @property
    def context_length(self) -> int:
        """The maximum context, in tokens."""

    @property
    def head_weight(self) -> Tensor:
        """The matrix of the LM head."""

    def hidden(self, tokens: Tensor, cache: Any = None) -> Tensor:
        """Map tokens (B, T) to normalized hidden states (B, T, C)."""

    def new_kv_cache(self) -> Any:
        """Return an empty cache of keys and values for `hidden`."""

    def head(self, hidden: Tensor) -> Tensor:
        """Map hidden states (..., C) to logits (..., V)."""

    def eval(self) -> Any:
        """Switch to evaluation mode."""


class PretrainedCache:
    """The keys and values of one conversation, and its tokens."""

    def __init__(self) -> None:
        self.length = 0
        self.tokens: list[int] = []
        self.kept: Any = None

    def cut(self, length: int) -> None:
        """Drop everything after the first `length` tokens."""
        if length >= self.length:
            return
        n_dropped = self.length - length
        self.length = length
        del self.tokens[length:]
        try:
            self.kept.crop(-n_dropped)  # newer versions refuse the length to keep
        except (ValueError, RuntimeError, AttributeError):
            self.kept = None  # a recurrent state cannot go back: read the tokens again


class PretrainedLanguageModel:
    """A pretrained network in evaluation mode behind the numpy protocol of `LanguageModel`."""

    def __init__(self, network: CachingNetwork) -> None:
        self._network = network
        network.eval()

    @property
    def context_length(self) -> int:
        """The maximum number of tokens in a cache."""
        return self._network.context_length

    def new_cache(self) -> PretrainedCache:
        """Return an empty cache for one conversation."""
        return PretrainedCache()

    def __call__(self, tokens: Tokens, cache: Any = None) -> Logits:
        """Map tokens (B, T) to logits (B, T, V)."""
        hidden = self._hidden(tokens, cache)
        with torch.inference_mode():
            return self._logits(hidden)

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        """Map tokens (T,) that continue a cache to the logits (V,) of the next token."""
        hidden = self._hidden(tokens[None], cache)[0, -1]
        with torch.inference_mode():
            return self._logits(hidden)

    def _hidden(self, tokens: Tokens, cache: PretrainedCache | None) -> Tensor:
        device = self._network.head_weight.device
        with torch.inference_mode():
            if cache is None:
                return self._network.hidden(torch.as_tensor(tokens, device=device))
            n_new = tokens.shape[1]
            cache.tokens += tokens[0].tolist()
            cache.length = len(cache.tokens)
            if cache.kept is None:
                cache.kept = self._network.new_kv_cache()
                tokens = np.array([cache.tokens])
            read = torch.as_tensor(tokens, device=device)
            return self._network.hidden(read, cache.kept)[:, -n_new:]

    def _logits(self, hidden: Tensor) -> Logits:
        n_tokens = self._network.vocab_size
        logits = self._network.head(hidden)[..., :n_tokens].float()
        # Some vocabularies have tokens (of pictures) that the network has no row for.
        padded = F.pad(logits, (0, n_tokens - logits.shape[-1]), value=-torch.inf)
        return np.asarray(padded.cpu())
