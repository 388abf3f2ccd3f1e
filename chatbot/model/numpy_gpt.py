"""The GPT of gpt.py in numpy: replies without PyTorch, whose import alone takes seconds.

T tokens, C channels, H heads, K heads of keys and values, D head width, V vocabulary.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.errors import CheckpointError
from chatbot.model.language_model import Logits, Tokens
from chatbot.model.shape import NORM_EPS, GPTConfig, require_shapes

Array = npt.NDArray[np.float32]


class NumpyCache:
    """Keys and values of one conversation, allocated once: 2 x (L, K, block_size, D)."""

    def __init__(self, config: GPTConfig) -> None:
        shape = (config.n_layer, config.n_kv_head, config.block_size, config.head_dim)
        self.keys = np.zeros(shape, dtype=np.float32)
        self.values = np.zeros(shape, dtype=np.float32)
        self.length = 0

    def cut(self, length: int) -> None:
        """Forget what follows the first `length` tokens."""
        self.length = min(self.length, length)


class NumpyGPT:
    """A GPT behind the protocol of `LanguageModel`, from weights named as in gpt.py."""

    def __init__(self, config: GPTConfig, weights: Mapping[str, Array]) -> None:
        require_shapes(config, weights)
        self._config = config
        self._embedding = weights["embed_tokens.weight"]
        self._norm = weights["norm.weight"]
        self._layers = [_Layer(config, number, weights) for number in range(config.n_layer)]
        half = np.arange(0, config.head_dim, 2, dtype=np.float32) / np.float32(config.head_dim)
        places = np.arange(config.block_size, dtype=np.float32)
        angles = np.outer(places, np.float32(config.rope_theta) ** -half)
        self._cos, self._sin = np.cos(angles), np.sin(angles)

    @property
    def context_length(self) -> int:
        """The most tokens that a cache can hold."""
        return self._config.block_size

    def new_cache(self) -> NumpyCache:
        """Return an empty cache for one conversation."""
        return NumpyCache(self._config)

    def __call__(self, tokens: Tokens, cache: Any = None) -> Logits:
        """Map tokens (B, T) to logits (B, T, V); a cache holds one conversation, so B is 1."""
        caches = [cache] if cache is not None else [self.new_cache() for _ in tokens]
        rows = [self._hidden(row, one) for row, one in zip(tokens, caches, strict=True)]
        return np.stack(rows) @ self._embedding.T

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        """Map tokens (T,) that continue a cache to the logits (V,) of what follows them."""
        return self._embedding @ self._hidden(tokens, cache)[-1]

    def _hidden(self, tokens: Tokens, cache: NumpyCache) -> Array:
        """Map tokens (T,) to normed hidden states (T, C), and put them into the cache."""
        begin, end = cache.length, cache.length + len(tokens)
        if end > self._config.block_size:
            raise CheckpointError(
                f"{end} tokens do not fit a context of {self._config.block_size}",
                hint="shorten the history",
            )
        turn = self._cos[begin:end, None], self._sin[begin:end, None]
        x = self._embedding[tokens]
        for number, layer in enumerate(self._layers):
            x = layer(x, turn, cache.keys[number, :, :end], cache.values[number, :, :end])
        cache.length = end
        return _rms_norm(x, self._norm)


class _Layer:
    """Attention and MLP, each normed before and added after."""

    def __init__(self, config: GPTConfig, number: int, weights: Mapping[str, Array]) -> None:
        self._config = config

        def weight(name: str) -> Array:
            return weights[f"layers.{number}.{name}.weight"]

        self._input_norm, self._mlp_norm = (
            weight("input_layernorm"),
            weight("post_attention_layernorm"),
        )
        self._q, self._k, self._v, self._o = (
            weight(f"self_attn.{name}_proj") for name in ("q", "k", "v", "o")
        )
        # Attention divides by the root of D: the norm of the queries does it on the way.
        self._q_norm = weight("self_attn.q_norm") * np.float32(config.head_dim**-0.5)
        self._k_norm = weight("self_attn.k_norm")
        self._gate, self._up, self._down = (
            weight(f"mlp.{name}_proj") for name in ("gate", "up", "down")
        )

    def __call__(self, x: Array, turn: tuple[Array, Array], keys: Array, values: Array) -> Array:
        """Map (T, C) to (T, C); the last T places of keys and values (K, N, D) are filled."""
        x = x + self._attend(_rms_norm(x, self._input_norm), turn, keys, values)
        normed = _rms_norm(x, self._mlp_norm)
        gate = normed @ self._gate.T
        gate *= 0.5 * (1 + np.tanh(0.5 * gate))  # silu, which never overflows this way
        gate *= normed @ self._up.T
        x += gate @ self._down.T
        return x

    def _attend(self, x: Array, turn: tuple[Array, Array], keys: Array, values: Array) -> Array:
        config = self._config
        T, K, D = len(x), config.n_kv_head, config.head_dim
        q = _rotate(_rms_norm((x @ self._q.T).reshape(T, -1, D), self._q_norm), turn)
        k = _rotate(_rms_norm((x @ self._k.T).reshape(T, K, D), self._k_norm), turn)
        keys[:, -T:] = k.swapaxes(0, 1)
        values[:, -T:] = (x @ self._v.T).reshape(T, K, D).swapaxes(0, 1)
        # Heads that share keys stand in one product: (K, H/K * T, D).
        grouped = q.reshape(T, K, -1, D).transpose(1, 2, 0, 3).reshape(K, -1, D)
        scores = grouped @ keys.swapaxes(1, 2)
        if T > 1:
            future = ~np.tri(T, keys.shape[1], keys.shape[1] - T, dtype=bool)
            scores.reshape(K, -1, *future.shape)[:, :, future] = -np.inf
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        heads = (scores @ values).reshape(K, -1, T, D).transpose(2, 0, 1, 3)
        return np.asarray(heads.reshape(T, -1) @ self._o.T, dtype=np.float32)


def _rms_norm(x: Array, weight: Array) -> Array:
    """Normalize the last dimension of (..., C)."""
    squares: Array = np.einsum("...c,...c->...", x, x)[..., None]
    return x / np.sqrt(squares / np.float32(x.shape[-1]) + np.float32(NORM_EPS)) * weight


def _rotate(x: Array, turn: tuple[Array, Array]) -> Array:
    """Turn (T, H, D) by position, halves against each other (not neighbours)."""
    cos, sin = turn
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    turned: Array = np.concatenate((a * cos - b * sin, b * cos + a * sin), axis=-1)
    return turned
