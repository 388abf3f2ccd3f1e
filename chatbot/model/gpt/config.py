"""The dimensions of a GPT, the named sizes, and the size that fits a corpus and a device."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from chatbot.errors import CheckpointError, ConfigError
from chatbot.settings.schema import ModelConfig

NORM_EPS = 1e-6  # Qwen3's
MAX_CONTEXT = 32768
_MAX_SIZE = 1 << 20


@dataclass(frozen=True, slots=True)
class GPTConfig:
    """Shape of a GPT with the layout of Qwen3. A head is `n_embd // n_head` wide."""

    vocab_size: int
    block_size: int
    n_layer: int
    n_head: int
    n_kv_head: int
    n_embd: int
    n_hidden: int
    dropout: float
    rope_theta: float
    input_masking: float = 0.0

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.n_embd // self.n_head

    @property
    def n_params(self) -> int:
        """Number of weights; the tied embedding counts once."""
        kv_width = self.n_kv_head * self.head_dim
        attention = 2 * self.n_embd * (self.n_embd + kv_width) + 2 * self.head_dim
        layer = attention + 3 * self.n_embd * self.n_hidden + 2 * self.n_embd
        return self.vocab_size * self.n_embd + self.n_layer * layer + self.n_embd


def require_sane(config: GPTConfig, n_tensors: int) -> None:
    """Raise ValueError for impossible dimensions, before memory is allocated."""
    sizes = (config.vocab_size, config.n_head, config.n_kv_head, config.n_embd, config.n_hidden)
    is_sane = (
        min(sizes) > 0
        and 0 < config.n_layer <= n_tensors
        and 0 < config.block_size <= MAX_CONTEXT
        and config.n_embd % config.n_head == config.n_head % config.n_kv_head == 0
        and config.head_dim % 2 == 0
        and 0 < config.rope_theta <= 1e9
        and max(sizes) <= _MAX_SIZE
    )
    if not is_sane:
        raise ValueError


def require_fit(config: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ValueError unless the weights of a file are exactly those of its config."""
    shape = msgspec.convert(config, GPTConfig)
    require_sane(shape, len(shapes))
    if shapes != weight_shapes(shape):
        raise ValueError("weights do not fit the model's shape")


def weight_shapes(config: GPTConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight; names are those of Qwen3 in transformers."""
    C, H, D = config.n_embd, config.n_hidden, config.head_dim
    kv = config.n_kv_head * D
    layer = {
        "input_layernorm": (C,),
        "self_attn.q_proj": (C, C),
        "self_attn.k_proj": (kv, C),
        "self_attn.v_proj": (kv, C),
        "self_attn.o_proj": (C, C),
        "self_attn.q_norm": (D,),
        "self_attn.k_norm": (D,),
        "post_attention_layernorm": (C,),
        "mlp.gate_proj": (H, C),
        "mlp.up_proj": (H, C),
        "mlp.down_proj": (C, H),
    }
    shapes: dict[str, tuple[int, ...]] = {"embed_tokens.weight": (config.vocab_size, C)}
    for number in range(config.n_layer):
        shapes |= {f"layers.{number}.{name}.weight": shape for name, shape in layer.items()}
    return {**shapes, "norm.weight": (C,)}


def require_shapes(config: GPTConfig, weights: Mapping[str, Any]) -> None:
    """Raise CheckpointError if weights do not fit a shape."""
    if {name: tuple(weight.shape) for name, weight in weights.items()} != weight_shapes(config):
        raise CheckpointError("weights do not fit the model's shape", hint="the file is damaged")


# name: layers, heads, width, context
_SIZES = {
    "nano": (4, 4, 256, 256),
    "small": (6, 6, 384, 256),
    "base": (8, 8, 512, 512),
    "large": (12, 12, 768, 512),
}
# Largest size whose tokens are enough for it: about 1 token for 2 weights, read many times.
_TOKENS_FOR = {"large": 40_000_000, "base": 10_000_000, "small": 3_000_000, "nano": 0}


def choose_size(n_tokens: int, is_gpu: bool) -> tuple[str, str]:
    """Return the size for a corpus, and a message with the reason."""
    fits = next(name for name, least in _TOKENS_FOR.items() if n_tokens >= least)
    if not is_gpu and fits in ("base", "large"):
        return "small", (
            f"model size small: {n_tokens:,} tokens would fit {fits}, "
            "but on a CPU that takes days; a GPU allows it"
        )
    return fits, f"model size {fits}: fits {n_tokens:,} training tokens"


def context_and_width(settings: ModelConfig, size: str) -> tuple[int, int]:
    """Return the context and the width of a size; the user's dimensions take precedence."""
    _, _, n_embd, block_size = _SIZES[size]
    if settings.block_size != "auto":
        block_size = settings.block_size
    return block_size, settings.n_embd or n_embd


def resolve_shape(settings: ModelConfig, vocab_size: int, size: str) -> GPTConfig:
    """Resolve a named size; dimensions that the user set take precedence."""
    n_layer, n_head, _, _ = _SIZES[size]
    block_size, n_embd = context_and_width(settings, size)
    n_head = settings.n_head or n_head
    n_kv_head = settings.n_kv_head or n_head
    if n_embd % n_head or (n_embd // n_head) % 2:
        raise ConfigError(
            f"model.n_embd {n_embd} cannot be divided into {n_head} heads of even width",
            hint=f"set model.n_embd to a multiple of {2 * n_head}",
        )
    if n_head % n_kv_head:
        raise ConfigError(
            f"model.n_head {n_head} is not a multiple of n_kv_head {n_kv_head}",
            hint="set model.n_kv_head to a divisor of model.n_head",
        )
    return GPTConfig(
        vocab_size=vocab_size,
        block_size=block_size,
        n_layer=settings.n_layer or n_layer,
        n_head=n_head,
        n_kv_head=n_kv_head,
        n_embd=n_embd,
        n_hidden=settings.n_hidden or -(-n_embd * 8 // 3 // 64) * 64,
        dropout=float(settings.dropout),
        input_masking=float(settings.input_masking),
        rope_theta=settings.rope_theta,
    )
