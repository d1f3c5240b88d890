"""Processes of a distributed training run: rank, size and collective operations.

Each process has the whole network and a part of every batch; gradients are averaged before each step, so that all
weights stay the same. A single process is the case of size 1, without communication.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.errors import PeerLost

__all__ = [
    "ALONE",
    "Ranks",
    "as_single_process",
    "communicate",
    "is_divided",
    "is_peer_error",
    "join",
    "local_rank",
    "peer_lost",
]

Value = TypeVar("Value")
_PATIENCE = timedelta(minutes=30)
"""Timeout of the first collective operations: another process may have to decode a data set first."""
_HANGS_S = 600
_OF_GLOO = ("gloo", "Connection closed by peer", "Connection reset by peer", "pair closure")
"""Texts of errors of the backend for CPUs, which raises plain RuntimeErrors."""
_FAR = 1_000_003
"""Offset between the random seeds of two consecutive ranks."""


@dataclass
class Ranks:
    """The rank of this process and its collective operations over all processes.

    Args:
        rank: index of this process, from 0.
        size: number of processes.
        device: device of the tensors that are communicated.
        agreed: flags that any process raised in the last step; see :class:`zoo.engine.gradient_sync.Together`.
        group: torch's process group; None for the default group with its long timeout.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    agreed: tuple[bool, ...] = ()
    group: Any = None

    @property
    def first(self) -> bool:
        """Return True on rank 0, the process that writes and prints."""
        return self.rank == 0

    def share(self, batch: NDArray[np.int64]) -> tuple[NDArray[np.int64], float]:
        """This process's part of a batch, and its weight in the mean of the parts' losses.

        A part has at least two images, since a batch norm can't train on one. Where a batch is too small for that, the
        remaining processes compute on two images with weight 0.
        """
        parts = min(self.size, max(1, len(batch) // 2))
        own = batch[self.rank :: parts] if self.rank < parts else batch[:0]
        return (own, len(own) * self.size / len(batch)) if len(own) else (batch[:2], 0.0)

    def dealt(self, batches: Sequence[Value]) -> list[Value]:
        """Contiguous share of the batches that this process evaluates, since neighbours may be in the same file."""
        first, end = (len(batches) * (self.rank + i) // self.size for i in (0, 1))
        return list(batches[first:end])

    def gather(self, parts: list[Tensor]) -> list[Tensor]:
        """Gather the results of all processes' own batches, in the order of the batches, on every process."""
        if self.size == 1:
            return parts
        return [part.to(self.device) for row in self.all([part.cpu() for part in parts]) for part in row]

    def all_reduce(self, tensors: Iterable[Tensor]) -> None:
        """Sum the tensors over all processes, in place."""
        if self.size > 1:
            for tensor in tensors:
                communicate(lambda tensor=tensor: dist.all_reduce(tensor, group=self.group))  # type: ignore[misc]

    def broadcast_weights(self, *models: nn.Module) -> None:
        """Broadcast the weights and buffers of rank 0 to all processes, except sharded ones."""
        if self.size > 1:
            tensors = (t for model in models for t in (*model.parameters(), *model.buffers()) if not is_divided(t))
            for tensor in {id(t): t for t in tensors}.values():  # without EMA, the average is the model itself
                communicate(lambda tensor=tensor: dist.broadcast(tensor.data, 0, group=self.group))  # type: ignore[misc]

    def broadcast(self, value: Value) -> Value:
        """Broadcast the value of rank 0 to every process."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        communicate(lambda: dist.broadcast_object_list(box, 0, group=self.group))
        found: Value = box[0]
        return found

    def all(self, value: Value) -> list[Value]:
        """Gather the values of all processes, by rank, on every process."""
        if self.size == 1:
            return [value]
        rows: list[Any] = [None] * self.size
        communicate(lambda: dist.all_gather_object(rows, value, group=self.group))
        return rows

    def any(self, flag: bool) -> bool:
        """Return True if the flag is set on any process."""
        return any(self.all(flag)) if self.size > 1 else flag

    def barrier(self) -> None:
        """Wait until all processes have reached this call."""
        self.all(None)

    def shorten_timeout(self) -> None:
        """Use the short timeout from here on, as all processes do the same: ten minutes, or ``ZOO_PEERS_S`` seconds."""
        if self.size > 1:
            self.group = self.short_timeout_group()

    def short_timeout_group(self) -> Any:
        """Create a group of all processes with the short timeout: ten minutes, or ``ZOO_PEERS_S`` seconds."""
        return dist.new_group(timeout=timedelta(seconds=float(os.environ.get("ZOO_PEERS_S") or _HANGS_S)))

    def seed_rank(self, seed: int) -> None:
        """Seed the random generator of this rank; rank 0 keeps its state, which is that of a single process."""
        if not self.first:
            torch.manual_seed(seed + _FAR * self.rank)


ALONE = Ranks()


def communicate(send: Callable[[], object]) -> None:
    """Run a collective operation, and turn its failure into an error of the zoo.

    Raises:
        PeerLost: another process has ended or hangs.
    """
    try:
        send()
    except RuntimeError as error:
        raise peer_lost(error) from error


def is_peer_error(error: RuntimeError) -> bool:
    """Check that a RuntimeError of a forward or backward pass, which sends gradients, reports a lost process."""
    return isinstance(error, dist.DistError) or any(text in str(error) for text in _OF_GLOO)


def peer_lost(error: RuntimeError, where: str = "") -> PeerLost:
    """Build the error for another process that has ended or hangs, with torch's first line."""
    first = (str(error).splitlines() or [""])[0][:200]
    return PeerLost(f"{where}Another process of this run has ended or hangs, so this one can't continue ({first}).")


@contextlib.contextmanager
def as_single_process() -> Iterator[None]:
    """Hide the process group from a component that has all data already and would reduce it again.

    Metrics of torchmetrics do so whenever a process group exists.
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
    """Check that a tensor is sharded over the processes (a DTensor, whose module is expensive to import)."""
    return hasattr(tensor, "device_mesh")


def local_rank() -> int | None:
    """Rank of this process on its machine; None for a single process."""
    return int(os.environ["LOCAL_RANK"]) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else None


def join(device: torch.device) -> Ranks:
    """Join the process group that torchrun's environment variables describe; a single process has none.

    Raises:
        PeerLost: the other processes don't answer.
    """
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if size == 1:
        return Ranks(device=device)
    if not dist.is_initialized():
        backend = "nccl" if device.type == "cuda" else "gloo"
        start = partial(dist.init_process_group, backend, timeout=_PATIENCE, rank=rank, world_size=size)
        communicate(lambda: start(store=_restarted_store()))
    return Ranks(rank, size, device)


def _restarted_store() -> Any:
    """Store of a run that torchrun has restarted on one machine; None for torch's own.

    The agent's store keeps the addresses of the processes before the restart, so that the first ones to join would
    connect to dead ones (pytorch/pytorch#135712). On several machines the numbers of restarts may differ.
    """
    restart, alone = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), os.environ.get("GROUP_WORLD_SIZE") == "1"
    if restart == "0" or not alone or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return None
    address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store: Any = dist.TCPStore(*address, timeout=_PATIENCE)  # type: ignore[attr-defined]
    return dist.PrefixStore(f"restart_{restart}", store)  # type: ignore[attr-defined]
