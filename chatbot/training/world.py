"""Several processes as one trainer: ranks, common decisions, sums and shared work.

torchrun starts the processes and sets their ranks in the environment; for a single process
everything here is free. Process 0 ("main") decides, prints and writes.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from chatbot.errors import CheckpointError, CorpusError

T = TypeVar("T")
_WORD_BYTES = 32


@dataclass(frozen=True)
class World:
    """The rank of this process among `size`; by default it is the only one."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process decides, prints and writes."""
        return self.rank == 0

    def agree(self, word: str) -> str:
        """Return the main process's text, of at most 32 bytes."""
        if self.size == 1:
            return word
        place = torch.tensor(list(word.encode().ljust(_WORD_BYTES)), dtype=torch.uint8)
        dist.broadcast(place, 0)
        return bytes(place.tolist()).decode().strip()

    def decide(self, answer: bool) -> bool:
        """Return the main process's decision, because files of the others may differ."""
        return self.agree("yes" if answer else "no") == "yes"

    def share(self, make: Callable[[], T]) -> T:
        """Return the result of `make` in the main process, whose files the others may lack."""
        if self.size == 1:
            return make()
        box: list[Any] = [None]
        if self.is_main:
            try:
                box = [make()]
            except CheckpointError as error:
                box = [error]
        dist.broadcast_object_list(box, 0)
        if isinstance(box[0], CheckpointError):
            raise box[0]
        shared: T = box[0]
        return shared

    def total(self, values: list[float]) -> list[float]:
        """Return the sums over all processes, number by number."""
        if self.size == 1:
            return values
        sums = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(sums)
        return sums.tolist()

    def total_tensor(self, value: Tensor) -> Tensor:
        """Add up a tensor over all processes, without synchronizing with a GPU."""
        if self.size > 1:
            dist.all_reduce(value)
        return value

    def require_same(self, fingerprint: str) -> None:
        """Raise CorpusError in every process if their data differ."""
        if self.size == 1:
            return
        fingerprints: list[Any] = [None] * self.size
        dist.all_gather_object(fingerprints, fingerprint)
        ranks = (rank for rank, other in enumerate(fingerprints) if other != fingerprints[0])
        other = next(ranks, None)
        if other is not None:
            raise CorpusError(
                f"process {other} has different training data from process 0",
                hint="copy data/processed from one machine to all others",
            )

    def wrap(self, module: nn.Module) -> nn.Module:
        """Wrap a network so that backward averages gradients over all processes."""
        if self.size == 1:
            return module
        return nn.parallel.DistributedDataParallel(module)

    def backward(
        self, module: nn.Module, *, is_last: bool
    ) -> contextlib.AbstractContextManager[Any]:
        """Return the context of a backward pass; only the last of a step communicates."""
        if is_last or not isinstance(module, nn.parallel.DistributedDataParallel):
            return contextlib.nullcontext()
        return module.no_sync()


ALONE = World()


@contextlib.contextmanager
def join_world() -> Iterator[World]:
    """Join the processes that torchrun started; without torchrun there is only this one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    local_rank = int(os.environ["LOCAL_RANK"])
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank)
        backend = "cpu:gloo,cuda:nccl"  # decisions never wait for a GPU
    # A restarted group uses the store of the previous group, which contains dead addresses.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store, rank, _ = next(rendezvous("env://"))
    own = PrefixStore(f"attempt {attempt}", store)
    dist.init_process_group(backend, store=own, rank=rank, world_size=size)
    try:
        yield World(rank, size, local_rank)
        dist.barrier()  # exiting early would break connections of processes still saving
    finally:
        dist.destroy_process_group()
