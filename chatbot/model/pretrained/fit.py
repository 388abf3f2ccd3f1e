"""Checks that a config fits its weights, before a network is built. No torch here.

C channels of a layer's input, R rank.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from chatbot.model.tensors import Shapes

_LARGEST = 1 << 31
_MAX_COUNTED = 1024  # layers and experts of a network that stacks their weights into few tensors
# Keys that multiply modules: num_hidden_layers, n_layer, num_local_experts, decoder_depth.
_COUNTED = re.compile(r"layers?$|experts?$|blocks?$|depth$|^n_|^num_")
_NOT_COUNTED = re.compile(r"size|embd|inner|positions|ctx|vocab|head|ids?$|tok|state|rank|dim")
_LORA_A, _LORA_B = ".lora_A.weight", ".lora_B.weight"
_PREFIX = "base_model.model."


class AdapterConfig(msgspec.Struct, frozen=True):
    """The keys of adapter_config.json that are used; all others keep peft's defaults.

    Other keys could name modules to import, regular expressions, and initializations.
    """

    r: int
    lora_alpha: float
    lora_dropout: float = 0.0
    use_rslora: bool = False
    use_dora: bool = False
    fan_in_fan_out: bool = False
    trainable_token_indices: dict[str, list[int]] | None = None


def require_fit(config: Mapping[str, Any], shapes: Shapes) -> None:
    """Raise ValueError for dimensions that contradict the shapes of the weights.

    Whether the shapes fit the architecture, only its library knows: that is compared when it is
    opened, before memory is allocated.
    """
    max_counted = max(_MAX_COUNTED, len(shapes))
    for name, value in _numbers(config):
        is_counted = _COUNTED.search(name) and not _NOT_COUNTED.search(name)
        if not math.isfinite(value) or abs(value) > (max_counted if is_counted else _LARGEST):
            raise ValueError("a value of the config is out of range")


def _numbers(values: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a config with its key."""
    if isinstance(values, int | float):
        yield name, values
    elif isinstance(values, list):
        for value in values:
            yield from _numbers(value, name)
    elif isinstance(values, dict):
        for key, value in values.items():
            yield from _numbers(value, key)


def adapted_modules(config: AdapterConfig, shapes: Shapes) -> dict[str, tuple[int, int]]:
    """Return the dimensions (C_in, C_out) of the modules that an adapter changes.

    Raises ValueError unless every pair has the rank of the config.
    """
    modules = {}
    for name, shape in shapes.items():
        if not name.endswith(_LORA_A):
            continue
        module = name.removesuffix(_LORA_A)
        other = shapes.get(module + _LORA_B, ())
        if len(shape) != 2 or len(other) != 2 or not shape[0] == other[1] == config.r > 0:
            raise ValueError("a pair of matrices has another rank")
        modules[module.removeprefix(_PREFIX)] = (shape[1], other[0])
    return modules
