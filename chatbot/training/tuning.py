"""A pretrained base and a room's tokens -> everything that fine-tuning needs."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import torch

from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.corpus.ngrams import index_ngrams
from chatbot.corpus.store import Corpus
from chatbot.errors import CheckpointError, ConfigError, CorpusError
from chatbot.model.device import (
    available_memory,
    choose_device,
    choose_dtype,
    map_tensors,
    resident_memory,
)
from chatbot.model.pretrained.file import DIGEST, read_tuned
from chatbot.model.pretrained.fingerprint import Fingerprint
from chatbot.model.pretrained.hub import Base, can_quantize, context_of, load_base, skeleton_of
from chatbot.model.pretrained.lora import add_adapter
from chatbot.model.pretrained.network import PretrainedNetwork, make_room, rows_to_train
from chatbot.model.pretrained.tokenizer import require_own_tokenizer
from chatbot.settings.schema import Config
from chatbot.training.adapter_keeper import AdapterKeeper
from chatbot.training.checkpoint import check_resumable, restore
from chatbot.training.folder import AdapterFolder
from chatbot.training.loop import Compute, TrainState, new_state
from chatbot.training.memory import GIGABYTE, Surroundings, TuningNeed, tuning_need
from chatbot.training.setup import (
    Prepared,
    checkpoint_to_continue,
    describe_data,
    describe_steps,
    plan_steps,
    train_source,
    val_source,
)
from chatbot.training.world import ALONE, World

_ROWS_CPU, _ROWS_GPU = 4, 8
_CONTEXT = 512
_CUDA_BYTES = 600_000_000  # what CUDA itself and its kernels' workspaces take


@dataclass(frozen=True)
class Machine:
    """Where a base is loaded, in which number format, and whether in 4 bits."""

    device: torch.device
    dtype: torch.dtype
    in_4bit: bool


def choose_machine(config: Config, rank: int = 0) -> Machine:
    """Resolve device and number format; 4 bits only where they are to be had."""
    device = choose_device(config.runtime.device)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", rank)
    in_4bit = config.pretrained.base.load_in_4bit and can_quantize(device)
    return Machine(device, choose_dtype(config.runtime, device), in_4bit)


def prepare_tuning(
    config: Config,
    corpus: Corpus,
    folder: AdapterFolder,
    resume: Path | None,
    world: World = ALONE,
    parent: Path | None = None,
) -> Prepared:
    """Build or restore the state of a run on a pretrained base.

    `parent`: the adapter of the stage before, to begin from. Raises CheckpointError where going
    on would silently train something else, ConfigError where it cannot fit or work.
    """
    world.require_same(corpus.stats.fingerprint)
    sentences: list[str] = []
    payload = world.share(lambda: checkpoint_to_continue(config, folder, resume, sentences.append))
    machine = choose_machine(config, world.local_rank)
    base = Base(config.pretrained.base, Path(config.root))
    config = with_numbers(config, base, machine.device)
    tokenizer = tokenizer_of(corpus, config)
    require_own_tokenizer(base, tokenizer)
    need = require_room(config, base, tokenizer, machine)
    network, fingerprint = open_network(base, config, tokenizer, machine), base.fingerprint()
    about = {
        **describe_data(config, corpus),
        "stage": config.pretrained.stage,
        "base_model": base.label,
        "base_fingerprint": str(fingerprint),
        "form": tokenizer.form.kind,
        # Sums are rounded by how they are split: a run goes on as it began.
        "tokens_at_once": need.tokens_at_once
        if payload is None
        else payload["about"]["tokens_at_once"],
        "parent": _begin_from(parent, network, fingerprint)
        if payload is None
        else _require_same_base(payload, base, fingerprint),
    }
    if need.is_checkpointed:
        network.checkpoint_gradients()
    at_once = min(need.tokens_at_once, int(about["tokens_at_once"]))
    compute = Compute(machine.device, machine.dtype, config.runtime.seed, world, at_once)
    state = new_state(network, config.optimization, compute)
    if payload is not None:
        check_resumable(payload, about, network.signature)
        restore(state, payload)
        sentences.append(f"continuing at step {state.step:,}")
    sentences += [*_fallback(config, machine, need), _describe(base, machine, need)]
    if about["parent"] is not None:
        sentences.append(f"it began from {about['parent']['run_name']}")
    made = _with_data(config, corpus, folder, state, compute, about)
    return replace(made, sentences=[*sentences, *made.sentences])


def _with_data(
    config: Config,
    corpus: Corpus,
    folder: AdapterFolder,
    state: TrainState,
    compute: Compute,
    about: dict[str, Any],
) -> Prepared:
    block_size = int(config.model.block_size)
    sources = (
        train_source(config, corpus, corpus.train, block_size, compute.device),
        val_source(config, corpus, block_size, compute.device),
    )
    plan = plan_steps(config, sources[0], about)
    if not config.logging.snapshot_interval:
        logging = msgspec.structs.replace(config.logging, snapshot_interval=plan.save_interval)
        config = msgspec.structs.replace(config, logging=logging)
    is_main = compute.world.is_main
    guard = index_ngrams(corpus.train, corpus.tokenizer) if is_main else None
    tokenizer = tokenizer_of(corpus, config)
    keeper = AdapterKeeper(folder, tokenizer, config.logging.keep_snapshots, guard)
    sentences = [describe_steps(sources[0], plan)]
    return Prepared(config, state, sources, compute, plan, keeper, sentences)


def tokenizer_of(corpus: Corpus, config: Config) -> BaseTokenizer:
    """Return the tokenizer of tokens that were made for a base; raises CorpusError for others."""
    if not isinstance(corpus.tokenizer, BaseTokenizer):
        raise CorpusError(
            f"the data in {config.processed.dir} was not made for a pretrained base",
            hint="`chatbot preprocess` makes it",
        )
    stage = config.pretrained.stage
    if (corpus.tokenizer.form.kind == "raw") != (stage == "cpt"):
        raise CorpusError(
            f"the data in {config.processed.dir} is not that of stage {stage}",
            hint="`chatbot preprocess` makes it",
        )
    return corpus.tokenizer


def open_network(
    base: Base, config: Config, tokenizer: BaseTokenizer, machine: Machine
) -> PretrainedNetwork:
    """Load a base with a new adapter, or all of it to be trained."""
    if machine.device.type == "cpu":
        map_tensors()
    is_full = config.pretrained.base.tuning == "full"
    dtype = torch.float32 if is_full else machine.dtype
    model: Any = load_base(base, machine.device, dtype, in_4bit=machine.in_4bit)
    make_room(model, tokenizer)
    network = adapted(model, base, config, tokenizer)
    network.require_known_head()
    return network


def adapted(model: Any, base: Base, config: Config, tokenizer: BaseTokenizer) -> PretrainedNetwork:
    """Return a network with what is trained: a new adapter, or everything."""
    pretrained = config.pretrained
    numbers: dict[str, Any] = {"model.tuning": pretrained.base.tuning}
    if pretrained.base.tuning == "full":
        model.requires_grad_(True)
    else:
        lora = pretrained.lora
        names = ("r", "alpha", "target_modules", "use_rslora", "use_dora")
        numbers |= {f"lora.{name}": getattr(lora, name) for name in names}
        with torch.random.fork_rng():
            torch.manual_seed(config.runtime.seed)
            model = add_adapter(model, lora, rows_to_train(model, tokenizer), base.label)
    return PretrainedNetwork(model, tokenizer, numbers)


def _require_same_base(
    payload: dict[str, Any], base: Base, fingerprint: Fingerprint
) -> dict[str, Any] | None:
    """Return what the checkpointed run began from, if it is of this base."""
    about = payload["about"]
    if difference := fingerprint.difference(about.get("base_fingerprint", "")):
        raise CheckpointError(
            f"the checkpoint is of another base than {base.name}: {difference}",
            hint="set model.base_model back, or another project.run_name",
        )
    lineage: dict[str, Any] | None = about["parent"]
    return lineage


def _begin_from(
    parent: Path | None, network: PretrainedNetwork, fingerprint: Fingerprint
) -> dict[str, Any] | None:
    """Put the weights of the stage before into a new network; return where they are from."""
    if parent is None:
        return None
    before = read_tuned(parent)
    if difference := fingerprint.difference(before.about["base_fingerprint"]):
        raise CheckpointError(
            f"{parent} belongs to another base ({before.about['base_model']}): {difference}",
            hint="`chatbot archive` sets it aside; then `chatbot train` makes it anew",
        )
    network.load_files(before.weights)
    kept = ("stage", "run_name", "step", "data_fingerprint", DIGEST)
    return {name: before.about[name] for name in kept}


def with_numbers(config: Config, base: Base, device: torch.device) -> Config:
    """Return the settings with numbers for an `auto` batch size and context.

    Raises ConfigError for more context than the base has.
    """
    settings, context = config.optimization, context_of(base)
    wanted = config.model.block_size
    block_size = min(_CONTEXT, context) if wanted == "auto" else wanted
    if block_size > context:
        raise ConfigError(
            f"training.max_seq_len {block_size} is more than the base's context of {context}",
            hint=f"set training.max_seq_len to auto, or to {context} or less",
        )
    rows = _ROWS_CPU if device.type == "cpu" else _ROWS_GPU
    if settings.batch_size != "auto":
        rows = settings.batch_size
    return msgspec.structs.replace(
        config,
        model=msgspec.structs.replace(config.model, block_size=block_size),
        optimization=msgspec.structs.replace(settings, batch_size=rows),
    )


def require_room(
    config: Config, base: Base, tokenizer: BaseTokenizer, machine: Machine
) -> TuningNeed:
    """Return the memory that training will take; raises ConfigError if there is not so much.

    All is counted on a network without weights, before any is loaded.
    """
    free = available_memory(machine.device)
    need = count_need(config, base, tokenizer, machine, free)
    if free is not None and need.additional > free:
        raise ConfigError(
            f"training needs {need.additional / GIGABYTE:.1f} GB, "
            f"{machine.device} has {free / GIGABYTE:.1f} GB free",
            hint="`chatbot plan` shows what fits: model.load_in_4bit, a lower training.max_seq_len "
            "or lora.r, a smaller base",
        )
    return need


def count_need(
    config: Config,
    base: Base,
    tokenizer: BaseTokenizer,
    machine: Machine,
    free_bytes: int | None,
) -> TuningNeed:
    """Count the memory of training with so much free."""
    if machine.device.type == "cuda" and free_bytes is not None:
        free_bytes -= _CUDA_BYTES
    dtype = torch.float32 if config.pretrained.base.tuning == "full" else machine.dtype
    around = _surroundings(base, machine.device, dtype)
    skeleton: Any = skeleton_of(base, machine.dtype)
    make_room(skeleton, tokenizer)
    # Autocast computes fp32 adapters in the machine's format: so does this network.
    network = adapted(skeleton, base, config, tokenizer).to(machine.dtype)
    return tuning_need(network, config, around, in_4bit=machine.in_4bit, free_bytes=free_bytes)


def _surroundings(base: Base, device: torch.device, dtype: torch.dtype) -> Surroundings:
    """Return what a CPU's process takes besides: a card has its memory for itself."""
    if device.type != "cpu":
        return Surroundings()
    mapped = 0 if base.stored_dtype() is dtype else base.size_bytes()
    return Surroundings(resident_memory(), mapped)


def _fallback(config: Config, machine: Machine, need: TuningNeed) -> list[str]:
    if not config.pretrained.base.load_in_4bit or machine.in_4bit:
        return []
    why = "bitsandbytes is not installed" if machine.device.type == "cuda" else "there is no CUDA"
    return [
        f"WARNING: 4 bits are not to be had here ({why}): the base is loaded whole, "
        f"{need.weights / GIGABYTE:.2f} GB instead of {need.weights_in_4bit / GIGABYTE:.2f} GB"
    ]


def _describe(base: Base, machine: Machine, need: TuningNeed) -> str:
    number = "4 bits" if machine.in_4bit else str(machine.dtype).removeprefix("torch.")
    saved = ", layers computed twice to save memory" if need.is_checkpointed else ""
    return (
        f"{base.name}: {need.n_params / 1e6:,.1f} M parameters, {need.n_trained / 1e6:.2f} M "
        f"trained, on {machine.device} in {number}, about {need.total / GIGABYTE:.1f} GB{saved}"
    )
