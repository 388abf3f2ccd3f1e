"""The GPT of network.py in numpy: replies without PyTorch, whose import takes seconds.

B conversations, T tokens of one, R rows of all together, C channels, H heads, K heads of keys and
values, D head width, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.errors import CheckpointError
from chatbot.model.gpt.config import NORM_EPS, GPTConfig, require_shapes
from chatbot.model.interface import Logits, Read, Tokens

Array = npt.NDArray[np.float32]
_FEW_ROWS = 64


class NumpyCache:
    """Keys and values of one conversation, allocated once: 2 x (L, K, block_size, D)."""

    def __init__(self, config: GPTConfig) -> None:
        shape = (config.n_layer, config.n_kv_head, config.block_size, config.head_dim)
        self.keys = np.zeros(shape, dtype=np.float32)
        self.values = np.zeros(shape, dtype=np.float32)
        self.length = 0

    def cut(self, length: int) -> None:
        """Drop everything after the first `length` tokens."""
        self.length = min(self.length, length)


@dataclass(frozen=True, slots=True)
class _Span:
    """The rows of one conversation in a batch, and its cache with place for them."""

    begin: int
    end: int
    cache: NumpyCache
    length: int  # of the cache, with the new tokens


class NumpyGPT:
    """A GPT behind the protocol of `LanguageModel`, from weights named as in network.py."""

    def __init__(self, config: GPTConfig, weights: Mapping[str, Array]) -> None:
        require_shapes(config, weights)
        self._config = config
        self._embedding = weights["embed_tokens.weight"]
        self._norm = _Norm(weights["norm.weight"])
        self._layers = [_Layer(config, number, weights) for number in range(config.n_layer)]
        half = np.arange(0, config.head_dim, 2, dtype=np.float32) / np.float32(config.head_dim)
        places = np.arange(config.block_size, dtype=np.float32)
        angles = np.outer(places, np.float32(config.rope_theta) ** -half)
        # (block_size, 1, 2, D/2): equal for all heads; the sine of the first half is negative
        self._cos = np.stack((np.cos(angles), np.cos(angles)), axis=1)[:, None]
        self._sin = np.stack((-np.sin(angles), np.sin(angles)), axis=1)[:, None]

    @property
    def context_length(self) -> int:
        """The maximum number of tokens in a cache."""
        return self._config.block_size

    @property
    def cache_bytes(self) -> int:
        """The size of a cache."""
        config = self._config
        return 8 * config.n_layer * config.n_kv_head * config.block_size * config.head_dim

    def new_cache(self) -> NumpyCache:
        """Return an empty cache for one conversation."""
        return NumpyCache(self._config)

    def __call__(self, tokens: Tokens, cache: Any = None) -> Logits:
        """Map tokens (B, T) to logits (B, T, V); a cache holds one conversation, so B is 1."""
        caches = [cache] if cache is not None else [self.new_cache() for _ in tokens]
        rows = [self._hidden([read]) for read in zip(tokens, caches, strict=True)]
        return self._norm(np.stack(rows)) @ self._embedding.T

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        """Map tokens (T,) that continue a cache to the logits (V,) of the next token."""
        return self._embedding @ self._norm(self._hidden([(tokens, cache)])[-1])

    def next_logits_of(self, reads: Sequence[Read]) -> Logits:
        """Map B reads, of conversations with their own caches, to logits (B, V)."""
        last = np.cumsum([len(tokens) for tokens, _ in reads]) - 1
        return _product(self._norm(self._hidden(reads)[last]), self._embedding)

    def _hidden(self, reads: Sequence[Read]) -> Array:
        """Map the tokens of all reads, R in total, to hidden states (R, C); extend the caches."""
        spans = self._spans(reads)
        places = [np.arange(span.cache.length, span.length) for span in spans]
        turn = self._cos[np.concatenate(places)], self._sin[np.concatenate(places)]
        x = self._embedding[np.concatenate([tokens for tokens, _ in reads])]
        for layer in self._layers:
            x = layer(x, turn, spans)
        for span in spans:
            span.cache.length = span.length
        return x

    def _spans(self, reads: Sequence[Read]) -> list[_Span]:
        """Return the spans of reads; raises CheckpointError if one does not fit its cache."""
        spans, begin = [], 0
        for tokens, cache in reads:
            length = cache.length + len(tokens)
            if length > self._config.block_size:
                raise CheckpointError(
                    f"{length} tokens do not fit a context of {self._config.block_size}",
                    hint="shorten the history",
                )
            spans.append(_Span(begin, begin + len(tokens), cache, length))
            begin += len(tokens)
        return spans


class _Layer:
    """Attention and MLP, each with a norm before and a residual connection."""

    def __init__(self, config: GPTConfig, number: int, weights: Mapping[str, Array]) -> None:
        def weight(name: str) -> Array:
            return weights[f"layers.{number}.{name}.weight"]

        self._number = number
        self._n_kv_head, self._head_dim = config.n_kv_head, config.head_dim
        self._input_norm = _Norm(weight("input_layernorm"))
        self._mlp_norm = _Norm(weight("post_attention_layernorm"))
        # One product for each group: larger matrices are read from memory a third faster.
        self._qkv = np.concatenate([weight(f"self_attn.{name}_proj") for name in "qkv"])
        self._o = weight("self_attn.o_proj")
        self._gate_up = np.concatenate([weight(f"mlp.{name}_proj") for name in ("gate", "up")])
        self._down = weight("mlp.down_proj")
        # Attention divides by sqrt(D); this is folded into the norm of the queries.
        q_norm = weight("self_attn.q_norm") * np.float32(config.head_dim**-0.5)
        heads = [q_norm] * config.n_head + [weight("self_attn.k_norm")] * config.n_kv_head
        self._head_norm = _Norm(np.stack(heads))

    def __call__(self, x: Array, turn: tuple[Array, Array], spans: Sequence[_Span]) -> Array:
        """Map (R, C) to (R, C); keys and values of the spans' new tokens are written."""
        x = x + self._attend(self._input_norm(x), turn, spans)
        half, up = np.split(_product(self._mlp_norm(x), self._gate_up), 2, axis=1)
        half *= np.float32(0.5)
        open_share = np.tanh(half)  # silu(2h) = h (1 + tanh h), which never overflows
        open_share += np.float32(1)
        half *= open_share
        half *= up
        x += _product(half, self._down)
        return x

    def _attend(self, x: Array, turn: tuple[Array, Array], spans: Sequence[_Span]) -> Array:
        K, D = self._n_kv_head, self._head_dim
        heads = _product(x, self._qkv).reshape(len(x), -1, D)
        values = heads[:, -K:]
        heads = _rotate(self._head_norm(heads[:, :-K]), turn)
        queries, keys = heads[:, :-K], heads[:, -K:]
        mixed = np.empty((len(x), queries.shape[1] * D), dtype=np.float32)
        for span in spans:
            rows = slice(span.begin, span.end)
            new = slice(span.length - span.end + span.begin, span.length)
            cached_keys = span.cache.keys[self._number]
            cached_values = span.cache.values[self._number]
            cached_keys[:, new] = keys[rows].swapaxes(0, 1)
            cached_values[:, new] = values[rows].swapaxes(0, 1)
            mixed[rows] = _attention(
                queries[rows], cached_keys[:, : span.length], cached_values[:, : span.length]
            )
        return _product(mixed, self._o)


def _attention(queries: Array, keys: Array, values: Array) -> Array:
    """Map queries (T, H, D), the last of N tokens with keys and values (K, N, D), to (T, H * D)."""
    T, (K, N, D) = len(queries), keys.shape
    # Heads that share keys are computed in one product: (K, H/K * T, D).
    grouped = queries.reshape(T, K, -1, D).transpose(1, 2, 0, 3).reshape(K, -1, D)
    scores = grouped @ keys.swapaxes(1, 2)
    if T > 1:
        future = ~np.tri(T, N, N - T, dtype=bool)
        scores.reshape(K, -1, T, N)[:, :, future] = -np.inf
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    mixed = np.asarray(scores @ values, dtype=np.float32)
    mixed /= scores.sum(axis=-1, keepdims=True)
    return mixed.reshape(K, -1, T, D).transpose(2, 0, 1, 3).reshape(T, -1)


class _Norm:
    """Root-mean-square norm over the last dimension."""

    def __init__(self, weight: Array) -> None:
        width = weight.shape[-1]
        # x / sqrt(sum / n + eps) = x * sqrt(n) / sqrt(sum + n eps)
        self._weight = weight * np.float32(width**0.5)
        self._eps = np.float32(width * NORM_EPS)

    def __call__(self, x: Array) -> Array:
        """Map (..., C) to (..., C)."""
        squares: Array = np.vecdot(x, x)[..., None]
        squares += self._eps
        return x / np.sqrt(squares, out=squares) * self._weight


def _product(x: Array, weight: Array) -> Array:
    """Map (R, C) through weight (N, C) to (R, N).

    A matrix-vector product is a fifth faster than the general one; for few rows OpenBLAS is up to
    1.8 times as fast with the large matrix first.
    """
    if len(x) == 1:
        return (weight @ x[0])[None]
    if len(x) <= _FEW_ROWS:
        return np.ascontiguousarray((weight @ x.T).T)
    return x @ weight.T


def _rotate(x: Array, turn: tuple[Array, Array]) -> Array:
    """Rotate (T, H, D) by position; pairs are (i, i + D/2), not neighbours."""
    cos, sin = turn
    halves = x.reshape(*x.shape[:-1], 2, -1)
    turned = halves[..., ::-1, :] * sin
    turned += halves * cos
    return turned.reshape(x.shape)
