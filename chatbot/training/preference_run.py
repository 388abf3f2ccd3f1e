"""A trained model and pairs of replies -> a run, ready to train, that begins from that model."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace as replace_settings

from chatbot.corpus.store import Corpus
from chatbot.errors import CheckpointError
from chatbot.settings import run_files
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes
from chatbot.training.batches import BatchSource
from chatbot.training.folder import RunFolder
from chatbot.training.loop import evaluate
from chatbot.training.preferences import (
    PAIRS_PER_STEP,
    Judge,
    MixedSource,
    PairSource,
    PreferenceLoss,
    Reference,
    TokenPair,
    digest_of,
    pair_log_probabilities,
)
from chatbot.training.prepare import PreparedRun, prepare

_RATE = 1e-4
_N_EVALS = 8


@dataclass(frozen=True)
class SplitPairs:
    """The pairs to train on, and those held out."""

    train: list[TokenPair]
    held_out: list[TokenPair]


def preference_settings(config: Config, run_name: str, n_pairs: int) -> Config:
    """Return the settings of a run on `n_pairs`: a small rate, no dropout.

    The log-probabilities of the reference are without dropout, so those of training are too.
    """
    preferences, steps = config.preferences, -(-n_pairs // PAIRS_PER_STEP)
    n_steps = max(1, math.ceil(preferences.epochs * steps))
    rate = preferences.learning_rate
    every = -(-n_steps // _N_EVALS)
    lora = replace_settings(config.pretrained.lora, dropout=0.0)
    return replace_settings(
        config,
        run_name=run_name,
        before=None,
        model=replace_settings(config.model, dropout=0.0, input_masking=0.0),
        pretrained=replace_settings(config.pretrained, lora=lora),
        optimization=replace_settings(
            config.optimization,
            optimizer="adamw",
            learning_rate=_RATE if rate == "auto" else rate,
            min_lr=0.0,
            warmup_steps=max(1, n_steps // 10),
            warmup_ratio=0.0,
            lr_schedule="cosine",
            lr_decay_steps="auto",
            grad_accum_steps=1,
            max_steps=n_steps,
            max_minutes=0.0,
            patience=0,
            weight_decay=0.0,
            ema_decay=0.9,
        ),
        logging=replace_settings(
            config.logging,
            log_interval=1,
            eval_interval=every,
            save_interval=every,
            snapshot_interval=0,
        ),
    )


def prepare_preferences(
    config: Config, corpus: Corpus, folder: RunFolder, parent: Path, pairs: SplitPairs
) -> PreparedRun:
    """Build or restore a run on pairs in the settings of `preference_settings`.

    Raises CheckpointError if the pairs have changed since it began.
    """
    run = prepare(config, corpus, folder, parent=parent)
    reference = _reference(run, pairs)
    write_bytes(folder.path / run_files.REFERENCE, msgspec.json.encode(reference), mode=0o600)
    likely = np.array(reference.log_probabilities)
    preferences = config.preferences
    n_train, pad = len(pairs.train), corpus.tokenizer.pad_id
    own = PairSource(pairs.train, likely[:n_train], pad, config.runtime.seed)
    sessions, val = run.sources
    if not isinstance(sessions, BatchSource):
        raise TypeError("a run on preferences already")
    source = MixedSource(own, sessions, preferences.replay_weight)
    held_out = PairSource(pairs.held_out, likely[n_train:], pad)
    loss = PreferenceLoss(run.state.model, preferences.beta)
    run.state.loss = run.compute.world.wrap(loss)
    most_bits = reference.bits_per_byte * (1 + preferences.max_worse)
    sentences = [
        *run.sentences[:-1],
        f"{n_train:,} pairs to train on, {len(pairs.held_out):,} held out; "
        f"{run.plan.max_steps:,} steps of {PAIRS_PER_STEP} pairs",
    ]
    return replace(
        run,
        sources=(source, val),
        sentences=sentences,
        measures_start=True,
        judge=Judge(held_out, likely[n_train:], preferences.beta, most_bits, run.compute),
    )


def _reference(run: PreparedRun, pairs: SplitPairs) -> Reference:
    """Return what the parent says: stored, or computed before the first step."""
    both = [*pairs.train, *pairs.held_out]
    digest = digest_of(both)
    path = run.keeper.folder.path / run_files.REFERENCE
    if path.is_file():
        stored = msgspec.json.decode(path.read_bytes(), type=Reference)
        if stored.pairs == digest:
            return stored
    if run.state.step:
        raise CheckpointError(
            f"the preferences have changed since run {run.config.run_name} began",
            hint="name a new run with `chatbot prefer --run NAME`",
        )
    network, compute, limit = run.state.model, run.compute, run.config.logging.max_eval_tokens
    source = PairSource(both, np.zeros((len(both), 2)), run.tokenizer.pad_id)
    likely = pair_log_probabilities(network, source, compute)
    bits = evaluate(network, run.sources[1], run.tokenizer, compute, limit).bits_per_byte
    rows = [(float(chosen), float(rejected)) for chosen, rejected in likely]
    return Reference(digest, rows, bits)
