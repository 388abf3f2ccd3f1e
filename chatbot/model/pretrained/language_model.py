"""A pretrained network behind the numpy protocol `LanguageModel`, with a cache per conversation.

B batch, T tokens, C channels, V vocabulary.
"""

import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chatbot.model.interface import Logits, Read, Tokens
from chatbot.model.pretrained.packed_row import (
    PackedRow,
    Part,
    RowAttention,
    has_fixed_positions,
)

# New tokens of three conversations in two passes: beginning, continuing, long and short.
_TRIAL_LENGTHS = ((5, 1, 11), (1, 7, 2))


class CachingNetwork(Protocol):
    """A pretrained network that reads tokens after those of a cache."""

    vocab_size: int

    @property
    def context_length(self) -> int:
        """The maximum context, in tokens."""

    @property
    def head_weight(self) -> Tensor:
        """The matrix of the LM head."""

    @property
    def cache_bytes(self) -> int:
        """The size of a cache of `context_length` tokens, at most."""

    def hidden(
        self, tokens: Tensor, cache: Any = None, position_ids: Tensor | None = None
    ) -> Tensor:
        """Map tokens (B, T) to normalized hidden states (B, T, C)."""

    def new_kv_cache(self) -> Any:
        """Return an empty cache of keys and values for `hidden`."""

    def head(self, hidden: Tensor) -> Tensor:
        """Map hidden states (..., C) to logits (..., V)."""

    def modules(self) -> Iterator[nn.Module]:
        """Yield all modules, like nn.Module."""

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
        kept, self.kept = self.kept, None
        try:
            kept.crop(-n_dropped)  # newer versions refuse the length to keep
        except (ValueError, RuntimeError, AttributeError):
            return  # a recurrent state cannot go back: the tokens are read again
        self.kept = kept

    def take(self, tokens: Tokens, network: CachingNetwork) -> Part:
        """Return new tokens, and all of a lost cache, as a part to read; `extend` must follow.

        The cache counts as lost until then: an interrupted pass has extended some layers only.
        """
        kept, self.kept = self.kept, None
        if kept is None:
            return Part(
                0, np.append(np.array(self.tokens, np.int64), tokens), network.new_kv_cache()
            )
        return Part(self.length, tokens, kept)

    def extend(self, tokens: Tokens, part: Part) -> None:
        """Add tokens whose part has been read."""
        self.tokens += tokens.tolist()
        self.length = len(self.tokens)
        self.kept = part.kv_cache


class PretrainedLanguageModel:
    """A pretrained network in evaluation mode behind the numpy protocol of `LanguageModel`."""

    def __init__(self, network: CachingNetwork) -> None:
        self._network = network
        network.eval()
        self._lock = threading.RLock()  # a pass over a row switches the attention of all layers

    @property
    def context_length(self) -> int:
        """The maximum number of tokens in a cache."""
        return self._network.context_length

    @property
    def cache_bytes(self) -> int:
        """The size of a full cache."""
        return self._network.cache_bytes

    def new_cache(self) -> PretrainedCache:
        """Return an empty cache for one conversation."""
        return PretrainedCache()

    def __call__(self, tokens: Tokens, cache: Any = None) -> Logits:
        """Map tokens (B, T) to logits (B, T, V); with a cache, B is 1."""
        with self._lock, torch.inference_mode():
            if cache is None:
                return self._logits(self._network.hidden(self._tensor(tokens)))
            return self._logits(self._continued(tokens[0], cache))

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        """Map tokens (T,) that continue a cache to the logits (V,) of the next token."""
        with self._lock, torch.inference_mode():
            return self._logits(self._continued(tokens, cache)[0, -1])

    def next_logits_of(self, reads: Sequence[Read]) -> Logits:
        """Map B reads, of conversations with their own caches, to logits (B, V).

        They are read in one pass, if the base gives the same logits that way.
        """
        with self._lock, torch.inference_mode():
            if len(reads) > 1 and self._can_pack:
                return self._packed_logits(reads)
            return np.stack([self.next_logits(*read) for read in reads])

    def _continued(self, tokens: Tokens, cache: PretrainedCache) -> Tensor:
        """Map tokens (T,) that continue a cache to hidden states (1, T, C)."""
        part = cache.take(tokens, self._network)
        hidden = self._network.hidden(self._tensor(part.tokens[None]), part.kv_cache)
        cache.extend(tokens, part)
        return hidden[:, -len(tokens) :]

    def _packed_logits(self, reads: Sequence[Read]) -> Logits:
        row = PackedRow([cache.take(tokens, self._network) for tokens, cache in reads])
        with self._row_attention.reading(row):
            hidden = self._network.hidden(
                self._tensor(row.tokens[None]), row, self._tensor(row.position_ids[None])
            )
        for (tokens, cache), part in zip(reads, row.parts, strict=True):
            cache.extend(tokens, part)
        return self._logits(hidden[0, self._tensor(row.last)])

    @cached_property
    def _row_attention(self) -> RowAttention:
        return RowAttention(self._network.modules())

    @cached_property
    def _can_pack(self) -> bool:
        """Whether three conversations in one row, twice, have the logits that each has alone."""
        if not has_fixed_positions(self._network.modules()):
            return False
        alone, packed = ([self.new_cache() for _ in range(3)] for _ in range(2))
        for lengths in _TRIAL_LENGTHS:
            trial = [(7 * np.arange(n) + 31 * n) % self._network.vocab_size for n in lengths]
            expected = [self.next_logits(*read) for read in zip(trial, alone, strict=True)]
            try:
                logits = self._packed_logits([*zip(trial, packed, strict=True)])
            # A base whose layers do not ask for caches and attention in the usual way.
            except (AttributeError, TypeError, LookupError, ValueError, RuntimeError):
                return False
            if not self._agree(logits, np.stack(expected)):
                return False
        return True

    def _agree(self, logits: Logits, expected: Logits) -> bool:
        """Whether the root mean square of differences is rounding; of a mix-up it is near 1."""
        said = np.isfinite(expected)
        spread = (expected - expected.mean(1, where=said, keepdims=True))[said]
        limit = 1e-3 if self._network.head_weight.dtype is torch.float32 else 0.05
        error = np.square(logits[said] - expected[said]).mean() / np.square(spread).mean()
        return bool(np.sqrt(error) < limit)

    def _tensor(self, tokens: Tokens) -> Tensor:
        return torch.as_tensor(tokens, device=self._network.head_weight.device)

    def _logits(self, hidden: Tensor) -> Logits:
        n_tokens = self._network.vocab_size
        logits = self._network.head(hidden)[..., :n_tokens].float()
        # Some vocabularies have tokens (of pictures) that the network has no row for.
        padded = F.pad(logits, (0, n_tokens - logits.shape[-1]), value=-torch.inf)
        return np.asarray(padded.cpu())
