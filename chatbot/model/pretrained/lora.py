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
    """Leave out what the libraries warn of and we have decided."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def add_adapter(
    model: nn.Module, settings: LoraConfig, rows: Mapping[str, list[int]], base_name: str
) -> PeftModel:
    """Put a new adapter on a network: LoRA, and rows of its tables that are trained too.

    `rows`: token ids by the name of a table.
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
    """Return a pattern of layers that text never passes (a vision tower), if there are any."""
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
    """Put an adapter back from its adapter_config.json and its weights.

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
    """Return the inputs and outputs of a layer."""
    if isinstance(module, nn.Linear):  # one in 4 bits has a weight of another shape
        return module.in_features, module.out_features
    n_in, n_out = module.weight.shape  # Conv1D
    return n_in, n_out


def load_adapter_weights(model: PeftModel, weights: Mapping[str, Tensor]) -> None:
    """Put the weights of a file into an adapter; raises CheckpointError if they do not fit."""
    try:
        with quietly():
            result: Any = set_peft_model_state_dict(model, dict(weights))
    except (ValueError, RuntimeError, KeyError, IndexError) as error:
        raise unfit() from error
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    missing = trained & set(result.missing_keys)  # a tied head has its table's rows, under one name
    if missing or result.unexpected_keys:
        raise unfit()


def unfit() -> CheckpointError:
    """Return the refusal of weights that do not belong to a network."""
    return CheckpointError(
        "the adapter does not fit the base",
        hint="it belongs to another base, to other settings of lora, or is damaged",
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
            "lora.target_modules names no layer of the base",
            hint=f"it has {', '.join(sorted(linear))}; auto takes all",
        ) from error
    attached.peft_config[_NAME].base_model_name_or_path = base_name
    for module in attached.modules():
        dropouts = getattr(module, "lora_dropout", {})
        if _NAME in dropouts and isinstance(dropouts[_NAME], nn.Dropout):
            dropouts[_NAME] = Dropout(dropouts[_NAME].p)  # theirs takes a fifth of a CPU's step
    return attached


def adapter_config(model: PeftModel) -> HfConfig:
    """Return what adapter_config.json holds."""
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
    """Return the network with the adapter worked into its weights."""
    with quietly(), torch.no_grad():
        result: nn.Module = model.merge_and_unload()
    return result


def is_adapted(model: nn.Module) -> bool:
    """Whether a network carries an adapter."""
    return isinstance(model, PeftModel)


def without_adapter(model: nn.Module) -> nn.Module:
    """Return the network below an adapter; its layers carry the adapter still."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def table_of(module: nn.Module) -> Any:
    """Return a table, or a head, without the wrapper that trains some of its rows."""
    if isinstance(module, TrainableTokensWrapper):
        return module.token_adapter.get_base_layer()
    return module


def trained_rows(module: nn.Module) -> Tensor | None:
    """Return the trained rows (K, C) of a table or a head, if it has any."""
    if isinstance(module, TrainableTokensWrapper):
        rows: Tensor = module.token_adapter.trainable_tokens_delta[_NAME]
        return rows
    return None
