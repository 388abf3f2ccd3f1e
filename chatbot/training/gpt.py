"""Training of our own GPT: resolved settings, network, saved model."""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from msgspec.structs import replace

from chatbot.corpus.store import Corpus
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.model.bundle import About, Bundle, Parent, read_bundle, write_bundle
from chatbot.model.device import (
    choose_device,
    choose_dtype,
    dtype_name,
    free_memory,
    keep_freed_memory,
)
from chatbot.model.gpt.config import GPTConfig, choose_size, context_and_width, resolve_shape
from chatbot.model.gpt.file import gpt_bundle, shape_of
from chatbot.model.gpt.network import GPT, load_gpt
from chatbot.settings.schema import Config
from chatbot.training.interface import Blueprint
from chatbot.training.loop import Compute, TrainState
from chatbot.training.origin import describe_data
from chatbot.training.recipe import with_recipe
from chatbot.training.world import ALONE, World

_ROWS_CPU, _ROWS_GPU = 8, 64
_FREE_SHARE = (
    0.85  # share of free memory to use; the rest is for fragmentation, kernels and the desktop
)


def resolve(
    config: Config,
    corpus: Corpus,
    world: World = ALONE,
    saved: About | None = None,
    parent: Path | None = None,
) -> Blueprint:
    """Resolve the size, the recipe and the tokens that fit into memory.

    A run that begins from a parent has its shape.
    """
    before = None if parent is None else read_bundle(parent)
    if before is not None:
        config = _with_shape(config, shape_of(before))
    device = choose_device(config.runtime.device, world.local_rank)
    dtype = choose_dtype(config.runtime, device)
    stats = corpus.stats
    n_tokens = stats.splits["train"].n_tokens
    size, why = _size(config, n_tokens, device, saved)
    block_size, width = context_and_width(config.model, size)
    config = with_numbers(config, block_size, device)
    batch_tokens = int(config.optimization.batch_size) * block_size
    config = with_recipe(config, n_tokens, batch_tokens, width)
    shape = resolve_shape(config.model, stats.vocab_size, size)
    need, free = memory_need(shape, dtype), free_memory(device)
    max_tokens = sys.maxsize if free is None else tokens_at_once(need, free, shape.block_size)
    compute = Compute(device, dtype, config.runtime.seed, world, max_tokens)
    sentences = [why, _describe(shape, compute), _describe_recipe(config)]
    build = partial(_build, config, shape, device, None if saved else before)
    need_bytes = need.total(min(max_tokens, batch_tokens))
    about = replace(describe_data(config, corpus), size=size, parent=_parent(before, saved))
    return Blueprint(config, compute, build, about, sentences, need_bytes)


def write_model(
    path: Path,
    state: TrainState,
    about: About,
    tokenizer: Tokenizer,
) -> None:
    """Write a saved model: averaged weights, shape, vocabulary."""
    weights = {name: weight.float().cpu().numpy() for name, weight in state.ema.items()}
    text = tokenizer.files["tokenizer.json"]
    shape = _network_of(state).config
    write_bundle(path, gpt_bundle(shape, weights, text, about))


def read_about(path: Path) -> About:
    """Return the facts about a saved model; raises CheckpointError if there are none."""
    return read_bundle(path).about


def _network_of(state: TrainState) -> GPT:
    if not isinstance(state.model, GPT):
        raise TypeError("a state of another model family")
    return state.model


def _size(
    config: Config, n_tokens: int, device: torch.device, saved: About | None
) -> tuple[str, str]:
    if config.model.size != "auto":
        return config.model.size, f"model size {config.model.size}: set in configs/train.yaml"
    if saved is not None and saved.size is not None:
        return saved.size, f"model size {saved.size}: the checkpoint's"
    return choose_size(n_tokens, device.type != "cpu")


def with_numbers(config: Config, block_size: int, device: torch.device) -> Config:
    """Return the settings with resolved context and batch size."""
    rows = config.optimization.batch_size
    if rows == "auto":
        rows = _ROWS_CPU if device.type == "cpu" else _ROWS_GPU
    return replace(
        config,
        model=replace(config.model, block_size=block_size),
        optimization=replace(config.optimization, batch_size=rows),
    )


def _with_shape(config: Config, shape: GPTConfig) -> Config:
    """Return the settings with the dimensions of a network."""
    names = ("block_size", "n_layer", "n_head", "n_kv_head", "n_embd", "n_hidden", "rope_theta")
    model = replace(config.model, **{name: getattr(shape, name) for name in names})
    return replace(config, model=model)


def _parent(before: Bundle | None, saved: About | None) -> Parent | None:
    """Return the facts about the model that a run begins from."""
    if before is None:
        return None if saved is None else saved.parent
    about = before.about
    return Parent("", about.run_name, about.step or 0, about.data_fingerprint, "")


def _build(config: Config, shape: GPTConfig, device: torch.device, before: Bundle | None) -> GPT:
    """Return a network with initialized weights, or with those of another one."""
    if device.type == "cpu":
        keep_freed_memory()
    if before is None:
        model = GPT(shape)
        model.init_weights(torch.Generator().manual_seed(config.runtime.seed))
    else:
        model = load_gpt(shape, before.weights)
    if config.runtime.compile:
        # Training calls `hidden`; nn.Module.compile would wrap only `forward`.
        model.hidden = torch.compile(model.hidden, dynamic=True)  # type: ignore[method-assign]
    return model


def _describe(shape: GPTConfig, compute: Compute) -> str:
    return (
        f"{shape.n_params / 1e6:.1f} M parameters ({shape.n_layer} layers x {shape.n_embd}, "
        f"context {shape.block_size}) on {compute.device.type} in {dtype_name(compute.dtype)}"
    )


def _describe_recipe(config: Config) -> str:
    settings, model = config.optimization, config.model
    return (
        f"training {config.training}: rate {settings.learning_rate:g}, decay "
        f"{settings.weight_decay:.3g}, dropout {model.dropout:g}, masking {model.input_masking:g}"
    )


@dataclass(frozen=True)
class MemoryNeed:
    """Memory of training in bytes: a fixed part, and a part for each token computed at once."""

    state: int
    per_token: int

    def total(self, n_tokens: int) -> int:
        """Return the bytes with `n_tokens` computed at once."""
        return self.state + n_tokens * self.per_token


def memory_need(shape: GPTConfig, dtype: torch.dtype) -> MemoryNeed:
    """Return the memory that training a shape needs in the dtype of its forward pass.

    By formula, not measured on the meta device as for a base, which misses the copies of autocast
    in mixed precision. Compared with what autograd saves, the formula is 1 to 3 % off in 20
    microseconds, the measurement 11 to 39 % in 0.2 to 4 seconds.
    """
    width = 4 if dtype is torch.float32 else 2
    C, H = shape.n_embd, shape.n_hidden
    kv = shape.n_kv_head * shape.head_dim
    # Norms save input and output in fp32: two of width C, one of q, one of k. Then the inputs of
    # matrix products, q, k, v, attention's result twice, gate, up, silu and product, and two
    # dropout masks.
    layer = 24 * C + 8 * kv + width * (7 * C + 2 * kv + 4 * H)
    outside = 8 * C + width * 5 * C + 32  # embedding, last norm, hidden states and their gradient
    # Weights, gradients, average and moments in fp32 (two for the embedding); copies in low
    # precision; and temporaries of Newton-Schulz for the largest group of matrices.
    table = shape.vocab_size * C
    largest = 2 * shape.n_layer * C * H
    low_copies = 2 * shape.n_params if width == 2 else 0
    state = 16 * shape.n_params + 4 * table + low_copies + 12 * largest
    return MemoryNeed(state, shape.n_layer * layer + outside)


def tokens_at_once(need: MemoryNeed, free_bytes: int, block_size: int) -> int:
    """Return how many tokens fit into free memory at once, at least one row of the context."""
    return max(block_size, int((_FREE_SHARE * free_bytes - need.state) // need.per_token))
