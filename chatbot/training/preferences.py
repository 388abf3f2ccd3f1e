"""Pairs of a chosen and a rejected reply -> batches, and the loss that prefers the chosen ones.

DPO (Rafailov et al. 2023, arXiv:2305.18290): -log sigmoid(beta * ((log p(chosen) - log p(rejected))
- the same of a frozen reference)). The reference is the model that training begins from: its
log-probabilities are computed once and stored, so that one model is in memory. P pairs, R = 2P
rows, the chosen reply of a pair before its rejected one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chatbot.model.device import autocast
from chatbot.model.interface import Network
from chatbot.training.batches import Batch, BatchSource, Ints
from chatbot.training.loop import Compute, EvalResult
from chatbot.training.loss import MaskedLoss, row_log_probabilities

PAIRS_PER_STEP = 8
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TokenPair:
    """Two replies to the same prompt as tokens, each with its end token."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


class Reference(msgspec.Struct, frozen=True):
    """What the model said before training: (chosen, rejected) of every pair, and bits per byte.

    `pairs`: a digest of their tokens; no text can be read in it.
    """

    pairs: str
    log_probabilities: list[tuple[float, float]]
    bits_per_byte: float


@dataclass(frozen=True)
class PairBatch:
    """P pairs as a batch of R rows, with the log-probabilities of the reference: (P, 2).

    `pair_weights`: (P,), 0 for a pair that a process has only to take part.
    """

    rows: Batch
    reference: Floats
    pair_weights: npt.NDArray[np.float32]

    @property
    def n_tokens(self) -> int:
        """Number of positions, padding included."""
        return self.rows.n_tokens

    @property
    def total_weight(self) -> float:
        """The number of pairs."""
        return float(self.pair_weights.sum())

    def share(self, rank: int, size: int, max_tokens: int) -> "list[PairBatch]":
        """Return the micro-batches of process `rank` of `size`: whole pairs, at least one."""
        pairs = np.arange(rank, len(self.reference), size)
        if not len(pairs):
            only = self._take(np.zeros(1, dtype=np.int64))
            return [replace(only, pair_weights=np.zeros_like(only.pair_weights))]
        n_pairs = max(1, max_tokens // (2 * self.rows.inputs.shape[1]))
        return [self._take(pairs[i : i + n_pairs]) for i in range(0, len(pairs), n_pairs)]

    def _take(self, pairs: Ints) -> "PairBatch":
        rows = np.stack([2 * pairs, 2 * pairs + 1], axis=1).reshape(-1)
        batch = self.rows
        taken = Batch(batch.inputs[rows], batch.targets[rows], batch.weights[rows])
        return PairBatch(taken, self.reference[pairs], self.pair_weights[pairs])


def pair_batch(pairs: Sequence[TokenPair], reference: Floats, pad: int) -> PairBatch:
    """Pad pairs to a batch; only the tokens of the replies have weight."""
    rows = [(pair.prompt, reply) for pair in pairs for reply in (pair.chosen, pair.rejected)]
    shape = len(rows), max(len(prompt) + len(reply) for prompt, reply in rows) - 1
    inputs, targets = (np.full(shape, pad, dtype=np.int64) for _ in range(2))
    weights = np.zeros(shape, dtype=np.float32)
    for row, (prompt, reply) in enumerate(rows):
        whole = [*prompt, *reply]
        inputs[row, : len(whole) - 1], targets[row, : len(whole) - 1] = whole[:-1], whole[1:]
        weights[row, len(prompt) - 1 : len(whole) - 1] = 1
    ones = np.ones(len(pairs), dtype=np.float32)
    return PairBatch(Batch(inputs, targets, weights), reference, ones)


class PairSource:
    """Batches of pairs, in an order that depends only on (seed, epoch)."""

    def __init__(
        self, pairs: Sequence[TokenPair], reference: Floats, pad: int, seed: int = 0
    ) -> None:
        self._pairs, self._reference, self._pad, self._seed = pairs, reference, pad, seed
        self._plan = lru_cache(maxsize=2)(self._plan_epoch)

    def n_batches(self, epoch: int) -> int:
        """Number of batches in an epoch."""
        return len(self._plan(epoch))

    def batch(self, epoch: int, index: int) -> PairBatch:
        """Return batch `index` of an epoch."""
        return self._assemble(self._plan(epoch)[index])

    def in_order(self) -> Iterator[PairBatch]:
        """Yield all pairs, as they stand."""
        for begin in range(0, len(self._pairs), PAIRS_PER_STEP):
            yield self._assemble(np.arange(begin, min(begin + PAIRS_PER_STEP, len(self._pairs))))

    def _plan_epoch(self, epoch: int) -> list[Ints]:
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._pairs))
        return [order[i : i + PAIRS_PER_STEP] for i in range(0, len(order), PAIRS_PER_STEP)]

    def _assemble(self, which: Ints) -> PairBatch:
        return pair_batch([self._pairs[i] for i in which], self._reference[which], self._pad)


@dataclass(frozen=True)
class MixedBatch:
    """Pairs, and sessions of the training data whose weights add up to their part of the loss."""

    pairs: PairBatch
    sessions: Batch

    @property
    def n_tokens(self) -> int:
        """Number of positions, padding included."""
        return self.pairs.n_tokens + self.sessions.n_tokens

    @property
    def total_weight(self) -> float:
        """The number of pairs."""
        return self.pairs.total_weight

    def share(self, rank: int, size: int, max_tokens: int) -> list[PairBatch | Batch]:
        """Return the micro-batches of process `rank` of `size`, those of pairs first."""
        sessions = self.sessions.share(rank, size, max_tokens)
        return [*self.pairs.share(rank, size, max_tokens), *sessions]


class MixedSource:
    """Each batch of pairs with one of sessions, in the order of both.

    What the model learned from the sessions would be lost otherwise: their loss is a part of the
    objective with `weight` (the "ptx" term of Ouyang et al. 2022, arXiv:2203.02155).
    """

    def __init__(self, pairs: PairSource, sessions: BatchSource, weight: float) -> None:
        self._pairs, self._sessions, self._weight = pairs, sessions, weight

    def n_batches(self, epoch: int) -> int:
        """Number of batches in an epoch: every pair once."""
        return self._pairs.n_batches(epoch)

    def batch(self, epoch: int, index: int) -> MixedBatch:
        """Return batch `index` of an epoch."""
        pairs = self._pairs.batch(epoch, index)
        place = epoch * self._pairs.n_batches(epoch) + index
        n_batches = self._sessions.n_batches(0)
        sessions = self._sessions.batch(place // n_batches, place % n_batches)
        scale = self._weight * pairs.total_weight / sessions.total_weight
        weights = (sessions.weights * scale).astype(np.float32)
        return MixedBatch(pairs, Batch(sessions.inputs, sessions.targets, weights))


class PreferenceLoss(nn.Module):
    """A network with the summed loss of pairs, or of sessions between them, as one module."""

    def __init__(self, model: Network, beta: float) -> None:
        super().__init__()
        self._of_sessions = MaskedLoss(model)
        self._beta = beta

    def forward(self, batch: PairBatch | Batch) -> Tensor:
        """Return the summed loss in nats."""
        if isinstance(batch, Batch):
            loss: Tensor = self._of_sessions(batch)
            return loss
        likely = row_log_probabilities(self._of_sessions.model, batch.rows).view(-1, 2)
        reference = torch.from_numpy(batch.reference).to(likely)
        weights = torch.from_numpy(batch.pair_weights).to(likely)
        return (pair_losses(likely, reference, self._beta) * weights).sum()


def pair_losses(likely: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Map log-probabilities (P, 2) of chosen and rejected replies to the loss of DPO: (P,)."""
    moved = (likely - reference).diff(dim=1).squeeze(1)
    return -F.logsigmoid(-beta * moved)


def pair_log_probabilities(network: Network, source: PairSource, compute: Compute) -> Floats:
    """Return the log-probabilities of all pairs of a source, without dropout: (P, 2)."""
    is_training = network.training
    network.eval()
    with torch.no_grad(), autocast(compute.device, compute.dtype):
        rows = [
            row_log_probabilities(network, part.rows).double().cpu().numpy()
            for batch in source.in_order()
            for part in batch.share(0, 1, compute.max_tokens)
        ]
    network.train(is_training)
    return np.concatenate(rows).reshape(-1, 2)


def digest_of(pairs: Sequence[TokenPair]) -> str:
    """Return a digest of the tokens of pairs."""
    text = msgspec.json.encode([(pair.prompt, pair.chosen, pair.rejected) for pair in pairs])
    return blake2b(text, digest_size=16).hexdigest()


@dataclass(frozen=True)
class Judge:
    """Replaces the loss of held-out replies by that of held-out pairs.

    Where bits per byte are more than `most_bits`, it adds so much that no such state is the best.
    """

    source: PairSource
    reference: Floats
    beta: float
    most_bits: float
    compute: Compute

    def __call__(self, network: Network, result: EvalResult) -> EvalResult:
        """Return the loss of held-out pairs, with the bits per byte of `result`."""
        likely = pair_log_probabilities(network, self.source, self.compute)
        losses = pair_losses(torch.tensor(likely), torch.tensor(self.reference), self.beta)
        excess = max(0.0, result.bits_per_byte / self.most_bits - 1)
        loss = float(losses.mean()) + (1 + excess if excess else 0.0)
        return replace(result, loss=loss, n_targets=len(losses))
