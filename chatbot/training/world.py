"""Many processes as one trainer: who am I, what do all agree on, how is the work shared.

torchrun starts the processes and tells each its place through the environment; alone, everything
here costs nothing. Process 0 ("main") decides, talks and writes.
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
    """The place of this process among `size`; the default is to be alone."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process decides, talks and writes."""
        return self.rank == 0

    def agree(self, word: str) -> str:
        """Return the main process's word, at most 32 bytes long."""
        if self.size == 1:
            return word
        place = torch.tensor(list(word.encode().ljust(_WORD_BYTES)), dtype=torch.uint8)
        dist.broadcast(place, 0)
        return bytes(place.tolist()).decode().strip()

    def decide(self, answer: bool) -> bool:
        """Return the main process's answer: files of the others may differ."""
        return self.agree("yes" if answer else "no") == "yes"

    def share(self, make: Callable[[], T]) -> T:
        """Return what `make` gives in the main process: the others need not have its files."""
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
        """Add up over all processes, number by number."""
        if self.size == 1:
            return values
        sums = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(sums)
        return sums.tolist()

    def total_tensor(self, value: Tensor) -> Tensor:
        """Add up over all processes without waiting for a GPU."""
        if self.size > 1:
            dist.all_reduce(value)
        return value

    def require_same(self, fingerprint: str) -> None:
        """Raise CorpusError in every process if one of them has other data."""
        if self.size == 1:
            return
        fingerprints: list[Any] = [None] * self.size
        dist.all_gather_object(fingerprints, fingerprint)
        ranks = (rank for rank, other in enumerate(fingerprints) if other != fingerprints[0])
        other = next(ranks, None)
        if other is not None:
            raise CorpusError(
                f"process {other} has other training data than process 0",
                hint="copy data/processed of one machine to all",
            )

    def wrap(self, module: nn.Module) -> nn.Module:
        """Have backward average gradients over all processes, while it still runs."""
        if self.size == 1:
            return module
        return nn.parallel.DistributedDataParallel(module)

    def backward(
        self, module: nn.Module, *, is_last: bool
    ) -> contextlib.AbstractContextManager[Any]:
        """Return the context of one backward pass; only the last of a step talks to others."""
        if is_last or not isinstance(module, nn.parallel.DistributedDataParallel):
            return contextlib.nullcontext()
        return module.no_sync()


ALONE = World()


@contextlib.contextmanager
def join_world() -> Iterator[World]:
    """Join the processes that torchrun started; alone without torchrun."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    local_rank = int(os.environ["LOCAL_RANK"])
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank)
        backend = "cpu:gloo,cuda:nccl"  # what is agreed on never waits for a GPU
    # A restarted group meets in the store of the group before it: dead addresses are in there.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store, rank, _ = next(rendezvous("env://"))
    own = PrefixStore(f"attempt {attempt}", store)
    dist.init_process_group(backend, store=own, rank=rank, world_size=size)
    try:
        yield World(rank, size, local_rank)
        dist.barrier()  # who leaves early breaks the connections of who still saves
    finally:
        dist.destroy_process_group()
