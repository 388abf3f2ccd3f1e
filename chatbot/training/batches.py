"""Token files -> batches of whole sessions, in an order that depends only on (seed, epoch).

Sessions never share a row, and rows of a batch have similar lengths, so that little is padding. B
rows, T tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from chatbot.corpus.store import TokenStore, session_bounds
from chatbot.corpus.template import find_turns, longest_lead, session_lead
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import CorpusError
from chatbot.settings.schema import ObjectiveConfig

Ints = npt.NDArray[np.int64]
_ROWS_SORTED_TOGETHER = (
    64  # in batches: rows are sorted by length within a window, which differs in every epoch
)
_MIN_ROOM = 8
_CARRIED = 4  # the pieces of a split session overlap by 1/4 of the context, which is not trained


class StepBatch(Protocol):
    """What a step of training needs of a batch; its loss decides what is in it."""

    @property
    def n_tokens(self) -> int:
        """Number of positions, padding included."""

    @property
    def total_weight(self) -> float:
        """What the summed loss of the batch is divided by."""

    def share(self, rank: int, size: int, max_tokens: int) -> "list[Any]":
        """Return the micro-batches of process `rank` of `size`, at least one."""


class StepSource(Protocol):
    """Batches to train on. Batch i of epoch e is always the same."""

    def n_batches(self, epoch: int) -> int:
        """Number of batches in an epoch."""

    def batch(self, epoch: int, index: int) -> StepBatch:
        """Return batch `index` of an epoch."""


@dataclass(frozen=True)
class Batch:
    """Inputs, targets and weights, each (B, T); padding has weight 0."""

    inputs: Ints
    targets: Ints
    weights: npt.NDArray[np.float32]

    @property
    def n_tokens(self) -> int:
        """Number of positions, padding included."""
        return self.inputs.size

    @property
    def total_weight(self) -> float:
        """The sum of all weights."""
        return float(self.weights.sum())

    def share(self, rank: int, size: int, max_tokens: int) -> list["Batch"]:
        """Return the micro-batches of process `rank` of `size`, each of at most `max_tokens`.

        Rows are assigned in turn, so that each process gets short and long ones. A process without
        a row gets one of weight 0, because every process must take part in every step.
        """
        rows = np.arange(rank, len(self.inputs), size)
        if not len(rows):
            return [Batch(self.inputs[:1], self.targets[:1], np.zeros_like(self.weights[:1]))]
        n_rows = max(1, max_tokens // self.inputs.shape[1])
        return [self._take(rows[i : i + n_rows]) for i in range(0, len(rows), n_rows)]

    def _take(self, rows: Ints) -> "Batch":
        """Return the rows at `rows`, without columns that are only padding."""
        if len(rows) == len(self.inputs):
            return self
        used = np.flatnonzero(self.weights[rows].any(axis=0))
        width = int(used[-1]) + 1 if len(used) else 1
        return Batch(
            self.inputs[rows, :width], self.targets[rows, :width], self.weights[rows, :width]
        )


@dataclass(frozen=True)
class Pieces:
    """Sessions, split where they are longer than the context.

    Piece i is the session lead, then tokens[start:end]; targets before `trained_from` are trained
    in the previous piece and only context here.
    """

    start: Ints
    end: Ints
    trained_from: Ints
    n_prefix: int

    def __len__(self) -> int:
        """Number of pieces."""
        return len(self.start)

    @property
    def lengths(self) -> Ints:
        """Positions of each piece in a batch, which exclude its last token."""
        return self.end - self.start + self.n_prefix - 1

    def take(self, which: npt.NDArray[Any]) -> "Pieces":
        """Return the pieces at the given indices."""
        return Pieces(self.start[which], self.end[which], self.trained_from[which], self.n_prefix)


def cut_pieces(tokens: npt.NDArray[Any], tokenizer: Tokenizer, block_size: int) -> Pieces:
    """Find sessions by their bos; split those longer than `block_size` between turns."""
    starts, ends = session_bounds(tokens, tokenizer.bos_id)
    starts = starts + 1
    n_lead = longest_lead(tokenizer)
    room = block_size + 1 - n_lead
    if room < _MIN_ROOM:
        raise CorpusError(
            f"the prefix of every session takes {n_lead} of {block_size} tokens",
            hint="shorten the system prompt, or raise the model's context",
        )
    is_long = ends - starts > room
    rows = [np.stack([starts, ends, starts], axis=1)[~is_long]]
    for start, end in zip(starts[is_long].tolist(), ends[is_long].tolist(), strict=True):
        turns = start - 1 + find_turns(tokens[start - 1 : end], tokenizer)[0]
        rows.append(np.array(list(_cut(start, end, turns, room)), dtype=np.int64))
    table = np.concatenate(rows)
    table = table[np.argsort(table[:, 2], kind="stable")]
    return Pieces(table[:, 0], table[:, 1], table[:, 2], n_lead)


def _cut(start: int, end: int, turns: Ints, block_size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, trained_from), last piece first: last turns get the longest context.

    Pieces begin before a turn, and so does the part that they do not share with the previous one.
    """
    while end - start > block_size:
        first = end - block_size
        least = first + block_size // _CARRIED
        new = turns[(turns >= least) & (turns < end)]
        trained_from = int(new[0]) if len(new) else least
        carried = turns[(turns >= first) & (turns < trained_from)]
        yield int(carried[0]) if len(carried) else first, end, trained_from
        end = trained_from
    yield start, end, start


class BatchSource:
    """Batches of a split. Batch i of epoch e depends only on (seed, e, i)."""

    def __init__(
        self,
        store: TokenStore,
        tokenizer: Tokenizer,
        objective: ObjectiveConfig,
        block_size: int,
        batch_tokens: int,
        seed: int = 0,
    ) -> None:
        self._store = store
        self._tokenizer = tokenizer
        self._pad = tokenizer.pad_id
        context = objective.context_weight if objective.loss_mode == "all" else 0.0
        self._value_of = np.array([0.0, 1.0, context], dtype=np.float32)
        # In a group, the next speaker is trained too: it lets the bot decide when to stay silent.
        self._speakers = [
            tokenizer.head(n)[0] for n in range(tokenizer.n_speakers) if tokenizer.head(n)
        ]
        self._speaker_weight = objective.speaker_weight if tokenizer.n_speakers > 2 else 0.0
        self._batch_tokens = max(batch_tokens, block_size)
        self._block_size = block_size
        self._seed = seed
        pieces = cut_pieces(store.tokens, tokenizer, block_size)
        is_trained = self._n_trained(pieces) > 0
        self.n_skipped = int((~is_trained).sum())
        self.pieces = pieces.take(is_trained)
        if not len(self.pieces):
            raise CorpusError(
                "the loss mask has no target token",
                hint="run `chatbot preprocess` with other targets, or `objective.loss_mode: all`",
            )
        self._plan = lru_cache(maxsize=2)(self._plan_epoch)

    def _n_trained(self, pieces: Pieces) -> Ints:
        is_trained = self._value_of[self._store.loss_mask] > 0
        if self._speaker_weight:
            is_trained |= np.isin(self._store.tokens, self._speakers)
        total = np.concatenate([[0], np.cumsum(is_trained)])
        return total[pieces.end] - total[pieces.trained_from]

    def n_batches(self, epoch: int) -> int:
        """Number of batches in an epoch."""
        return len(self._plan(epoch))

    def batch(self, epoch: int, index: int) -> Batch:
        """Return batch `index` of an epoch."""
        return self._assemble(self._plan(epoch)[index])

    def in_order(self, max_tokens: int) -> Iterator[Batch]:
        """Yield batches for evaluation: evenly spread pieces, of about `max_tokens` in all."""
        for _, batch in self.in_order_with_pieces(max_tokens):
            yield batch

    def in_order_with_pieces(self, max_tokens: int) -> Iterator[tuple[Ints, Batch]]:
        """Yield the batches of `in_order`, each with the indices of its pieces: (B,)."""
        for rows in self._in_order(max_tokens):
            yield rows, self._assemble(rows)

    def n_in_order(self, max_tokens: int) -> int:
        """Return how many batches `in_order` yields."""
        return len(self._in_order(max_tokens))

    def _in_order(self, max_tokens: int) -> list[Ints]:
        lengths = self.pieces.lengths
        n_kept = max(1, min(len(lengths), int(max_tokens / max(1.0, float(lengths.mean())))))
        kept = np.linspace(0, len(lengths) - 1, n_kept).round().astype(np.int64)
        kept = kept[np.argsort(lengths[kept], kind="stable")]
        return self._fill(kept)

    @property
    def batch_tokens(self) -> int:
        """The maximum number of positions in a batch."""
        return self._batch_tokens

    def n_positions(self, epoch: int) -> int:
        """Number of positions in an epoch, padding included."""
        return sum(self._width(rows) * len(rows) for rows in self._plan(epoch))

    def padding_share(self) -> float:
        """Share of the first epoch's positions that are padding."""
        return 1 - int(self.pieces.lengths.sum()) / self.n_positions(0)

    def _plan_epoch(self, epoch: int) -> list[Ints]:
        rng = np.random.default_rng((self._seed, epoch))
        order = rng.permutation(len(self.pieces))
        lengths = self.pieces.lengths
        chunk = max(1, int(_ROWS_SORTED_TOGETHER * self._batch_tokens / lengths.mean()))
        batches: list[Ints] = []
        for begin in range(0, len(order), chunk):
            rows = order[begin : begin + chunk]
            batches += self._fill(rows[np.argsort(lengths[rows], kind="stable")])
        return [batches[index] for index in rng.permutation(len(batches))]

    def _fill(self, rows: Ints) -> list[Ints]:
        """Group rows, sorted by length, into batches of at most `batch_tokens` positions."""
        lengths = self.pieces.lengths[rows].tolist()
        batches, begin = [], 0
        for index, length in enumerate(lengths):
            if index > begin and (index + 1 - begin) * length > self._batch_tokens:
                batches.append(rows[begin:index])
                begin = index
        return [*batches, rows[begin:]]

    def _width(self, rows: Ints) -> int:
        """Return the width of a batch: few different ones, because kernels are tuned for each."""
        longest = int(self.pieces.lengths[rows].max())
        step = 1 << max(0, longest.bit_length() - 6)
        return min(-(-longest // step) * step, self._block_size)

    def _assemble(self, rows: Ints) -> Batch:
        pieces = self.pieces.take(rows)
        shape = (len(rows), self._width(rows))
        inputs = np.full(shape, self._pad, dtype=np.int64)
        targets = np.full(shape, self._pad, dtype=np.int64)
        weights = np.zeros(shape, dtype=np.float32)
        for row, (start, end, trained_from) in enumerate(
            zip(pieces.start, pieces.end, pieces.trained_from, strict=True)
        ):
            lead, n_replaced = session_lead(self._store.tokens[start:end].tolist(), self._tokenizer)
            start += n_replaced
            piece = np.concatenate([np.array(lead, dtype=np.int64), self._store.tokens[start:end]])
            n, before = len(piece) - 1, len(lead) - 1  # there the token at `start` is a target
            inputs[row, :n], targets[row, :n] = piece[:-1], piece[1:]
            # Without a prefix the first token has no input that predicts it, so it is never
            # trained.
            first = max(trained_from, start - before)
            new = slice(before + first - start, n)
            weights[row, new] = self._value_of[self._store.loss_mask[first:end]]
            if self._speaker_weight:
                is_speaker = np.isin(targets[row, new], self._speakers)
                weights[row, new][is_speaker] = self._speaker_weight
        return Batch(inputs, targets, weights)
