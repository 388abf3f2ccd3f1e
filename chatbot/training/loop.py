"""The training loop: batches -> steps, and evaluation on held-out sessions."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from chatbot.corpus.tokenizer import Tokenizer
from chatbot.errors import CheckpointError
from chatbot.model.device import autocast
from chatbot.model.interface import Network, trained_weights
from chatbot.training.batches import Batch, BatchSource, StepBatch, StepSource
from chatbot.training.loss import MaskedLoss, token_losses
from chatbot.training.optimizer import build_optimizers, learning_rate, set_learning_rate
from chatbot.training.recipe import Optimization, Recipe
from chatbot.training.world import ALONE, World


@dataclass
class TrainState:
    """The complete state of a run at a step, which a checkpoint saves."""

    model: Network
    ema: dict[str, Tensor]  # the averaged weights, by name
    loss: nn.Module
    optimizers: list[torch.optim.Optimizer]
    scaler: torch.amp.GradScaler
    step: int = 0
    epoch: int = 0
    index: int = 0
    best_loss: float = math.inf  # of the best state
    scheduled_best: float = (
        math.inf
    )  # reference of early stopping; evaluations at a stop do not change it
    n_stale: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class StepResult:
    """The result of a step; its tensors stay on the device until they are read."""

    step: int
    learning_rate: float
    n_tokens: int
    loss_tensor: Tensor
    grad_norm_tensor: Tensor
    is_scaled: bool = False

    @property
    def grad_norm(self) -> float:
        """Norm of the gradient before clipping."""
        return float(self.grad_norm_tensor)

    @property
    def loss(self) -> float:
        """Nats per weighted token over the whole step; reading it synchronizes with the device.

        Raises CheckpointError if loss or gradient are not finite (with fp16 scaling the gradient
        may be infinite: that step was skipped).
        """
        loss = float(self.loss_tensor)
        if not (math.isfinite(loss) and (math.isfinite(self.grad_norm) or self.is_scaled)):
            raise CheckpointError(
                f"the loss is not finite at step {self.step}",
                hint="lower `optimization.learning_rate`; the last checkpoint is good",
            )
        return loss


@dataclass(frozen=True)
class EvalResult:
    """Loss in nats per target token; bits per byte of reply text, without end tokens."""

    loss: float
    bits_per_byte: float
    n_targets: int


@dataclass(frozen=True)
class Compute:
    """Device, dtype, processes, the seed of dropout, and the tokens that fit into memory."""

    device: torch.device
    dtype: torch.dtype
    seed: int
    world: World = ALONE
    max_tokens: int = 1 << 30


def new_state(model: Network, settings: Recipe, compute: Compute) -> TrainState:
    """Return the state before step 1; the average of the weights starts as a copy."""
    model.to(compute.device)
    ema = {name: weight.detach().clone() for name, weight in trained_weights(model).items()}
    is_fp16 = compute.dtype is torch.float16
    scaler = torch.amp.GradScaler(compute.device.type, enabled=is_fp16)
    loss = compute.world.wrap(MaskedLoss(model))
    return TrainState(model, ema, loss, build_optimizers(model, settings, compute.dtype), scaler)


@contextlib.contextmanager
def averaged(state: TrainState) -> Iterator[Network]:
    """Use the averaged weights for evaluation inside the block; afterwards restore the network."""
    is_training = state.model.training
    _swap(state)
    state.model.eval()
    try:
        yield state.model
    finally:
        _swap(state)
        state.model.train(is_training)


def adopt_average(state: TrainState) -> None:
    """Load the averaged weights for good, for a network that is not trained any more."""
    _swap(state)
    state.model.eval()


def _swap(state: TrainState) -> None:
    for name, weight in trained_weights(state.model).items():
        weight.data, state.ema[name] = state.ema[name], weight.data


@contextlib.contextmanager
def _explained_memory(compute: Compute, where: str) -> Iterator[None]:
    """Re-raise a full GPU as CheckpointError; the last checkpoint remains."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise CheckpointError(
            f"{compute.device} ran out of memory at {where}",
            hint="lower the batch size (`optimization.batch_size`) or the context "
            "(`model.block_size`), and run `chatbot train` again",
        ) from error


def train_steps(
    state: TrainState,
    source: StepSource,
    settings: Optimization,
    compute: Compute,
) -> Iterator[StepResult]:
    """Yield after each step until the last; between yields `state` is consistent.

    A step is a pure function of the state and the data: dropout is seeded by the step and the
    process. Read the loss before saving the state: it raises an error if it is not finite.
    """
    state.model.train()
    while state.step < settings.max_steps:
        batches = [_next_batch(state, source) for _ in range(settings.grad_accum_steps)]
        rate = learning_rate(state.step, settings)
        set_learning_rate(state.optimizers, rate)
        torch.manual_seed((compute.seed << 32) + (compute.world.rank << 24) + state.step)
        with _explained_memory(compute, f"step {state.step + 1}"):
            loss = _accumulate(state, batches, compute)
        grad_norm = _clip(state, settings.grad_clip)
        for optimizer in state.optimizers:
            state.scaler.step(optimizer)
        state.scaler.update()
        for optimizer in state.optimizers:
            optimizer.zero_grad(set_to_none=True)
        state.step += 1
        _average(state, settings.ema_decay)
        n_tokens = sum(batch.n_tokens for batch in batches)
        is_scaled = state.scaler.is_enabled()
        yield StepResult(state.step, rate, n_tokens, loss, grad_norm, is_scaled)


def evaluate(
    model: Network,
    source: BatchSource,
    tokenizer: Tokenizer,
    compute: Compute,
    max_tokens: int,
    on_batch: Callable[[], None] = lambda: None,
) -> EvalResult:
    """Evaluate on held-out targets (loss mask 1 only, whichever tokens are trained).

    `on_batch` is called before each batch of this process; an exception in it ends the evaluation.
    """
    model.eval()
    nats = text_nats = n_targets = n_bytes = 0.0
    world = compute.world
    with (
        _explained_memory(compute, "a measurement"),
        torch.inference_mode(),
        autocast(compute.device, compute.dtype),
    ):
        batches = islice(source.in_order(max_tokens), world.rank, None, world.size)
        for part in _parts(batches, compute.max_tokens, on_batch):
            places = np.flatnonzero(part.weights == 1)
            losses = token_losses(model, part, places)
            per_token = losses.double().cpu().numpy()
            sizes = tokenizer.token_sizes[part.targets.reshape(-1)[places]]
            nats += float(per_token.sum())
            text_nats += float(per_token[sizes > 0].sum())
            n_targets += len(places)
            n_bytes += int(sizes.sum())
    nats, text_nats, n_targets, n_bytes = world.total([nats, text_nats, n_targets, n_bytes])
    bits_per_byte = text_nats / math.log(2) / max(1, n_bytes)
    return EvalResult(nats / max(1, n_targets), bits_per_byte, int(n_targets))


def _parts(
    batches: Iterable[Batch], max_tokens: int, on_batch: Callable[[], None]
) -> Iterator[Batch]:
    for batch in batches:
        on_batch()
        yield from batch.share(0, 1, max_tokens)


def _next_batch(state: TrainState, source: StepSource) -> StepBatch:
    if state.index >= source.n_batches(state.epoch):
        state.epoch, state.index = state.epoch + 1, 0
    batch = source.batch(state.epoch, state.index)
    state.index += 1
    return batch


def _accumulate(state: TrainState, batches: list[StepBatch], compute: Compute) -> Tensor:
    """Run backward over the step's batches; every token (or pair) has the same weight.

    Every process has the whole step and computes its share of the rows, so the step does not depend
    on the number of processes.
    """
    world = compute.world
    total_weight = sum(batch.total_weight for batch in batches)
    shares = [batch.share(world.rank, world.size, compute.max_tokens) for batch in batches]
    parts = [part for share in shares for part in share]
    loss = torch.zeros((), device=compute.device)
    for number, part in enumerate(parts, 1):
        with world.backward(state.loss, is_last=number == len(parts)):
            with autocast(compute.device, compute.dtype):
                share_of_loss = state.loss(part) / total_weight
            # DistributedDataParallel averages over processes: multiply to get the sum.
            state.scaler.scale(share_of_loss * world.size).backward()
        loss += share_of_loss.detach()
    return world.total_tensor(loss)


def _clip(state: TrainState, max_norm: float) -> Tensor:
    for optimizer in state.optimizers:
        state.scaler.unscale_(optimizer)
    limit = max_norm or math.inf
    return torch.nn.utils.clip_grad_norm_(trained_weights(state.model).values(), limit)


@torch.no_grad()
def _average(state: TrainState, decay: float) -> None:
    """Update the average, with a shorter horizon in the first steps, when weights change fast."""
    decay = min(decay, (1 + state.step) / (10 + state.step))
    weights: list[Tensor] = list(trained_weights(state.model).values())
    torch._foreach_lerp_(list(state.ema.values()), weights, 1 - decay)
