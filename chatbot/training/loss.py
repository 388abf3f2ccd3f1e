"""Cross-entropy of the weighted tokens, with the logits of only a few rows in memory."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from chatbot.model.device import computing_dtype
from chatbot.model.interface import Network
from chatbot.training.batches import Batch, Ints

_ROWS_TOGETHER = 64
_FEWEST_ROWS = 128
_CHUNK_BYTES = 16 << 20  # of fp32 logits: all of them would fill an 8 GB GPU


class MaskedLoss(nn.Module):
    """A network with its training loss, as one module for DistributedDataParallel."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Tensor:
        """Return the weighted sum of cross-entropy in nats; the head skips weights of 0."""
        head = self.model.head_weight
        places = np.flatnonzero(batch.weights)
        # Few different numbers of rows, because kernels are tuned for each; padded with position 0.
        n_places = len(places)
        places = np.append(places, np.zeros(-n_places % _ROWS_TOGETHER, dtype=places.dtype))
        weights = batch.weights.reshape(-1)[places]
        weights[n_places:] = 0
        hidden, targets = _wanted(self.model, batch, places)
        on_device = _on(weights, head.device)
        if not self.model.has_linear_head:
            return _checkpointed_cross_entropy(self.model, hidden, targets, on_device)
        dtype = computing_dtype(head.device, head.dtype)
        row_ids, rows = self.model.head_rows or (None, None)
        asked = _Asked(targets, on_device, dtype, row_ids)
        total: Tensor = _WeightedCrossEntropy.apply(hidden, head, rows, asked)
        return total


def _checkpointed_cross_entropy(
    model: Network, states: Tensor, targets: Tensor, weights: Tensor
) -> Tensor:
    """Return the same sum for a head that is more than a matrix product: a bias, a soft cap."""

    def of(hidden: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        losses = F.cross_entropy(model.head(hidden).float(), target, reduction="none")
        return (losses * weight).sum()

    n_rows = rows_at_once(model.head_weight)
    parts = zip(states.split(n_rows), targets.split(n_rows), weights.split(n_rows), strict=True)
    losses = [checkpoint(of, *part, use_reentrant=False) for part in parts]
    return torch.stack(losses).sum()


def token_losses(model: Network, batch: Batch, places: Ints) -> Tensor:
    """Return the cross-entropy in nats at N positions of the flattened batch: (N,)."""
    hidden, targets = _wanted(model, batch, places)
    n_rows = rows_at_once(model.head_weight)
    return torch.cat(
        [
            F.cross_entropy(model.head(part).float(), target, reduction="none")
            for part, target in zip(hidden.split(n_rows), targets.split(n_rows), strict=True)
        ]
    )


def row_log_probabilities(model: Network, batch: Batch) -> Tensor:
    """Return the log-probability, in nats, of the weighted tokens of each row: (B,).

    With gradients; the logits of few positions are in memory at once.
    """
    places = np.flatnonzero(batch.weights)
    hidden, targets = _wanted(model, batch, places)

    def of(states: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(model.head(states).float(), target, reduction="none")

    n_rows = rows_at_once(model.head_weight)
    parts = zip(hidden.split(n_rows), targets.split(n_rows), strict=True)
    losses = torch.cat([checkpoint(of, *part, use_reentrant=False) for part in parts])
    rows = _on(places // batch.inputs.shape[1], losses.device)
    return torch.zeros(len(batch.inputs), device=losses.device).index_add(0, rows, -losses)


def rows_at_once(head: Tensor) -> int:
    """Return the number of positions per chunk; with few, a large head is read too often."""
    return max(_FEWEST_ROWS, _CHUNK_BYTES // (4 * len(head)))


def _wanted(model: Network, batch: Batch, places: Ints) -> tuple[Tensor, Tensor]:
    """Return hidden states (N, C) and targets (N,) of N positions of the flattened batch."""
    device = model.head_weight.device
    hidden = model.hidden(_on(batch.inputs, device)).flatten(0, 1)
    return hidden.index_select(0, _on(places, device)), _on(
        batch.targets.reshape(-1)[places], device
    )


def _on(array: npt.NDArray[Any], device: torch.device) -> Tensor:
    """Copy an array to the device asynchronously, so that a GPU need not wait."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


class _Asked(NamedTuple):
    """The inputs of the loss for N hidden states, and the K separately trained rows of the head."""

    targets: Tensor
    weights: Tensor
    dtype: torch.dtype
    places: Tensor | None = None


class _WeightedCrossEntropy(torch.autograd.Function):
    """sum(weights * cross_entropy(hidden @ head.T, targets)), chunk by chunk.

    Gradients are computed in the forward pass, from a chunk's logits: no logits are saved, and exp
    runs once. F.linear_cross_entropy does this too, but without weights of tokens.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, rows: Tensor | None, asked: _Asked
    ) -> Tensor:
        """Map hidden (N, C) and head (V, C), with `rows` (K, C) replaced in it, to nats."""
        dtype = asked.dtype
        low_hidden, low_head = hidden.to(dtype), head.to(dtype)
        n_rows = rows_at_once(head)
        total = torch.zeros((), device=hidden.device)
        d_hidden = torch.empty_like(hidden)
        d_head = torch.zeros_like(head) if ctx.needs_input_grad[1] else None
        d_rows = None if rows is None else torch.zeros_like(rows)
        for begin in range(0, len(hidden), n_rows):
            part = slice(begin, begin + n_rows)
            logits = (low_hidden[part] @ low_head.T).float()
            if rows is not None:
                logits[:, asked.places] = (low_hidden[part] @ rows.to(dtype).T).float()
            probable = torch.log_softmax(logits, dim=1)
            place, weight = asked.targets[part, None], asked.weights[part, None]
            total -= (probable.gather(1, place) * weight).sum()
            slope = probable.exp_().mul_(weight).scatter_add_(1, place, -weight).to(dtype)
            if rows is not None and d_rows is not None:
                of_rows = slope[:, asked.places]
                slope[:, asked.places] = 0
                d_hidden[part] = slope @ low_head + of_rows @ rows.to(dtype)
                d_rows += of_rows.T @ low_hidden[part]
            else:
                d_hidden[part] = slope @ low_head
            if d_head is not None:
                d_head += slope.T @ low_hidden[part]
        ctx.save_for_backward(d_hidden, d_head, d_rows)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the gradients of the forward pass."""
        return (*(d if d is None else d * scale for d in ctx.saved_tensors), None)
