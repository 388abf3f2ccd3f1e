"""Settings and data -> a run that is ready to train, for every model family."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chatbot.corpus.ngrams import NgramIndex, index_ngrams
from chatbot.corpus.store import Corpus, TokenStore
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import CheckpointError
from chatbot.model.bundle import About
from chatbot.model.interface import Network
from chatbot.model.leak_guard import read_index, write_index
from chatbot.settings.schema import Config, ObjectiveConfig
from chatbot.training.batches import BatchSource, StepSource
from chatbot.training.checkpoint import (
    Checkpoint,
    check_resumable,
    read_checkpoint,
    read_newest,
    restore,
)
from chatbot.training.families import training_family
from chatbot.training.folder import RunFolder
from chatbot.training.interface import Blueprint, Plan
from chatbot.training.keeper import Keeper
from chatbot.training.loop import Compute, EvalResult, TrainState, new_state
from chatbot.training.recipe import with_steps
from chatbot.training.world import ALONE, World

_MIN_STEPS = 200
_N_EVALS = 20


@dataclass(frozen=True)
class PreparedRun:
    """A run that is ready to train, with resolved settings, and messages about decisions.

    `about`: facts for its checkpoints about vocabulary, data and program. `judge`: what puts the
    loss to minimize in place of that of held-out replies.
    """

    config: Config
    state: TrainState
    sources: tuple[StepSource, BatchSource]
    tokenizer: Tokenizer
    compute: Compute
    plan: Plan
    about: About
    keeper: Keeper
    sentences: list[str]
    measures_start: bool
    leak_guard: NgramIndex | None = None  # of the main process only
    judge: Callable[[Network, EvalResult], EvalResult] | None = None


def prepare(
    config: Config,
    corpus: Corpus,
    folder: RunFolder,
    resume: Path | None = None,
    world: World = ALONE,
    parent: Path | None = None,
) -> PreparedRun:
    """Build or restore the state of a run.

    `resume`: the checkpoint to continue from, if the user named it. `parent`: the saved model of
    the previous stage, to begin from. Raises CheckpointError if continuing would silently train
    something else, CorpusError if processes have different data, ConfigError if the settings are
    invalid or need too much memory.
    """
    world.require_same(corpus.stats.fingerprint)
    sentences: list[str] = []
    checkpoint = world.share(
        lambda: checkpoint_to_continue(config, folder, resume, sentences.append)
    )
    family = training_family(config)
    saved = None if checkpoint is None else checkpoint.about
    blueprint = family.resolve(config, corpus, world, saved, parent)
    state = make_state(blueprint)
    sentences += blueprint.sentences
    if checkpoint is not None:
        check_resumable(checkpoint, blueprint.about, state.model.signature)
        restore(state, checkpoint)
        sentences.append(f"continuing at step {state.step:,}")
    sources = train_source(blueprint, corpus, corpus.train), val_source(blueprint, corpus)
    plan = plan_steps(blueprint, sources[0])
    sentences.append(describe_steps(sources[0], plan))
    write_model = partial(family.write_model, tokenizer=corpus.tokenizer)
    keeper = Keeper(folder, config.logging.keep_snapshots, write_model, family.read_about)
    return PreparedRun(
        config=blueprint.config,
        state=state,
        sources=sources,
        tokenizer=corpus.tokenizer,
        compute=blueprint.compute,
        plan=plan,
        about=blueprint.about,
        keeper=keeper,
        sentences=sentences,
        measures_start=blueprint.replies_at_once,
        leak_guard=_leak_guard(folder, corpus) if world.is_main else None,
    )


def _leak_guard(folder: RunFolder, corpus: Corpus) -> NgramIndex:
    """Return the n-gram index of a run's training data, which is saved in its folder."""
    index = read_index(folder.leak_guard)
    if index is None or index.data_fingerprint != corpus.stats.fingerprint:
        index = index_ngrams(corpus.train, corpus.tokenizer, corpus.stats.fingerprint)
        write_index(folder.leak_guard, index)
    return index


def checkpoint_to_continue(
    config: Config, folder: RunFolder, resume: Path | None, tell: Callable[[str], None]
) -> Checkpoint | None:
    """Read the checkpoint to continue from: the named one, else the newest undamaged one."""
    if resume is not None:
        return read_checkpoint(resume)
    checkpoint = read_newest(folder, tell)
    if checkpoint is not None and not config.auto_resume:
        raise CheckpointError(
            f"run {config.run_name} has a checkpoint and `auto_resume` is off",
            hint="name it with --resume, set another `run_name`, or `chatbot archive`",
        )
    return checkpoint


def train_source(blueprint: Blueprint, corpus: Corpus, store: TokenStore) -> BatchSource:
    """Return the batches of a store of training tokens: a full corpus or a part of it."""
    config = blueprint.config
    return _source(blueprint, corpus, store, config.objective, config.runtime.seed)


def val_source(blueprint: Blueprint, corpus: Corpus) -> BatchSource:
    """Return the batches of held-out sessions; only replies are evaluated."""
    measured = ObjectiveConfig(loss_mode="response_only", speaker_weight=0)
    return _source(blueprint, corpus, corpus.val, measured)


def _source(
    blueprint: Blueprint, corpus: Corpus, store: TokenStore, objective: ObjectiveConfig, *seed: int
) -> BatchSource:
    block_size = blueprint.block_size
    batch_tokens = blueprint.recipe.batch_size * block_size
    return BatchSource(store, corpus.tokenizer, objective, block_size, batch_tokens, *seed)


def make_state(blueprint: Blueprint) -> TrainState:
    """Return the state of a new network before its first step."""
    return new_state(blueprint.build(), blueprint.recipe, blueprint.compute)


def plan_steps(blueprint: Blueprint, source: BatchSource) -> Plan:
    """Return the steps to train on a source, and when to evaluate and save."""
    recipe, logging = blueprint.recipe, blueprint.config.logging
    epoch_steps = source.n_batches(0) / recipe.grad_accum_steps
    max_steps = _or(recipe.max_steps, max(_MIN_STEPS, math.ceil(recipe.max_epochs * epoch_steps)))
    interval = min(500, max(10, max_steps // _N_EVALS))
    eval_interval = _or(logging.eval_interval, interval)
    save_interval = _or(logging.save_interval, eval_interval)
    return Plan(
        with_steps(recipe, max_steps),
        n_epochs=max_steps / epoch_steps,
        eval_interval=eval_interval,
        save_interval=save_interval,
        snapshot_interval=_or(logging.snapshot_interval, save_interval),
    )


def _or(setting: int | str, number: int) -> int:
    return number if isinstance(setting, str) else setting


def describe_steps(source: BatchSource, plan: Plan) -> str:
    """Describe the number of steps and the amount of data."""
    skipped = f", {source.n_skipped} without a trained token left out" if source.n_skipped else ""
    return (
        f"{len(source.pieces):,} pieces, {source.n_batches(0):,} batches an epoch, "
        f"{source.padding_share():.1%} padding{skipped}; {plan.max_steps:,} steps "
        f"({plan.n_epochs:.1f} epochs)"
    )
