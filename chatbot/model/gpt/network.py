"""A causal GPT with the layout of Qwen3, in torch: other programs open it without custom code.

B batch, T tokens, C channels, H heads, D head width, V vocabulary. Module names are those of Qwen3
in transformers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chatbot.errors import CheckpointError
from chatbot.model.device import computing_dtype
from chatbot.model.gpt.config import NORM_EPS, GPTConfig, require_shapes
from chatbot.model.interface import Logits, Read, Signature, Tokens

_INIT_STD = 0.02


class KVCache:
    """Keys and values of one conversation, allocated once: 2 x (L, B, H, block_size, D)."""

    def __init__(self, config: GPTConfig, batch_size: int, like: Tensor) -> None:
        shape = (
            config.n_layer,
            batch_size,
            config.n_kv_head,
            config.block_size,
            config.head_dim,
        )
        self.keys = torch.zeros(shape, dtype=like.dtype, device=like.device)
        self.values = torch.zeros_like(self.keys)
        self.length = 0

    def places(self, n_new: int) -> slice:
        """Return the positions of `n_new` tokens that continue the conversation."""
        return slice(self._fitting(n_new) - n_new, self.length + n_new)

    def _fitting(self, n_new: int) -> int:
        end, size = self.length + n_new, self.keys.shape[3]
        if end > size:
            raise too_long(end, size)
        return end

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Store new keys and values; return the attention (B, H, T, D) of q to all so far."""
        T, end = k.shape[2], self.length + k.shape[2]
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        mask = None
        if self.length and T > 1:
            mask = torch.ones(T, end, dtype=torch.bool, device=q.device).tril(self.length)
        keys, values = self.keys[layer, :, :, :end], self.values[layer, :, :, :end]
        return F.scaled_dot_product_attention(
            q.to(keys.dtype),
            keys,
            values,
            attn_mask=mask,
            is_causal=self.length == 0 and T > 1,
            enable_gqa=keys.shape[1] != q.shape[1],
        )

    def advance(self, n_new: int) -> None:
        """Count the tokens that all layers have stored."""
        self.length += n_new

    def cut(self, length: int) -> None:
        """Drop everything after the first `length` tokens."""
        self.length = min(self.length, length)


class PackedCaches:
    """The caches of conversations whose new tokens stand one after the other in one row."""

    def __init__(self, caches: Sequence[KVCache], sizes: Sequence[int]) -> None:
        self._caches, self._sizes = caches, list(sizes)

    def places(self, n_new: int) -> Tensor:
        """Return the positions (T,) of the tokens in their conversations."""
        del n_new
        pairs = zip(self._caches, self._sizes, strict=True)
        spans = [cache.places(size) for cache, size in pairs]
        return torch.cat([torch.arange(span.start, span.stop) for span in spans])

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return the attention (1, H, T, D) of each token to its own conversation."""
        parts = zip(self._caches, *(x.split(self._sizes, dim=2) for x in (q, k, v)), strict=True)
        return torch.cat([cache.attend(layer, *part) for cache, *part in parts], dim=2)

    def advance(self, n_new: int) -> None:
        """Count the tokens that all layers have stored."""
        del n_new
        for cache, size in zip(self._caches, self._sizes, strict=True):
            cache.advance(size)


AnyCache = KVCache | PackedCaches


def too_long(n_tokens: int, context_length: int) -> CheckpointError:
    """Return the error for more tokens than a context has."""
    return CheckpointError(
        f"{n_tokens} tokens do not fit a context of {context_length}", hint="shorten the history"
    )


@dataclass(frozen=True, eq=False)  # torch.compile hashes it during construction
class Rotary:
    """Cosines and sines (T, D/2) of the positions of a call."""

    cos: Tensor
    sin: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Rotate (B, H, T, D) by position; pairs are (i, i + D/2), not neighbours."""
        a, b = x.float().chunk(2, dim=-1)
        turned = torch.cat((a * self.cos - b * self.sin, b * self.cos + a * self.sin), dim=-1)
        return turned.to(x.dtype)


class RMSNorm(nn.RMSNorm):
    """RMS norm whose result has the dtype of autocast, so that it is cast only once.

    The weight is cast to the input's dtype: with another one the fused kernel is not used.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize the last dimension of (..., C)."""
        y = F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)
        return y.to(computing_dtype(x.device, y.dtype))


class Dropout(nn.Module):
    """Zero a share of the elements while training, scale the others up.

    On a CPU torch draws a number for each element; here each draw gives eight bytes, so the share
    is a multiple of 1/256.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., C) to the same shape."""
        if not self.training or not self.share or x.device.type not in ("cpu", "meta"):
            return F.dropout(x, self.share, self.training)
        n_dropped = round(256 * self.share)
        draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
        draws.random_(-(2**63), None)
        kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= n_dropped
        result: Tensor = _Kept.apply(x, kept, 256 / (256 - n_dropped))
        return result


class _Kept(torch.autograd.Function):
    """x * kept * scale. Saves one byte per element for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Tensor, scale: float) -> Tensor:
        """Map x and kept (booleans) of the same shape to that shape."""
        ctx.save_for_backward(kept)
        ctx.scale = scale
        return x * kept.to(x.dtype).mul_(scale)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        """Scale the gradient likewise."""
        (kept,) = ctx.saved_tensors
        return slope * kept.to(slope.dtype).mul_(ctx.scale), None, None


class Attention(nn.Module):
    """Causal self-attention with grouped heads and a norm on every query and key head."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.n_kv_head, self.head_dim = (
            config.n_head,
            config.n_kv_head,
            config.head_dim,
        )
        kv_width = config.n_kv_head * config.head_dim
        self.q_proj = nn.Linear(config.n_embd, config.n_embd, bias=False)
        self.k_proj = nn.Linear(config.n_embd, kv_width, bias=False)
        self.v_proj = nn.Linear(config.n_embd, kv_width, bias=False)
        self.o_proj = nn.Linear(config.n_embd, config.n_embd, bias=False)
        self.q_norm = RMSNorm(config.head_dim)
        self.k_norm = RMSNorm(config.head_dim)

    def forward(self, x: Tensor, rotary: Rotary, cache: AnyCache | None, layer: int) -> Tensor:
        """Map (B, T, C) to (B, T, C)."""
        B, T, C = x.shape
        q = self.q_norm(self.q_proj(x).view(B, T, self.n_head, self.head_dim)).transpose(1, 2)
        k = self.k_norm(self.k_proj(x).view(B, T, self.n_kv_head, self.head_dim)).transpose(1, 2)
        v = self.v_proj(x).view(B, T, self.n_kv_head, self.head_dim).transpose(1, 2)
        q, k = rotary(q).to(v.dtype), rotary(k).to(v.dtype)
        if cache is not None:
            y = cache.attend(layer, q, k, v)
        elif self.training and q.dtype is torch.bfloat16 and q.device.type == "cpu":
            y = attend(q, k, v)
        else:
            is_grouped = self.n_kv_head != self.n_head
            y = F.scaled_dot_product_attention(q, k, v, is_causal=T > 1, enable_gqa=is_grouped)
        return self.o_proj(y.transpose(1, 2).reshape(B, T, C))


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention with matrix products: q, k, v (B, H, T, D); k and v may have fewer heads.

    In bf16 on a CPU the fused kernel's backward pass takes twice as long.
    """
    B, H, T, D = q.shape
    k, v = (part.repeat_interleave(H // part.shape[1], dim=1) for part in (k, v))
    q, k, v = (part.reshape(B * H, T, D) for part in (q, k, v))
    future = torch.full((T, T), -math.inf, dtype=q.dtype).triu_(1)
    scores = torch.baddbmm(future, q, k.mT, alpha=D**-0.5)
    return torch.bmm(scores.softmax(-1), v).view(B, H, T, D)


class MLP(nn.Module):
    """SwiGLU."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.n_embd, config.n_hidden, bias=False)
        self.up_proj = nn.Linear(config.n_embd, config.n_hidden, bias=False)
        self.down_proj = nn.Linear(config.n_hidden, config.n_embd, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, C) to (B, T, C)."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """Attention and MLP, each with a norm before and a residual connection."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.n_embd)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.n_embd)
        self.mlp = MLP(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, rotary: Rotary, cache: AnyCache | None, layer: int) -> Tensor:
        """Map (B, T, C) to (B, T, C)."""
        x = x + self.dropout(self.self_attn(self.input_layernorm(x), rotary, cache, layer))
        return x + self.dropout(self.mlp(self.post_attention_layernorm(x)))


class GPT(nn.Module):
    """Token embedding, layers, final norm; the LM head is the embedding (tied)."""

    has_linear_head = True
    head_rows = None
    cos: Tensor
    sin: Tensor

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.n_embd)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.n_layer))
        self.norm = RMSNorm(config.n_embd)
        self.dropout = Dropout(config.dropout)
        half = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
        angles = torch.outer(
            torch.arange(config.block_size, dtype=torch.float32), config.rope_theta**-half
        )
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def init_weights(self, generator: torch.Generator) -> None:
        """Draw weights: normal 0.02; projections into the residual stream start at zero.

        So every layer begins as the identity (modded-nanogpt, muP).
        """
        for name, parameter in self.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.zeros_(parameter)
            elif parameter.dim() == 2:
                nn.init.normal_(parameter, std=_INIT_STD, generator=generator)

    def hidden(self, tokens: Tensor, cache: AnyCache | None = None) -> Tensor:
        """Map tokens (B, T) to normalized hidden states (B, T, C)."""
        T, size = tokens.shape[1], self.config.block_size
        if cache is None and size < T:
            raise too_long(T, size)
        places = slice(T) if cache is None else cache.places(T)
        rotary = Rotary(self.cos[places], self.sin[places])
        x = self.embed_tokens(tokens)
        if self.training and self.config.input_masking:
            # Inputs are masked at random: the cheapest regularization against memorizing a small
            # chat.
            is_seen = torch.rand(tokens.shape, device=x.device) >= self.config.input_masking
            x = x * is_seen[..., None]
        x = self.dropout(x)
        for number, layer in enumerate(self.layers):
            x = layer(x, rotary, cache, number)
        if cache is not None:
            cache.advance(T)
        return self.norm(x)

    def head(self, hidden: Tensor) -> Tensor:
        """Apply the LM head: map hidden states (..., C) to logits (..., V)."""
        return F.linear(hidden, self.embed_tokens.weight)

    @property
    def head_weight(self) -> Tensor:
        """The weight of the LM head, which is the embedding: (V, C)."""
        return self.embed_tokens.weight

    def language_model(self) -> "TorchLanguageModel":
        """Return the network behind the protocol `LanguageModel`."""
        return TorchLanguageModel(self)

    @property
    def signature(self) -> Signature:
        """The settings that a checkpoint must match: the shape."""
        return asdict(self.config)

    def forward(self, tokens: Tensor, cache: AnyCache | None = None) -> Tensor:
        """Map tokens (B, T) to logits (B, T, V)."""
        return self.head(self.hidden(tokens, cache))


class TorchLanguageModel:
    """A GPT in evaluation mode behind the numpy protocol of `LanguageModel`."""

    def __init__(self, model: GPT) -> None:
        self._model = model.eval()

    @property
    def context_length(self) -> int:
        """The maximum number of tokens in a cache."""
        return self._model.config.block_size

    @property
    def cache_bytes(self) -> int:
        """The size of a cache."""
        config, weight = self._model.config, self._model.embed_tokens.weight
        n_values = 2 * config.n_layer * config.n_kv_head * config.block_size * config.head_dim
        return n_values * weight.element_size()

    def new_cache(self) -> KVCache:
        """Return an empty cache for one conversation."""
        return KVCache(self._model.config, 1, self._model.embed_tokens.weight)

    def __call__(self, tokens: Tokens, cache: Any = None) -> Logits:
        """Map tokens (B, T) to logits (B, T, V)."""
        with torch.inference_mode():
            logits = self._model(self._tensor(tokens), cache)
        return np.asarray(logits.float().cpu())

    def next_logits(self, tokens: Tokens, cache: Any) -> Logits:
        """Map tokens (T,) that continue a cache to the logits (V,) of the next token."""
        with torch.inference_mode():
            hidden = self._model.hidden(self._tensor(tokens)[None], cache)
            logits = self._model.head(hidden[0, -1])
        return np.asarray(logits.float().cpu())

    def next_logits_of(self, reads: Sequence[Read]) -> Logits:
        """Map B reads, of conversations with their own caches, to logits (B, V)."""
        sizes = [len(tokens) for tokens, _ in reads]
        row = np.concatenate([tokens for tokens, _ in reads])
        with torch.inference_mode():
            caches = PackedCaches([cache for _, cache in reads], sizes)
            hidden = self._model.hidden(self._tensor(row)[None], caches)[0]
            logits = self._model.head(hidden[self._tensor(np.cumsum(sizes) - 1)])
        return np.asarray(logits.float().cpu())

    def _tensor(self, tokens: Tokens) -> Tensor:
        return torch.as_tensor(tokens, device=self._model.embed_tokens.weight.device)


def load_gpt(config: GPTConfig, weights: Mapping[str, npt.NDArray[np.float32]]) -> GPT:
    """Build a GPT from the weights of a bundle."""
    require_shapes(config, weights)
    model = GPT(config)
    model.load_state_dict(
        {name: torch.from_numpy(w.copy()) for name, w in weights.items()}, strict=True
    )
    return model
