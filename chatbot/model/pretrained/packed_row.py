"""New tokens of several conversations -> one row that a pretrained network reads in one pass.

What a network computes for each token (matrix products, norms) runs once for all conversations.
Attention runs once for each, with its own cache and mask, by the functions of transformers that
the network would use for it alone.

B conversations, T new tokens of one, R tokens of the row, H heads, D head width.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chatbot.model.interface import Tokens
from chatbot.model.pretrained.hub import attention_function, mask_function, register_attention

_NAME = "packed_row"
_ROW: ContextVar["PackedRow"] = ContextVar(_NAME)


@dataclass(frozen=True)
class Part:
    """New tokens (T,) of one conversation, which continue the `n_read` tokens of its cache."""

    n_read: int
    tokens: Tokens
    kv_cache: Any


class PackedRow:
    """The parts of a row, which a network takes for its cache of keys and values."""

    is_compileable = False

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.lengths = [len(part.tokens) for part in parts]
        self.attentions: Mapping[int, str] = {}
        self._states: dict[int, list[tuple[Tensor, Tensor]]] = {}

    @property
    def tokens(self) -> Tokens:
        """The tokens (R,) of all conversations."""
        return np.concatenate([part.tokens for part in self.parts])

    @property
    def position_ids(self) -> Tokens:
        """The position (R,) of each token in its conversation."""
        lengths = zip(self.parts, self.lengths, strict=True)
        return np.concatenate([np.arange(n_new) + part.n_read for part, n_new in lengths])

    @property
    def last(self) -> Tokens:
        """The place (B,) of the last token of each conversation."""
        return np.cumsum(self.lengths) - 1

    def attention_of(self, config: Any) -> str:
        """Return the name of the attention that layers with this config have of their own."""
        return self.attentions[id(config)]

    def update(
        self, keys: Tensor, values: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Add the new keys and values (1, H, R, D) of a layer to the caches; return them."""
        new = zip(keys.split(self.lengths, 2), values.split(self.lengths, 2), strict=True)
        self._states[layer_idx] = [
            part.kv_cache.update(*states, layer_idx)
            for part, states in zip(self.parts, new, strict=True)
        ]
        return keys, values

    def states(self, layer_idx: int) -> list[tuple[Tensor, Tensor]]:
        """Return the keys and values of each conversation in a layer, old and new."""
        return self._states[layer_idx]

    # What transformers asks a cache to plan one mask of the row: `_masks` makes one of each part.
    def get_seq_length(self, _layer_idx: int = 0) -> int:
        """Return the number of tokens before the row."""
        return 0

    get_query_offset = get_seq_length

    def get_mask_sizes(self, n_queries: int, _layer_idx: int) -> tuple[int, int]:
        """Return the number of tokens in the row, and of those before it."""
        return n_queries, 0


@dataclass(frozen=True)
class _RowMask:
    row: PackedRow
    masks: list[Any]


def _masks(*, config: Any, **options: Any) -> _RowMask:
    """Make the mask of each conversation: causal, or of a window, as the layer asks for it."""
    row = _ROW.get()
    make = mask_function(row.attention_of(config))
    masks = []
    for part, n_new in zip(row.parts, row.lengths, strict=True):
        n_all = part.n_read + n_new
        place = {"q_length": n_new, "q_offset": part.n_read, "kv_length": n_all, "kv_offset": 0}
        masks.append(make(config=config, **{**options, **place}))
    return _RowMask(row, masks)


def _attend(
    module: Any, query: Tensor, _key: Tensor, _value: Tensor, mask: _RowMask, **options: Any
) -> tuple[Tensor, None]:
    """Map queries (1, H, R, D) to attended values (1, R, H, D)."""
    row = mask.row
    eager = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    attend = attention_function(row.attention_of(module.config), eager)
    options.pop("position_ids", None)  # of the row: some functions would look for its parts in them
    parts = zip(query.split(row.lengths, 2), row.states(module.layer_idx), mask.masks, strict=True)
    attended = [attend(module, part, *states, own, **options)[0] for part, states, own in parts]
    return torch.cat(attended, 1), None


class RowAttention:
    """Switches the attention of a network to rows, and back."""

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        register_attention(_NAME, _attend, _masks)
        configs: list[Any] = [getattr(module, "config", None) for module in modules]
        own = {id(config): config for config in configs if hasattr(config, "_attn_implementation")}
        self._own = [(config, str(config._attn_implementation)) for config in own.values()]

    @contextmanager
    def reading(self, row: PackedRow) -> Iterator[None]:
        """Let the network read one row; it must not read anything else meanwhile."""
        row.attentions = {id(config): name for config, name in self._own}
        token = _ROW.set(row)
        try:
            for config, _ in self._own:
                config._attn_implementation = _NAME
            yield
        finally:
            for config, name in self._own:
                config._attn_implementation = name
            _ROW.reset(token)


def has_fixed_positions(modules: Iterable[nn.Module]) -> bool:
    """Whether a position is encoded alike, however long the other conversations in a row are.

    The frequencies of some rotary embeddings depend on the longest.
    """
    kinds = [getattr(module, "rope_type", "") for module in modules]
    names = [
        name for kind in kinds for name in (kind.values() if isinstance(kind, dict) else [kind])
    ]
    return not any("dynamic" in name or name == "longrope" for name in names)
