"""Adapters: LoRA matrices and trained rows on a pretrained network. The only module with peft.

K trained rows, C channels.
"""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import torch
from peft import LoraConfig as PeftConfig
from peft import (
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from peft.utils import TrainableTokensWrapper
from torch import Tensor, nn

from chatbot.errors import CheckpointError, ConfigError
from chatbot.model.gpt.network import Dropout
from chatbot.model.interface import HfConfig
from chatbot.model.pretrained.fit import AdapterConfig, adapted_modules
from chatbot.settings.schema import LoraConfig

_NAME = "default"


@contextmanager
def quietly() -> Iterator[None]:
    """Suppress warnings of the libraries about deliberate choices."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def add_adapter(
    model: nn.Module, settings: LoraConfig, rows: Mapping[str, list[int]], base_name: str
) -> PeftModel:
    """Add a new adapter to a network: LoRA, and trained rows of its embedding and head.

    `rows`: name of a table (embedding or head) -> token ids of the trained rows.
    """
    is_conv1d = any(type(module).__name__ == "Conv1D" for module in model.modules())
    config = PeftConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=base_name,
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear"
        if settings.target_modules == "auto"
        else list(settings.target_modules),
        exclude_modules=_outside_of_text(model),
        use_rslora=settings.use_rslora,
        use_dora=settings.use_dora,
        fan_in_fan_out=is_conv1d,
        trainable_token_indices=dict(rows) or None,
    )
    return _attached(model, config, base_name)


def _outside_of_text(model: Any) -> str | None:
    """Return a pattern of layers that text does not use (a vision tower); None without any."""
    decoder = model.get_decoder()
    own = next((name for name, module in model.named_modules() if module is decoder), "")
    head = model.get_output_embeddings()
    outside = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not head and not name.startswith(f"{own}.")
    ]
    return rf"(?!{re.escape(own)}\.).*" if own and outside else None


def restore_adapter(
    model: nn.Module, config: Mapping[str, Any], weights: Mapping[str, Tensor], base_name: str
) -> PeftModel:
    """Restore an adapter from its adapter_config.json and its weights.

    Raises CheckpointError if it does not fit the network.
    """
    try:
        settings = msgspec.convert(config, AdapterConfig)
        modules = adapted_modules(settings, {name: tuple(w.shape) for name, w in weights.items()})
        if {name: _sizes_of(model.get_submodule(name)) for name in modules} != modules:
            raise unfit()
        peft_config = PeftConfig(
            task_type="CAUSAL_LM",
            base_model_name_or_path=base_name,
            target_modules=list(modules),
            **msgspec.structs.asdict(settings),
        )
        attached = _attached(model, peft_config, base_name)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise unfit() from error
    load_adapter_weights(attached, weights)
    return attached


def _sizes_of(module: Any) -> tuple[int, int]:
    """Return the input and output dimensions of a layer."""
    if isinstance(module, nn.Linear):  # a 4-bit layer stores its weight in another shape
        return module.in_features, module.out_features
    n_in, n_out = module.weight.shape  # Conv1D
    return n_in, n_out


def load_adapter_weights(model: PeftModel, weights: Mapping[str, Tensor]) -> None:
    """Load weights into an adapter; raises CheckpointError if they do not fit."""
    try:
        with quietly():
            result: Any = set_peft_model_state_dict(model, dict(weights))
    except (ValueError, RuntimeError, KeyError, IndexError) as error:
        raise unfit() from error
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    missing = trained & set(
        result.missing_keys
    )  # a tied head shares the trained rows of the embedding
    if missing or result.unexpected_keys:
        raise unfit()


def unfit() -> CheckpointError:
    """Return the error of weights that do not fit a network."""
    return CheckpointError(
        "the adapter does not fit the base",
        hint="it belongs to another base or other lora settings, or it is damaged",
    )


def _attached(model: nn.Module, config: PeftConfig, base_name: str) -> PeftModel:
    try:
        with quietly():
            attached = get_peft_model(model, config)
    except ValueError as error:
        linear = {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
        }
        raise ConfigError(
            "lora.target_modules matches no layer of the base",
            hint=f"it has {', '.join(sorted(linear))}; auto takes all",
        ) from error
    attached.peft_config[_NAME].base_model_name_or_path = base_name
    for module in attached.modules():
        dropouts = getattr(module, "lora_dropout", {})
        if _NAME in dropouts and isinstance(dropouts[_NAME], nn.Dropout):
            dropouts[_NAME] = Dropout(
                dropouts[_NAME].p
            )  # peft's version takes a fifth of a step on a CPU
    return attached


def adapter_config(model: PeftModel) -> HfConfig:
    """Return the content of adapter_config.json."""
    values = model.peft_config[_NAME].to_dict()
    values |= {"inference_mode": True, "peft_version": None}
    plain: HfConfig = json.loads(json.dumps(values, default=sorted))
    return {name: value for name, value in plain.items() if name != "peft_version"}


def adapter_weights(model: PeftModel) -> dict[str, Tensor]:
    """Return the weights of an adapter under the names of its file."""
    with quietly():
        weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}


def merged(model: PeftModel) -> nn.Module:
    """Return the network with the adapter merged into its weights."""
    with quietly(), torch.no_grad():
        result: nn.Module = model.merge_and_unload()
    return result


def is_adapted(model: nn.Module) -> bool:
    """Whether a network has an adapter."""
    return isinstance(model, PeftModel)


def without_adapter(model: nn.Module) -> nn.Module:
    """Return the base network inside an adapter; its layers still include the adapter."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def table_of(module: nn.Module) -> Any:
    """Return an embedding or a head without the wrapper that trains some of its rows."""
    if isinstance(module, TrainableTokensWrapper):
        return module.token_adapter.get_base_layer()
    return module


def trained_rows(module: nn.Module) -> Tensor | None:
    """Return the trained rows (K, C) of an embedding or a head; None without any."""
    if isinstance(module, TrainableTokensWrapper):
        rows: Tensor = module.token_adapter.trainable_tokens_delta[_NAME]
        return rows
    return None
