"""Several processes that train one network: who one is, and what they tell each other.

Each has the whole network and a part of every batch; gradients are averaged before each step, so that all weights stay
the same. A process alone is the case of size 1, in which nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.errors import PeerLost

__all__ = ["ALONE", "Ranks", "is_divided", "is_of_peers", "join", "local_rank", "peer_lost", "sent", "unseen"]

Value = TypeVar("Value")
_PATIENCE = timedelta(minutes=30)
"""That others are waited for: one may decode a data set first."""
_HANGS_S = 600
_FAR = 1_000_003
"""Between the random states of two processes."""


@dataclass
class Ranks:
    """Who this process is.

    Args:
        rank: from 0.
        size: how many there are.
        device: where tensors are sent from.
        agreed: what any process has wished for in the last step.
        group: torch's, through which is sent; None for that of all, with the patience that it began with.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    agreed: tuple[bool, ...] = ()
    group: Any = None

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.rank == 0

    def share(self, batch: NDArray[np.int64]) -> tuple[NDArray[np.int64], float]:
        """This process's part of a batch, and its weight: parts' mean losses by weight have the batch's as their mean.

        A part has two images at least, for a batch norm can't train on one. Where a batch is too small for that, some
        processes have none: they look at two that count for nothing.
        """
        parts = min(self.size, max(1, len(batch) // 2))
        own = batch[self.rank :: parts] if self.rank < parts else batch[:0]
        return (own, len(own) * self.size / len(batch)) if len(own) else (batch[:2], 0.0)

    def dealt(self, batches: Sequence[Value]) -> list[Value]:
        """This process's of some batches that each go to one process, whole: neighbours may lie in the same file."""
        first, end = (len(batches) * (self.rank + i) // self.size for i in (0, 1))
        return list(batches[first:end])

    def collect(self, parts: list[Tensor]) -> list[Tensor]:
        """What all processes made of the batches that were dealt, in the batches' order; on every process."""
        if self.size == 1:
            return parts
        return [part.to(self.device) for row in self.all([part.cpu() for part in parts]) for part in row]

    def add(self, tensors: Iterable[Tensor]) -> None:
        """The sum over all processes, in place, on every process."""
        if self.size > 1:
            for tensor in tensors:
                sent(lambda tensor=tensor: dist.all_reduce(tensor, group=self.group))  # type: ignore[misc]

    def agree(self, *models: nn.Module) -> None:
        """Take the first process's weights and buffers; those that are divided are nobody's alone."""
        if self.size > 1:
            tensors = (t for model in models for t in (*model.parameters(), *model.buffers()) if not is_divided(t))
            for tensor in {id(t): t for t in tensors}.values():  # a network without an average is its own
                sent(lambda tensor=tensor: dist.broadcast(tensor.data, 0, group=self.group))  # type: ignore[misc]

    def told(self, value: Value) -> Value:
        """The first process's value, on every process."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        sent(lambda: dist.broadcast_object_list(box, 0, group=self.group))
        found: Value = box[0]
        return found

    def all(self, value: Value) -> list[Value]:
        """Each process's value, by rank, on every process."""
        if self.size == 1:
            return [value]
        rows: list[Any] = [None] * self.size
        sent(lambda: dist.all_gather_object(rows, value, group=self.group))
        return rows

    def any(self, flag: bool) -> bool:
        """Whether it is so for any process."""
        return any(self.all(flag)) if self.size > 1 else flag

    def wait(self) -> None:
        """Until all are here."""
        self.all(None)

    def hurry(self) -> None:
        """From here on all do the same: one that isn't heard of for ten minutes (``ZOO_PEERS_S``) hangs."""
        if self.size > 1:
            self.group = self.impatient()

    def impatient(self) -> Any:
        """A group of all processes in which none waits for another for more than ten minutes (``ZOO_PEERS_S``)."""
        return dist.new_group(timeout=timedelta(seconds=float(os.environ.get("ZOO_PEERS_S") or _HANGS_S)))

    def part_ways(self, seed: int) -> None:
        """Draw otherwise than the first process, which draws as one alone would."""
        if not self.first:
            torch.manual_seed(seed + _FAR * self.rank)


ALONE = Ranks()


def sent(send: Callable[[], object]) -> None:
    """Tell the other processes something, or wait until they have.

    Raises:
        PeerLost: they are not there any more.
    """
    try:
        send()
    except RuntimeError as error:
        raise peer_lost(error) from error


def is_of_peers(error: RuntimeError) -> bool:
    """Whether torch says of other processes that they are not there any more, from within a network that is divided."""
    return isinstance(error, dist.DistError) or "gloo" in str(error) or "Connection closed by peer" in str(error)


def peer_lost(error: RuntimeError, where: str = "") -> PeerLost:
    """What torch says of other processes that are not there any more, as an error to tell."""
    first = (str(error).splitlines() or [""])[0][:200]
    return PeerLost(f"{where}Another process of this run has ended or hangs, so this one can't go on ({first}).")


@contextlib.contextmanager
def unseen() -> Iterator[None]:
    """Hide the other processes from a component that has all of the data, for it would add up with theirs the same.

    A metric of torchmetrics does, whenever torch says that there are others.
    """
    world = dist.group.WORLD if dist.is_available() else None
    if world is None:
        yield
        return
    dist.group.WORLD = None
    try:
        yield
    finally:
        dist.group.WORLD = world


def is_divided(tensor: Tensor) -> bool:
    """Whether each process has a part of it only: a DTensor, whose module takes as long to import as half of torch."""
    return hasattr(tensor, "device_mesh")


def local_rank() -> int | None:
    """The number of this process on its machine, where it is one of several."""
    return int(os.environ["LOCAL_RANK"]) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else None


def join(device: torch.device) -> Ranks:
    """Find the others, if torchrun's variables say that there are any.

    Raises:
        PeerLost: they don't answer.
    """
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if size == 1:
        return Ranks(device=device)
    if not dist.is_initialized():
        backend = "nccl" if device.type == "cuda" else "gloo"
        sent(lambda: dist.init_process_group(backend, timeout=_PATIENCE))
    return Ranks(rank, size, device)
