"""How good a log can get: short runs on parts of it, and where their curve leads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chatbot.corpus.store import Corpus, TokenStore
from chatbot.settings import Config
from chatbot.training.loop import evaluate, train_steps
from chatbot.training.setup import Resolved, make_state, plan_steps, train_source, val_source

SHARES: tuple[float, ...] = (0.1, 0.2, 0.4)
_N_MEASUREMENTS = 8
# A doubling gains at least and at most so much of what the last one did. Short logs alone look
# steeper: on 129 k tokens the runs on 10, 20 and 40 % gave 0.97, the way to 100 % was 0.72.
_SLOPES = (0.4, 0.8)
_DOUBT = 0.15


@dataclass(frozen=True)
class CurvePoint:
    """The best held-out reply bits per byte after training on so many tokens."""

    n_tokens: int
    bits_per_byte: float


@dataclass(frozen=True)
class Forecast:
    """Expected reply bits per byte of the whole log, its bounds, and what twice the log gains."""

    expected: float
    low: float
    high: float
    doubling: float


def part_of(store: TokenStore, bos_id: int, share: float, seed: int) -> TokenStore:
    """Return a share of the sessions, drawn at random; a smaller share lies inside a larger."""
    tokens = np.asarray(store.tokens)
    starts = np.flatnonzero(tokens == bos_id)
    ends = np.append(starts[1:], len(tokens))
    order = np.random.default_rng(seed).permutation(len(starts))
    sizes = np.cumsum((ends - starts)[order])
    chosen = order[: int(np.searchsorted(sizes, share * len(tokens))) + 1]
    places = np.concatenate([np.arange(starts[i], ends[i]) for i in np.sort(chosen)])
    return TokenStore(tokens[places], np.asarray(store.loss_mask)[places])


def n_curve_steps(
    config: Config, corpus: Corpus, resolved: Resolved, shares: Sequence[float]
) -> int:
    """Return the steps that measuring the curve takes."""
    stores = (part_of(corpus.train, corpus.tokenizer.bos_id, share, 0) for share in shares)
    device = resolved.compute.device
    sources = (train_source(config, corpus, store, resolved.shape, device) for store in stores)
    return sum(plan_steps(config, source, {}).max_steps for source in sources)


def measure_point(
    config: Config, corpus: Corpus, resolved: Resolved, share: float, on_step: Callable[[], None]
) -> CurvePoint:
    """Train on a share of the log to its end; the best measurement counts, as in `best.pt`."""
    compute = resolved.compute
    store = part_of(corpus.train, corpus.tokenizer.bos_id, share, 0)
    source = train_source(config, corpus, store, resolved.shape, compute.device)
    held_out = val_source(config, corpus, resolved.shape, compute.device)
    state = make_state(config, resolved.shape, compute)
    n_steps = plan_steps(config, source, {}).max_steps
    interval = max(1, n_steps // _N_MEASUREMENTS)
    best = np.inf
    for result in train_steps(state, source, config.optimization, compute, n_steps):
        on_step()
        if result.step % interval == 0 or result.step == n_steps:
            limit = config.logging.max_eval_tokens
            found = evaluate(state.ema, held_out, corpus.tokenizer, compute, limit)
            best = min(best, found.bits_per_byte)
    return CurvePoint(len(store.tokens), float(best))


def forecast(points: Sequence[CurvePoint], n_tokens: int) -> Forecast:
    """Continue the curve of three logs, each twice the one before, to `n_tokens`.

    Each doubling gains a fixed share of what the one before gained: a power law with a floor.
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
