"""Gradients of a step, averaged over the processes of a run by torch's DistributedDataParallel (DDP).

A sharded network (:mod:`zoo.engine.sharding`) averages its gradients itself; a single process has none to average.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from zoo.engine.ranks import ALONE, Ranks, communicate, is_divided

__all__ = ["APART", "GradientSync", "Together", "Values"]


@dataclass(frozen=True)
class Together:
    """State that the processes of a run share in each step of an epoch.

    Args:
        ranks: the processes and the rank of this one.
        weigh: returns the weight of this process's part of the current batch; see :meth:`Ranks.share`.
        wishes: returns the flags that this process raises after the step; ``ranks.agreed`` has those raised by any.
    """

    ranks: Ranks = field(default_factory=lambda: ALONE)
    weigh: Callable[[], float] = lambda: 1.0
    wishes: Callable[[], Sequence[bool]] = tuple


APART = Together()


class Values(NamedTuple):
    """Results of a piece's forward pass: the minimised scalar, with its graph; scalar loss and logits, detached."""

    minimised: Tensor
    loss: Tensor
    logits: Tensor


class GradientSync:
    """Forward passes whose gradients are averaged over the processes, once in a step.

    The gradients are sent during the backward pass of a step's last piece. Until a step has shown that the memory is
    enough, they are sent after it instead, so that a step that runs out of memory can be repeated in more pieces.

    Args:
        parameters: the trained ones of the network and of the loss; those that are frozen now are left out.
        together: the processes.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], together: Together):
        self.together, self.ranks = together, together.ranks
        self._learning = [p for p in parameters if p.requires_grad]
        self._sharded = any(map(is_divided, self._learning))
        self._replica = _replicate(self._learning, self.ranks) if self.ranks.size > 1 and not self._sharded else None
        self._proven = self._sending = False
        self._before: Tensor | None = None

    @property
    def begun(self) -> bool:
        """Return True if part of this step's gradients was sent, so that the step can't be repeated."""
        return self._sharded or self._sending  # FSDP sends from the first layer on

    def forward(self, compute: Callable[[], Values], *, last: bool) -> Values:
        """Run a forward pass, before its backward pass.

        Args:
            last: it is that of the step's last piece, so that its backward pass completes the gradients.
        """
        if self._replica is None:
            return compute()
        if last and self._proven:
            found: Values = self._replica(compute)
            self._sending = True
            return found
        with self._replica.no_sync():
            return self._replica(compute)  # type: ignore[no-any-return]

    def retry(self) -> None:
        """Prepare to repeat the step in more pieces, without sending early."""
        self._proven = False

    def finish(self, value: Tensor) -> Tensor:
        """Finish a step after its last backward pass: send the gradients that were not sent early, and agree.

        Args:
            value: weighted scalar of this process's part of the batch.

        Returns:
            The scalar of the whole batch, detached.
        """
        if self._replica is not None and not self._sending:
            self._replica(self._nothing).minimised.backward()
        self._proven, self._sending = True, False
        wishes = self.together.wishes()
        if self.ranks.size == 1:
            self.ranks.agreed = tuple(wishes)
            return value.detach()
        told = torch.cat([value.detach().float().reshape(1), torch.tensor(wishes, device=value.device).float()])
        communicate(lambda: dist.all_reduce(told, group=self.ranks.group))
        self._agree(told[1:])
        return told[0] / self.ranks.size

    def _nothing(self) -> Values:
        """A zero of all weights that have a gradient, whose backward pass changes none and sends them."""
        zero = 0 * torch.stack([p.sum() for p in self._learning if p.grad is not None]).sum()
        return Values(zero, zero.detach(), zero.detach())

    def _agree(self, wishes: Tensor) -> None:
        """Store which wishes any process has; on a GPU they are read one step later, which avoids a synchronisation."""
        known, self._before = (wishes, None) if self.ranks.device.type == "cpu" else (self._before, wishes)
        self.ranks.agreed = () if known is None else tuple(bool(wish > 0) for wish in known.tolist())


class _Weights(nn.Module):
    """The trained weights as one module, whose forward pass is a given function; DDP wraps a module.

    It has no buffers, which DDP would broadcast in every step: each process has its own until the end of an epoch.
    """

    def __init__(self, learning: Iterable[nn.Parameter]):
        super().__init__()
        self.learning = nn.ParameterList(learning)
        self.unused = nn.Parameter(self.learning[0].detach().new_zeros(()))  # else DDP warns that all are used

    def forward(self, compute: Callable[[], Values]) -> Values:
        return compute()


def _replicate(learning: Iterable[nn.Parameter], ranks: Ranks) -> DistributedDataParallel:
    """Wrap the trained weights, which are equal on all processes after :meth:`Ranks.broadcast_weights`.

    A network may skip a layer in some step on some process, so DDP looks for the weights that are used.
    """
    return DistributedDataParallel(
        _Weights(learning),
        process_group=ranks.group,
        init_sync=False,
        find_unused_parameters=True,
        gradient_as_bucket_view=True,
    )
