"""A forecast of the model's quality: short runs on parts of the corpus, extrapolated."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chatbot.corpus.store import Corpus, TokenStore, session_bounds
from chatbot.training.batches import BatchSource
from chatbot.training.interface import Blueprint
from chatbot.training.loop import averaged, evaluate, train_steps
from chatbot.training.prepare import make_state, plan_steps, train_source, val_source
from chatbot.training.recipe import Optimization, with_steps

SHARES: tuple[float, ...] = (0.1, 0.2, 0.4)
_N_MEASUREMENTS = 8
_N_TIMED = 4  # steps
# Minimum and maximum gain of a doubling of the corpus, relative to the previous doubling. Short
# runs alone overestimate it: on 129 k tokens those on 10, 20 and 40 % gave 0.97; up to 100 % it was
# 0.72.
_SLOPES = (0.4, 0.8)
_DOUBT = 0.15


@dataclass(frozen=True)
class ShortRun:
    """A run on a share of the corpus: its tokens, batches and steps."""

    share: float
    n_tokens: int
    source: BatchSource
    settings: Optimization

    @property
    def max_steps(self) -> int:
        """The step at which it ends."""
        return self.settings.max_steps


@dataclass(frozen=True)
class CurvePoint:
    """The best held-out bits per byte of replies after training on `n_tokens`."""

    n_tokens: int
    bits_per_byte: float


@dataclass(frozen=True)
class Forecast:
    """Expected bits per byte of replies for the full corpus, bounds, and the gain of twice it."""

    expected: float
    low: float
    high: float
    doubling: float


def part_of(store: TokenStore, bos_id: int, share: float, seed: int) -> TokenStore:
    """Return a share of the sessions, drawn at random; a larger share includes the smaller ones."""
    tokens = np.asarray(store.tokens)
    starts, ends = session_bounds(tokens, bos_id)
    order = np.random.default_rng(seed).permutation(len(starts))
    sizes = np.cumsum((ends - starts)[order])
    chosen = order[: int(np.searchsorted(sizes, share * len(tokens))) + 1]
    places = np.concatenate([np.arange(starts[i], ends[i]) for i in np.sort(chosen)])
    return TokenStore(tokens[places], np.asarray(store.loss_mask)[places])


def plan_short_run(corpus: Corpus, blueprint: Blueprint, share: float) -> ShortRun:
    """Return the run on a share of the corpus, with the settings of the full run."""
    store = part_of(corpus.train, corpus.tokenizer.bos_id, share, 0)
    source = train_source(blueprint, corpus, store)
    settings = plan_steps(blueprint, source).optimization
    return ShortRun(share, len(store.tokens), source, settings)


def affordable_runs(
    corpus: Corpus, blueprint: Blueprint, n_steps: float
) -> tuple[list[ShortRun], int]:
    """Return short runs on shares of the corpus that fit into a number of steps, if any.

    Also returns the steps of the shortest series that was tried.
    """
    shares, block_size = SHARES, blueprint.block_size
    while True:
        runs = [plan_short_run(corpus, blueprint, share) for share in shares]
        n_needed = sum(run.max_steps for run in runs)
        if n_needed <= n_steps:
            return runs, n_needed
        shares = tuple(share / 2 for share in shares)
        if shares[0] * len(corpus.train.tokens) < 10 * block_size:
            return [], n_needed


def seconds_per_step(blueprint: Blueprint, source: BatchSource) -> float:
    """Time a few real steps."""
    settings = with_steps(blueprint.recipe, 1 + _N_TIMED)
    steps = train_steps(make_state(blueprint), source, settings, blueprint.compute)
    _ = next(steps).loss  # the first one warms up
    began, n_tokens = time.perf_counter(), 0
    for result in steps:
        n_tokens += result.n_tokens
        _ = result.loss
    rate = n_tokens / (time.perf_counter() - began)
    tokens_per_batch = source.n_positions(0) / source.n_batches(0)
    return tokens_per_batch * settings.grad_accum_steps / rate


def measure_point(
    run: ShortRun, corpus: Corpus, blueprint: Blueprint, on_step: Callable[[], None]
) -> CurvePoint:
    """Train a short run to its end, and return its best evaluation, as `best.pt` does."""
    config, compute = blueprint.config, blueprint.compute
    held_out = val_source(blueprint, corpus)
    state = make_state(blueprint)
    interval = max(1, run.max_steps // _N_MEASUREMENTS)
    best = np.inf
    for result in train_steps(state, run.source, run.settings, compute):
        on_step()
        if result.step % interval == 0 or result.step == run.max_steps:
            limit = config.logging.max_eval_tokens
            with averaged(state) as network:
                measured = evaluate(network, held_out, corpus.tokenizer, compute, limit)
            best = min(best, measured.bits_per_byte)
    return CurvePoint(run.n_tokens, float(best))


def forecast(points: Sequence[CurvePoint], n_tokens: int) -> Forecast:
    """Extrapolate the curve of three corpora, each twice as large as the previous, to `n_tokens`.

    Each doubling gains a fixed share of the gain of the previous one: a power law with a floor.
    """
    first, second, third = (point.bits_per_byte for point in points)
    lowest, highest = _SLOPES
    last_gain = max(second - third, 1e-6)
    is_falling = first - second > 1e-6
    slope = min(highest, max(lowest, (second - third) / (first - second) if is_falling else lowest))
    doublings = np.log2(n_tokens / points[-1].n_tokens)

    def at(doublings: float, slope: float) -> float:
        return float(third - last_gain * slope * (1 - slope**doublings) / (1 - slope))

    low, high = slope - _DOUBT, slope + _DOUBT
    expected = at(doublings, slope)
    gain = expected - at(doublings + 1, slope)
    return Forecast(expected, at(doublings, high), at(doublings, low), gain)
