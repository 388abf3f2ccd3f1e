"""A Hugging Face causal LM, with or without an adapter, behind the protocol `Network`.

B batch, T tokens, C channels, V vocabulary, K trained rows.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chatbot.corpus.hf_tokenizer import LINE, BaseTokenizer
from chatbot.corpus.tokenizer import EOS
from chatbot.errors import CheckpointError, ConfigError
from chatbot.model.bundle import Bundle, Weights
from chatbot.model.device import choose_device, choose_dtype
from chatbot.model.interface import HfConfig
from chatbot.model.pretrained.file import tokenizer_of
from chatbot.model.pretrained.hub import (
    LONGEST,
    Base,
    can_quantize,
    empty_network,
    load_base,
    new_kv_cache,
)
from chatbot.model.pretrained.language_model import PretrainedLanguageModel
from chatbot.model.pretrained.lora import (
    adapter_config,
    adapter_weights,
    is_adapted,
    load_adapter_weights,
    merged,
    quietly,
    restore_adapter,
    table_of,
    trained_rows,
    unfit,
    without_adapter,
)
from chatbot.settings.schema import Config

_ROWS_AT_ONCE = 8192
_NOISE = 0.02  # distance of a new token's row from the mean of all rows, in standard deviations


def add_token_rows(model: Any, tokenizer: BaseTokenizer) -> None:
    """Add an embedding row for every new token of a tokenizer, near the mean of all rows."""
    if not tokenizer.added_ids:
        return
    with torch.no_grad():
        n_rows = model.get_input_embeddings().weight.shape[0]
        if tokenizer.vocab_size > n_rows:
            model.resize_token_embeddings(tokenizer.vocab_size, mean_resizing=False)
        tables = (model.get_input_embeddings().weight, model.get_output_embeddings().weight)
        if tables[0].is_meta:
            return
        generator = torch.Generator().manual_seed(0)
        for table in tables[: 1 if tables[0] is tables[1] else 2]:
            mean, spread = _mean_and_spread(table[: min(n_rows, *tokenizer.added_ids)])
            for token in tokenizer.added_ids:
                noise = torch.randn(len(mean), generator=generator).to(mean)
                table[token] = (mean + _NOISE * spread * noise).to(table.dtype)


def _mean_and_spread(table: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation (C,) of rows, without an fp32 copy of all."""
    total = torch.zeros(table.shape[1], dtype=torch.float32, device=table.device)
    squares = torch.zeros_like(total)
    for rows in table.split(_ROWS_AT_ONCE):
        total += rows.float().sum(0)
        squares += rows.float().square().sum(0)
    mean = total / len(table)
    return mean, (squares / len(table) - mean.square()).clamp(min=0).sqrt()


def rows_to_train(model: Any, tokenizer: BaseTokenizer) -> dict[str, list[int]]:
    """Return the rows that an adapter trains besides its matrices, by table.

    New control tokens are inputs; in a group they are also predicted (who speaks next).
    """
    if not tokenizer.added_ids:
        return {}
    modules = {id(module): name for name, module in model.named_modules()}
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    names = [modules[id(table)].rpartition(".")[2]]
    # A new end token or line break is also predicted.
    is_said = tokenizer.n_speakers > 2 or {EOS, LINE} & set(tokenizer.form.added)
    if is_said and table.weight is not head.weight:
        names.append(modules[id(head)].rpartition(".")[2])
    return {name: list(tokenizer.added_ids) for name in names}


class PretrainedNetwork(nn.Module):
    """A pretrained network, with or without an adapter, behind the protocol `Network`."""

    _row_of: Tensor
    _row_ids: Tensor

    def __init__(self, model: Any, tokenizer: BaseTokenizer, signature: Mapping[str, Any]) -> None:
        """Wrap a network; raises ConfigError if its way to compute logits is not supported."""
        super().__init__()
        self.model = model
        self.vocab_size = tokenizer.vocab_size
        self.inner = [
            without_adapter(model)
        ]  # in a list, so that its weights are not registered twice
        self._signature = signature
        table, head = self._base.get_input_embeddings(), self._base.get_output_embeddings()
        config = self._base.config.get_text_config()
        self._soft_cap = getattr(config, "final_logit_softcapping", None)
        self._scale = getattr(config, "logit_scale", None) or 1 / (
            getattr(config, "logits_scaling", None) or 1
        )
        bias = getattr(table_of(head), "bias", None)
        self.has_linear_head = bias is None and not self._soft_cap and self._scale == 1
        self._table_scale = getattr(table_of(table), "embed_scale", 1.0)
        row_of = torch.full((table_of(table).weight.shape[0],), -1, dtype=torch.int64)
        row_of[tokenizer.added_ids] = torch.arange(len(tokenizer.added_ids))
        device = table_of(table).weight.device
        self.register_buffer("_row_of", row_of.to(device), persistent=False)
        row_ids = torch.tensor(tokenizer.added_ids, dtype=torch.int64, device=device)
        self.register_buffer("_row_ids", row_ids, persistent=False)

    @property
    def _base(self) -> Any:
        return self.inner[0]

    @property
    def context_length(self) -> int:
        """The maximum context, in tokens."""
        config = self._base.config.get_text_config()
        return min(int(getattr(config, "max_position_embeddings", 0) or LONGEST), LONGEST)

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return int(self._base.config.get_text_config().num_hidden_layers)

    @property
    def signature(self) -> Mapping[str, Any]:
        """The values that a checkpoint must match, by the name of the setting."""
        return self._signature

    @property
    def head_weight(self) -> Tensor:
        """The matrix (V, C) of the LM head, without trained rows."""
        weight: Tensor = table_of(self._base.get_output_embeddings()).weight
        return weight

    @property
    def head_rows(self) -> tuple[Tensor, Tensor] | None:
        """Token ids (K,) and the rows (K, C) trained in place of the head's; None without any."""
        rows = trained_rows(self._base.get_output_embeddings())
        return None if rows is None else (self._row_ids, rows)

    def hidden(
        self, tokens: Tensor, cache: Any = None, position_ids: Tensor | None = None
    ) -> Tensor:
        """Map tokens (B, T) to normalized hidden states (B, T, C)."""
        read = {"input_ids": tokens}
        if trained_rows(self._base.get_input_embeddings()) is not None:
            read = {"inputs_embeds": self._embedded(tokens)}
        if position_ids is not None:
            read["position_ids"] = position_ids
        output = self._base.get_decoder()(
            **read, past_key_values=cache, use_cache=cache is not None
        )
        hidden: Tensor = output.last_hidden_state
        return hidden

    @property
    def cache_bytes(self) -> int:
        """The size of a cache of `context_length` tokens, at most."""
        config = self._base.config.get_text_config()
        n_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = (
            getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        )
        n_values = 2 * self.n_layers * n_heads * width * self.context_length
        return int(n_values * self._base.dtype.itemsize)

    def new_kv_cache(self) -> Any:
        """Return an empty cache of keys and values for `hidden`."""
        return new_kv_cache(self._base.config)

    def _embedded(self, tokens: Tensor) -> Tensor:
        """Embed tokens with the trained rows; peft would copy the embedding at every step."""
        wrapper = self._base.get_input_embeddings()
        rows = trained_rows(wrapper)
        embedded: Tensor = table_of(wrapper)(tokens)
        if rows is None:
            return embedded
        place = self._row_of[tokens]
        new = rows[place.clamp(min=0)].to(embedded.dtype) * self._table_scale
        return torch.where((place >= 0)[..., None], new, embedded)

    def head(self, hidden: Tensor) -> Tensor:
        """Apply the LM head: map hidden states (..., C) to logits (..., V)."""
        layer = table_of(self._base.get_output_embeddings())
        logits = F.linear(hidden, layer.weight.to(hidden.dtype), getattr(layer, "bias", None))
        if self.head_rows is not None:
            row_ids, rows = self.head_rows
            row_logits = F.linear(hidden, rows.to(hidden.dtype))
            logits = logits.index_copy(-1, row_ids, row_logits.to(logits.dtype))
        logits = logits * self._scale
        if self._soft_cap:
            logits = torch.tanh(logits / self._soft_cap) * self._soft_cap
        return logits

    def bundle(self, tokenizer: BaseTokenizer) -> Bundle:
        """Return the bundle to save: the adapter, or the full network."""
        if is_adapted(self.model):
            weights, config = adapter_weights(self.model), adapter_config(self.model)
            return Bundle("pretrained", "adapter", config, _arrays(weights), tokenizer.files)
        weights, config = self.all_weights(), self.hf_config()
        return Bundle("pretrained", "full", config, _arrays(weights), tokenizer.files)

    def hf_config(self) -> HfConfig:
        """Return the content of config.json, without the location of the base."""
        config: HfConfig = json.loads(self._base.config.to_json_string(use_diff=False))
        return {**config, "vocab_size": len(self.head_weight), "_name_or_path": ""}

    def save(self, folder: Path) -> None:
        """Write config.json and weights as transformers does."""
        with quietly():
            self._base.save_pretrained(folder)

    def load_weights(self, weights: Weights) -> None:
        """Load the weights of a bundle; raises CheckpointError if they do not fit."""
        if is_adapted(self.model):
            load_adapter_weights(self.model, _tensors(weights))
            return
        try:
            result = self._base.load_state_dict(_tensors(weights), strict=False)
        except RuntimeError as error:
            raise unfit() from error
        if result.unexpected_keys or set(result.missing_keys) - self._tied_names():
            raise unfit()

    def _tied_names(self) -> set[str]:
        return set(self._base.state_dict()) - set(self.all_weights())

    def all_weights(self) -> dict[str, Tensor]:
        """Return every weight once: without a head that is tied to the embedding."""
        names: dict[int, str] = {}
        weights = {}
        for name, weight in self._base.state_dict().items():
            if names.setdefault(weight.data_ptr(), name) == name:
                weights[name] = weight.detach().cpu().clone().contiguous()
        return weights

    def release(self) -> None:
        """Release all weights: the network cannot be used any more."""
        self.model, self.inner = nn.Identity(), []

    def language_model(self) -> PretrainedLanguageModel:
        """Return the network behind the protocol `LanguageModel`."""
        return PretrainedLanguageModel(self)

    @torch.no_grad()
    def require_known_head(self) -> None:
        """Raise ConfigError if the base computes its logits in another way than `head`.

        Compares two passes without dropout, and restores the training mode.
        """
        was_training = self.model.training
        self.model.eval()
        try:
            self._compare_heads()
        finally:
            self.model.train(was_training)

    def _compare_heads(self) -> None:
        tokens = torch.arange(4, device=self.head_weight.device)[None]
        expected = self.model(input_ids=tokens, use_cache=False).logits.float()
        if not torch.isfinite(expected).all():
            raise ConfigError(
                "the base computes values that are not finite",
                hint="set model.torch_dtype to bfloat16 or float32",
            )
        logits = self.head(self.hidden(tokens)).float()
        if not torch.allclose(logits, expected, rtol=0.05, atol=0.05 * float(expected.std())):
            raise ConfigError(
                f"a base of type {self._base.config.model_type} makes its logits in a way "
                "that is unknown here",
                hint="choose another base",
            )

    def checkpoint_gradients(self) -> None:
        """Enable gradient checkpointing: save only inputs of layers, and recompute the rest."""
        enable = getattr(self._base, "activation_checkpointing_enable", None)
        (enable or self._base.gradient_checkpointing_enable)({"use_reentrant": False})


def _arrays(weights: Mapping[str, Tensor]) -> Weights:
    return {name: np.asarray(weight.float().numpy()) for name, weight in weights.items()}


def _tensors(weights: Weights) -> dict[str, Tensor]:
    """Return weights as tensors, without a copy: they are read, never written to."""
    with quietly():  # torch warns about read-only (mapped) arrays
        return {name: torch.from_numpy(weight) for name, weight in weights.items()}


def open_network(
    bundle: Bundle,
    config: Config,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> PretrainedNetwork:
    """Return a fine-tuned network for inference, on the configured device and in its dtype.

    An adapter is merged into its base's weights if their dtype is exact enough. Raises
    CheckpointError for an adapter of another base.
    """
    device = device or choose_device(config.runtime.device)
    dtype = dtype or choose_dtype(config.runtime, device)
    tokenizer = tokenizer_of(bundle)
    if bundle.kind == "full":
        shapes = {name: weight.shape for name, weight in bundle.weights.items()}
        model = empty_network(bundle.config, dtype, shapes)
        network = PretrainedNetwork(model, tokenizer, {})
        network.load_weights(bundle.weights)
        return network.to(device).requires_grad_(False).eval()
    model = _load_base_of(bundle, config, device, dtype)
    base_name = config.pretrained.base.base_model
    model = restore_adapter(model, bundle.config, _tensors(bundle.weights), base_name)
    # bf16 has 8 bits: of an adapter's small changes much would be rounded away (16 % of what
    # 30 steps gained, measured), so it stays beside the weights, as it was trained and measured.
    if not _is_in_4bit(config, device) and dtype is not torch.bfloat16:
        model = merged(model)
    return PretrainedNetwork(model, tokenizer, {})


def open_base(bundle: Bundle, config: Config) -> PretrainedNetwork:
    """Return the base of a fine-tuned network as it was before the first step.

    Raises CheckpointError if the base of the settings is another.
    """
    device = choose_device(config.runtime.device)
    model = _load_base_of(bundle, config, device, choose_dtype(config.runtime, device))
    return PretrainedNetwork(model, tokenizer_of(bundle), {})


def _load_base_of(
    bundle: Bundle, config: Config, device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """Load the base of the settings with the rows that the adapter trained, as they began."""
    base = Base(config.pretrained.base, Path(config.root))
    model = load_base(base, device, dtype, in_4bit=_is_in_4bit(config, device))
    if difference := base.fingerprint().difference(bundle.about.base_fingerprint or ""):
        raise CheckpointError(
            f"the adapter belongs to another base than {base.name}: {difference}",
            hint=f"it was trained on {bundle.about.base_model}: set model.base_model to that",
        )
    add_token_rows(model, tokenizer_of(bundle))
    return model


def _is_in_4bit(config: Config, device: torch.device) -> bool:
    return config.pretrained.base.load_in_4bit and can_quantize(device)


def language_model(bundle: Bundle, config: Config) -> PretrainedLanguageModel:
    """Return a fine-tuned network behind the protocol `LanguageModel`."""
    return open_network(bundle, config).language_model()
