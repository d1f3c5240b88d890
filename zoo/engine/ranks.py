"""Several processes that train one network: who one is, and what they tell each other.

Each has the whole network and a part of every batch; gradients are averaged before each step, so that all weights stay
the same. A process alone is the case of size 1, in which nothing is sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.errors import TrainingError

__all__ = ["ALONE", "Ranks", "join", "local_rank"]

Value = TypeVar("Value")
_PATIENCE = timedelta(minutes=30)
"""That others are waited for: one may decode a data set first."""
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
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    agreed: tuple[bool, ...] = ()

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.rank == 0

    def share(self, batch: NDArray[np.int64]) -> tuple[NDArray[np.int64], float]:
        """This process's part of a batch, and its weight: parts' mean losses by weight have the batch's as their mean.

        A batch smaller than there are processes leaves some without: they look at an image that counts for nothing.
        """
        own = batch[self.rank :: self.size]
        return (own, len(own) * self.size / len(batch)) if len(own) else (batch[:1], 0.0)

    def dealt(self, batches: Sequence[Value]) -> list[Value]:
        """This process's of some batches that each go to one process, whole."""
        return list(batches[self.rank :: self.size])

    def collect(self, parts: list[Tensor]) -> list[Tensor]:
        """What all processes made of the batches that were dealt, in the batches' order; on every process."""
        if self.size == 1:
            return parts
        rows = self.all([part.cpu() for part in parts])
        longest = max(map(len, rows))
        return [row[i].to(self.device) for i in range(longest) for row in rows if i < len(row)]

    def average(self, parameters: Iterable[nn.Parameter], loss: Tensor, wishes: Sequence[bool]) -> Tensor:
        """Average the gradients, in place.

        Args:
            loss: of this process's part, by its weight.
            wishes: what this process would like all to do after this step; see ``agreed``.

        Returns:
            The whole batch's loss.
        """
        if self.size == 1:
            self.agreed = tuple(wishes)
            return loss
        gradients = [p.grad for p in parameters if p.grad is not None]
        more = torch.tensor([float(wish) for wish in wishes], device=self.device)
        flat = torch.cat([*(g.reshape(-1).float() for g in gradients), loss.detach().float().reshape(1), more])
        _sent(lambda: dist.all_reduce(flat))
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient) / self.size)
            start += gradient.numel()
        self.agreed = tuple(bool(wish > 0) for wish in flat[start + 1 :].tolist())  # sync point
        return flat[start] / self.size

    def add(self, tensors: Iterable[Tensor]) -> None:
        """The sum over all processes, in place, on every process."""
        if self.size > 1:
            for tensor in tensors:
                _sent(lambda tensor=tensor: dist.all_reduce(tensor))  # type: ignore[misc]

    def agree(self, *models: nn.Module) -> None:
        """Take the first process's weights and buffers."""
        if self.size > 1:
            tensors = (t for model in models for t in (*model.parameters(), *model.buffers()))
            for tensor in {id(t): t for t in tensors}.values():  # a network without an average is its own
                _sent(lambda tensor=tensor: dist.broadcast(tensor.data, 0))  # type: ignore[misc]

    def told(self, value: Value) -> Value:
        """The first process's value, on every process."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        _sent(lambda: dist.broadcast_object_list(box, 0))
        found: Value = box[0]
        return found

    def all(self, value: Value) -> list[Value]:
        """Each process's value, by rank, on every process."""
        if self.size == 1:
            return [value]
        rows: list[Any] = [None] * self.size
        _sent(lambda: dist.all_gather_object(rows, value))
        return rows

    def any(self, flag: bool) -> bool:
        """Whether it is so for any process."""
        return any(self.all(flag)) if self.size > 1 else flag

    def wait(self) -> None:
        """Until all are here."""
        self.all(None)

    def part_ways(self, seed: int) -> None:
        """Draw otherwise than the first process, which draws as one alone would."""
        if not self.first:
            torch.manual_seed(seed + _FAR * self.rank)


ALONE = Ranks()


def _sent(send: Callable[[], object]) -> None:
    try:
        send()
    except RuntimeError as error:
        first = (str(error).splitlines() or [""])[0][:200]
        raise TrainingError(f"Another process of this run has ended, so this one can't go on ({first}).") from error


def local_rank() -> int | None:
    """The number of this process on its machine, where it is one of several."""
    return int(os.environ["LOCAL_RANK"]) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else None


def join(device: torch.device) -> Ranks:
    """Find the others, if torchrun's variables say that there are any.

    Raises:
        TrainingError: they don't answer.
    """
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if size == 1:
        return Ranks(device=device)
    if not dist.is_initialized():
        backend = "nccl" if device.type == "cuda" else "gloo"
        _sent(lambda: dist.init_process_group(backend, timeout=_PATIENCE))
    return Ranks(rank, size, device)
