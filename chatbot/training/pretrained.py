"""Training of pretrained bases: an adapter or all weights, and their saved model."""

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import torch
from msgspec.structs import replace

from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.corpus.store import Corpus
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import CheckpointError, ConfigError, CorpusError
from chatbot.model.bundle import About, Bundle, Parent
from chatbot.model.device import (
    available_memory,
    choose_device,
    choose_dtype,
    dtype_name,
    map_tensors,
    resident_memory,
)
from chatbot.model.pretrained.file import read_about as read_folder_about
from chatbot.model.pretrained.file import read_folder, write_folder
from chatbot.model.pretrained.fingerprint import Fingerprint
from chatbot.model.pretrained.hub import Base, can_quantize, context_of, load_base, skeleton_of
from chatbot.model.pretrained.lora import add_adapter
from chatbot.model.pretrained.network import PretrainedNetwork, add_token_rows, rows_to_train
from chatbot.model.pretrained.tokenizer import require_own_tokenizer
from chatbot.settings.contradictions import refuse_contradictions
from chatbot.settings.schema import Config
from chatbot.training.interface import Blueprint
from chatbot.training.loop import Compute, TrainState, averaged
from chatbot.training.memory import GIGABYTE, Surroundings, TuningNeed, tuning_need
from chatbot.training.origin import describe_data
from chatbot.training.world import ALONE, World

_ROWS_CPU, _ROWS_GPU = 4, 8
_CONTEXT = 512
_LORA_RATE, _FULL_RATE = 2e-4, 5e-5
_CUDA_BYTES = 600_000_000  # used by CUDA itself and workspaces of its kernels


@dataclass(frozen=True)
class Machine:
    """The device and dtype of a base, and whether it is loaded in 4 bits."""

    device: torch.device
    dtype: torch.dtype
    in_4bit: bool


def resolve(
    config: Config,
    corpus: Corpus,
    world: World = ALONE,
    saved: About | None = None,
    parent: Path | None = None,
) -> Blueprint:
    """Resolve device, batch, context and memory, without loading the base's weights.

    Raises ConfigError if the settings are invalid or need too much memory, CheckpointError for a
    changed base, CorpusError for data of another base.
    """
    machine = choose_machine(config, world.local_rank)
    base = Base(config.pretrained.base, Path(config.root))
    config = with_numbers(config, base, machine.device)
    tokenizer = tokenizer_of(corpus, config)
    require_own_tokenizer(base, tokenizer)
    need = require_memory(config, base, tokenizer, machine)
    fingerprint = base.fingerprint()
    before = _read_parent(parent, fingerprint) if parent is not None and saved is None else None
    about = replace(
        describe_data(config, corpus),
        stage=config.pretrained.stage,
        base_model=base.label,
        base_fingerprint=str(fingerprint),
        form=tokenizer.form.kind,
        tokens_at_once=need.tokens_at_once,
        parent=None
        if before is None
        else msgspec.convert(before.about, Parent, from_attributes=True),
    )
    at_once = need.tokens_at_once
    if saved is not None:
        _require_same_base(saved, base, fingerprint)
        # Rounding depends on micro-batches: a run continues with its own.
        about = replace(about, tokens_at_once=saved.tokens_at_once, parent=saved.parent)
        at_once = min(at_once, saved.tokens_at_once or at_once)
    compute = Compute(machine.device, machine.dtype, config.runtime.seed, world, at_once)
    sentences = [*_fallback(config, machine, need), _describe(base, machine, need)]
    if about.parent:
        sentences.append(f"it began from {about.parent.run_name}")
    build = partial(_build, config, base, tokenizer, machine, before)
    if need.is_checkpointed:
        build = partial(_checkpointed, build)
    return Blueprint(config, compute, build, about, sentences, need.total, replies_at_once=True)


def write_model(
    path: Path,
    state: TrainState,
    about: About,
    tokenizer: Tokenizer,
) -> None:
    """Write the averaged adapter, or all averaged weights, into a folder that peft opens."""
    if not isinstance(state.model, PretrainedNetwork) or not isinstance(tokenizer, BaseTokenizer):
        raise TypeError("a state of another family")
    with averaged(state):
        bundle = state.model.bundle(tokenizer)
    write_folder(path, dataclasses.replace(bundle, about=about))


def read_about(path: Path) -> About:
    """Return the facts about the saved model in the folder of the checkpoint at `path`."""
    try:
        return read_folder_about(path.parent)
    except (OSError, ValueError) as error:
        hint = "`chatbot train` writes it again"
        raise CheckpointError(f"{path.parent} is damaged", hint=hint) from error


def choose_machine(config: Config, local_rank: int = 0) -> Machine:
    """Resolve device and dtype; 4 bits only where quantization is available."""
    device = choose_device(config.runtime.device, local_rank)
    in_4bit = config.pretrained.base.load_in_4bit and can_quantize(device)
    return Machine(device, choose_dtype(config.runtime, device), in_4bit)


def tokenizer_of(corpus: Corpus, config: Config) -> BaseTokenizer:
    """Return the tokenizer of processed data; raises CorpusError if it is not for this base."""
    if not isinstance(corpus.tokenizer, BaseTokenizer):
        raise CorpusError(
            f"the data in {config.processed.dir} is not for a pretrained base",
            hint="run `chatbot preprocess`",
        )
    stage = config.pretrained.stage
    if (corpus.tokenizer.form.kind == "raw") != (stage == "cpt"):
        raise CorpusError(
            f"the data in {config.processed.dir} is not for stage {stage}",
            hint="run `chatbot preprocess`",
        )
    return corpus.tokenizer


def _build(
    config: Config, base: Base, tokenizer: BaseTokenizer, machine: Machine, before: Bundle | None
) -> PretrainedNetwork:
    """Load a base, with the weights of the previous stage if there is one."""
    network = open_network(base, config, tokenizer, machine)
    if before is not None:
        network.load_weights(before.weights)
    return network


def _checkpointed(build: partial[PretrainedNetwork]) -> PretrainedNetwork:
    network = build()
    network.checkpoint_gradients()
    return network


def open_network(
    base: Base, config: Config, tokenizer: BaseTokenizer, machine: Machine
) -> PretrainedNetwork:
    """Load a base with a new adapter, or with all weights trained."""
    if machine.device.type == "cpu":
        map_tensors()
    is_full = config.pretrained.base.tuning == "full"
    dtype = torch.float32 if is_full else machine.dtype
    model: Any = load_base(base, machine.device, dtype, in_4bit=machine.in_4bit)
    add_token_rows(model, tokenizer)
    network = adapted(model, base, config, tokenizer)
    network.require_known_head()
    return network


def adapted(model: Any, base: Base, config: Config, tokenizer: BaseTokenizer) -> PretrainedNetwork:
    """Return a network with its trained weights selected: a new adapter, or all."""
    pretrained = config.pretrained
    signature: dict[str, object] = {"model.tuning": pretrained.base.tuning}
    if pretrained.base.tuning == "full":
        model.requires_grad_(True)
    else:
        lora = pretrained.lora
        names = ("r", "alpha", "target_modules", "use_rslora", "use_dora")
        signature |= {f"lora.{name}": getattr(lora, name) for name in names}
        with torch.random.fork_rng():
            torch.manual_seed(config.runtime.seed)
            model = add_adapter(model, lora, rows_to_train(model, tokenizer), base.label)
    return PretrainedNetwork(model, tokenizer, signature)


def _require_same_base(saved: About, base: Base, fingerprint: Fingerprint) -> None:
    if difference := fingerprint.difference(saved.base_fingerprint or ""):
        raise CheckpointError(
            f"the checkpoint belongs to another base than {base.name}: {difference}",
            hint="restore model.base_model, or set another project.run_name",
        )


def _read_parent(parent: Path, fingerprint: Fingerprint) -> Bundle:
    """Read the saved model of the previous stage; raises CheckpointError if its base differs."""
    before = read_folder(parent)
    if difference := fingerprint.difference(before.about.base_fingerprint or ""):
        raise CheckpointError(
            f"{parent} belongs to another base ({before.about.base_model}): {difference}",
            hint="`chatbot archive` sets it aside; then `chatbot train` trains it again",
        )
    return before


def with_numbers(config: Config, base: Base, device: torch.device) -> Config:
    """Return the settings with every `auto` resolved: learning rate, batch size, context.

    Raises ConfigError if the context exceeds the base's, or `min_lr` the rate.
    """
    settings, context = config.optimization, context_of(base)
    block_size: str | int = config.model.block_size
    block_size = min(_CONTEXT, context) if isinstance(block_size, str) else block_size
    if block_size > context:
        raise ConfigError(
            f"`model.block_size` {block_size} is more than the base's context of {context}",
            hint=f"set `model.block_size` to auto, or to {context} or less",
        )
    rows, rate = settings.batch_size, settings.learning_rate
    if rows == "auto":
        rows = _ROWS_CPU if device.type == "cpu" else _ROWS_GPU
    if rate == "auto":
        rate = _LORA_RATE if config.pretrained.base.tuning == "lora" else _FULL_RATE
    config = replace(
        config,
        model=replace(config.model, block_size=block_size),
        optimization=replace(settings, batch_size=rows, learning_rate=rate),
    )
    refuse_contradictions(config)
    return config


def require_memory(
    config: Config, base: Base, tokenizer: BaseTokenizer, machine: Machine
) -> TuningNeed:
    """Return the memory that training will need; raises ConfigError if it is not free.

    It is measured on a network without weights, before loading any.
    """
    free = available_memory(machine.device)
    need = count_need(config, base, tokenizer, machine, free)
    if free is not None and need.additional > free:
        raise ConfigError(
            f"training needs {need.additional / GIGABYTE:.1f} GB, "
            f"{machine.device} has {free / GIGABYTE:.1f} GB free",
            hint="`chatbot plan` shows what fits: model.load_in_4bit, a lower "
            "`model.block_size` or lora.r, a smaller base",
        )
    return need


def count_need(
    config: Config,
    base: Base,
    tokenizer: BaseTokenizer,
    machine: Machine,
    free_bytes: int | None,
) -> TuningNeed:
    """Measure the memory of training, given the free memory."""
    if machine.device.type == "cuda" and free_bytes is not None:
        free_bytes -= _CUDA_BYTES
    dtype = torch.float32 if config.pretrained.base.tuning == "full" else machine.dtype
    around = _surroundings(base, machine.device, dtype)
    skeleton: Any = skeleton_of(base, machine.dtype)
    add_token_rows(skeleton, tokenizer)
    # Autocast computes fp32 adapters in the dtype of the device: so does this network.
    network = adapted(skeleton, base, config, tokenizer).to(machine.dtype)
    return tuning_need(network, config, around, in_4bit=machine.in_4bit, free_bytes=free_bytes)


def _surroundings(base: Base, device: torch.device, dtype: torch.dtype) -> Surroundings:
    """Return the other memory of the process on a CPU; on a GPU there is none."""
    if device.type != "cpu":
        return Surroundings()
    mapped = 0 if base.stored_dtype() is dtype else base.size_bytes()
    return Surroundings(resident_memory(), mapped)


def _fallback(config: Config, machine: Machine, need: TuningNeed) -> list[str]:
    if not config.pretrained.base.load_in_4bit or machine.in_4bit:
        return []
    why = "bitsandbytes is not installed" if machine.device.type == "cuda" else "there is no CUDA"
    return [
        f"WARNING: 4-bit quantization is unavailable here ({why}): the base is loaded unquantized, "
        f"{need.weights / GIGABYTE:.2f} GB instead of {need.weights_in_4bit / GIGABYTE:.2f} GB"
    ]


def _describe(base: Base, machine: Machine, need: TuningNeed) -> str:
    dtype = "4 bits" if machine.in_4bit else dtype_name(machine.dtype)
    saved = ", activations recomputed to save memory" if need.is_checkpointed else ""
    return (
        f"{base.name}: {need.n_params / 1e6:,.1f} M parameters, {need.n_trained / 1e6:.2f} M "
        f"trained, on {machine.device} in {dtype}, about {need.total / GIGABYTE:.1f} GB{saved}"
    )
