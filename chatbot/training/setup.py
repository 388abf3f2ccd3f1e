"""Settings and data -> everything a run needs, with each `auto` resolved."""

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from chatbot.corpus.ngrams import index_ngrams
from chatbot.corpus.store import Corpus, TokenStore, carried_by_model
from chatbot.errors import CheckpointError
from chatbot.model.device import choose_device, choose_dtype, free_memory, keep_freed_memory
from chatbot.model.gpt.config import GPTConfig, choose_size, context_and_width, resolve_shape
from chatbot.model.gpt.network import GPT
from chatbot.settings.schema import Config, ObjectiveConfig, resolved
from chatbot.training.batches import BatchSource
from chatbot.training.checkpoint import (
    RunKeeper,
    check_resumable,
    read_checkpoint,
    read_newest,
    restore,
)
from chatbot.training.folder import RunFolder
from chatbot.training.interface import Keeper, Plan
from chatbot.training.loop import Compute, TrainState, new_state
from chatbot.training.memory import memory_need, tokens_at_once
from chatbot.training.recipe import with_recipe
from chatbot.training.world import ALONE, World

_ROWS_CPU, _ROWS_GPU = 8, 64
_MIN_STEPS = 200
_N_EVALS = 20


@dataclass(frozen=True)
class Prepared:
    """A run ready to train, its settings as numbers, and sentences that say what was decided."""

    config: Config
    state: TrainState
    sources: tuple[BatchSource, BatchSource]
    compute: Compute
    plan: Plan
    keeper: Keeper
    sentences: list[str]


@dataclass(frozen=True)
class Resolved:
    """The network and the machine that the settings mean for a corpus, and why that size.

    `config` is the settings with numbers for what was `auto` in the recipe.
    """

    config: Config
    shape: GPTConfig
    compute: Compute
    size: str
    why: str

    @property
    def description(self) -> str:
        """Say what will be trained, and where."""
        shape, number = self.shape, str(self.compute.dtype).removeprefix("torch.")
        return (
            f"{shape.n_params / 1e6:.1f} M parameters ({shape.n_layer} layers x {shape.n_embd}, "
            f"context {shape.block_size}) on {self.compute.device.type} in {number}"
        )


def resolve(
    config: Config, corpus: Corpus, world: World = ALONE, payload: dict[str, Any] | None = None
) -> Resolved:
    """Resolve what is `auto`; `payload` is the checkpoint to continue from, if there is one."""
    device = choose_device(config.runtime.device)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", world.local_rank)
    dtype = choose_dtype(config.runtime, device)
    size, why = _size(config, corpus, device, payload)
    n_tokens = corpus.stats.splits["train"].n_tokens
    block_size, width = context_and_width(config.model, size)
    config = with_recipe(config, n_tokens, _rows(config, device) * block_size, width)
    shape = resolve_shape(config.model, corpus.stats.vocab_size, size)
    need, free = memory_need(shape, dtype), free_memory(device)
    max_tokens = sys.maxsize if free is None else tokens_at_once(need, free, shape.block_size)
    compute = Compute(device, dtype, config.runtime.seed, world, max_tokens)
    return Resolved(config, shape, compute, size, why)


def prepare(
    config: Config,
    corpus: Corpus,
    folder: RunFolder,
    resume: Path | None,
    world: World = ALONE,
) -> Prepared:
    """Build or restore the state of a run.

    Raises CheckpointError where going on would silently train something else, CorpusError where
    the processes of a world hold different data.
    """
    world.require_same(corpus.stats.fingerprint)
    troubles: list[str] = []
    payload = world.share(lambda: checkpoint_to_continue(config, folder, resume, troubles.append))
    found = resolve(config, corpus, world, payload)
    config, shape, compute = found.config, found.shape, found.compute
    about = {**describe_data(config, corpus), "size": found.size}
    if payload is not None:
        check_resumable(payload, about, asdict(shape))
    sources = (
        train_source(config, corpus, corpus.train, shape.block_size, compute.device),
        val_source(config, corpus, shape.block_size, compute.device),
    )
    state = make_state(config, shape, compute)
    sentences = [*troubles, found.why, found.description, _describe_recipe(config)]
    if payload is not None:
        restore(state, payload)
        sentences.append(f"continuing at step {state.step:,}")
    if config.runtime.compile:
        # The trained path calls `hidden`; nn.Module.compile would wrap `forward` alone.
        state.model.hidden = torch.compile(state.model.hidden, dynamic=True)  # type: ignore[method-assign]
    guard = index_ngrams(corpus.train, corpus.tokenizer) if world.is_main else None
    text = corpus.tokenizer.files["tokenizer.json"]
    keeper = RunKeeper(folder, text, config.logging.keep_snapshots, guard)
    plan = plan_steps(config, sources[0], about)
    sentences.append(describe_steps(sources[0], plan))
    return Prepared(config, state, sources, compute, plan, keeper, sentences)


def describe_data(config: Config, corpus: Corpus) -> dict[str, Any]:
    """Return what a checkpoint remembers of the data and the program."""
    return {
        "tokenizer_sha256": corpus.stats.tokenizer_sha256,
        "data_fingerprint": corpus.stats.fingerprint,
        "run_name": config.run_name,
        "git_commit": _git_commit(Path(config.root)),
        **carried_by_model(corpus.stats),
    }


def checkpoint_to_continue(
    config: Config, folder: RunFolder, resume: Path | None, tell: Callable[[str], None]
) -> dict[str, Any] | None:
    """Read the checkpoint to continue from: the named one, else the newest whole one, else none."""
    if resume is not None:
        return read_checkpoint(resume)
    payload = read_newest(folder, tell)
    if payload is not None and not config.auto_resume:
        raise CheckpointError(
            f"run {config.run_name} has a checkpoint and `auto_resume` is off",
            hint="name it with --resume, set another `run_name`, or `chatbot archive`",
        )
    return payload


def _size(
    config: Config, corpus: Corpus, device: torch.device, payload: dict[str, Any] | None
) -> tuple[str, str]:
    if config.model.size != "auto":
        return config.model.size, f"model size {config.model.size}: set in configs/train.yaml"
    if payload is not None:
        size = payload["about"]["size"]
        return size, f"model size {size}: the checkpoint's"
    return choose_size(corpus.stats.splits["train"].n_tokens, device.type != "cpu")


def train_source(
    config: Config, corpus: Corpus, store: TokenStore, block_size: int, device: torch.device
) -> BatchSource:
    """Return batches of a store of training tokens: the whole log, or a part of it."""
    batch_tokens, seed = _rows(config, device) * block_size, config.runtime.seed
    objective = config.objective
    return BatchSource(store, corpus.tokenizer, objective, block_size, batch_tokens, seed)


def val_source(
    config: Config, corpus: Corpus, block_size: int, device: torch.device
) -> BatchSource:
    """Return batches of the held-out sessions: whatever is trained, replies are measured."""
    batch_tokens = _rows(config, device) * block_size
    measured = ObjectiveConfig(loss_mode="response_only", speaker_weight=0)
    return BatchSource(corpus.val, corpus.tokenizer, measured, block_size, batch_tokens)


def _rows(config: Config, device: torch.device) -> int:
    wanted = config.optimization.batch_size
    if wanted != "auto":
        return wanted
    return _ROWS_CPU if device.type == "cpu" else _ROWS_GPU


def make_state(config: Config, shape: GPTConfig, compute: Compute) -> TrainState:
    """Return a network with drawn weights, ready for its first step."""
    if compute.device.type == "cpu":
        keep_freed_memory()
    model = GPT(shape)
    model.init_weights(torch.Generator().manual_seed(config.runtime.seed))
    return new_state(model, config.optimization, compute)


def plan_steps(config: Config, source: BatchSource, about: dict[str, Any]) -> Plan:
    """Return how many steps to train on a source, and when to measure and save."""
    settings, logging = config.optimization, config.logging
    if settings.max_steps == "auto":
        epochs = resolved(settings.max_epochs) * source.n_batches(0) / settings.grad_accum_steps
        max_steps = max(_MIN_STEPS, math.ceil(epochs))
    else:
        max_steps = settings.max_steps
    interval = min(500, max(10, max_steps // _N_EVALS))
    eval_interval = interval if logging.eval_interval == "auto" else logging.eval_interval
    save_interval = eval_interval if logging.save_interval == "auto" else logging.save_interval
    n_epochs = max_steps * settings.grad_accum_steps / source.n_batches(0)
    is_pretrained = config.family == "pretrained"
    return Plan(max_steps, n_epochs, eval_interval, save_interval, about, is_pretrained)


def _describe_recipe(config: Config) -> str:
    settings, model = config.optimization, config.model
    return (
        f"training {config.training}: rate {settings.learning_rate:g}, decay "
        f"{settings.weight_decay:.3g}, dropout {model.dropout:g}, masking {model.input_masking:g}"
    )


def describe_steps(source: BatchSource, plan: Plan) -> str:
    """Say how many steps on how much data."""
    skipped = f", {source.n_skipped} without a trained token left out" if source.n_skipped else ""
    return (
        f"{len(source.pieces):,} pieces, {source.n_batches(0):,} batches an epoch, "
        f"{source.padding_share():.1%} padding{skipped}; {plan.max_steps:,} steps "
        f"({plan.n_epochs:.1f} epochs)"
    )


def _git_commit(root: Path) -> str:
    """Return the commit of the program's folder, "" where there is none."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return found.stdout.strip()
