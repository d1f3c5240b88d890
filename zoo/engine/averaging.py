"""Gradient averaging over the processes of a run, overlapped with the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from zoo.engine.ranks import ALONE, Ranks, communicate, is_divided

__all__ = ["APART", "Averaging", "Together"]

BUCKET = 25 << 20
"""Bytes of gradients per message: small enough to start early, large enough for full bandwidth (DDP's default)."""


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


class Averaging:
    """Context manager that averages gradients over all processes in every step.

    Parameters are put into buckets once, the last ones first, as the backward pass finds their gradients; a bucket is
    sent when it is full, on every process in the same order. So a run that is resumed adds up in the same order.

    Args:
        parameters: the trainable parameters; the gradients of sharded ones are averaged by FSDP.
        bucket: size of a bucket in bytes.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], together: Together, bucket: int = BUCKET):
        self.together, self.ranks = together, together.ranks
        every = [p for p in parameters if p.requires_grad]
        learning = [p for p in every if not is_divided(p)]
        self._divided = len(learning) < len(every)
        self.buckets = _filled(learning[::-1], bucket) if self.ranks.size > 1 else []
        self._place = {p: i for i, bucket in enumerate(self.buckets) for p in bucket}
        self._hooks: list[Any] = []
        self._early = self._open = False
        self._sent: list[tuple[Tensor, Any]] = []
        self._missing: list[int] = []
        self._before: Tensor | None = None

    def __enter__(self) -> Averaging:
        self._hooks = [p.register_post_accumulate_grad_hook(self._found) for p in self._place]  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    @property
    def begun(self) -> bool:
        """Return True if part of this step's gradients was sent, so that the step can't be repeated."""
        return self._divided or bool(self._sent)  # FSDP sends from the first layer on

    def last(self) -> None:
        """Mark the next backward pass as the step's last, so that its gradients are complete and may be sent.

        Nothing is sent before its end until a step has shown that the memory is enough for it.
        """
        self._missing = [len(bucket) for bucket in self.buckets]
        self._open = self._early

    def retry(self) -> None:
        """Prepare to repeat the step in more pieces, without sending early."""
        self._early = self._open = False

    def done(self, loss: Tensor) -> Tensor:
        """Finish a step after its backward pass: send the remaining buckets and wait for the averages.

        Args:
            loss: weighted loss of this process's part of the batch, a scalar.

        Returns:
            Loss of the whole batch, a scalar.
        """
        wishes = self.together.wishes()
        if self.ranks.size == 1:
            self.ranks.agreed = tuple(wishes)
            return loss
        self._open = False
        while len(self._sent) < len(self.buckets):
            self._send()
        asked = torch.tensor([float(wish) for wish in wishes], device=loss.device)
        told = torch.cat([loss.detach().float().reshape(1), asked])
        communicate(lambda: dist.all_reduce(told, group=self.ranks.group))
        for bucket, (flat, work) in zip(self.buckets, self._sent, strict=True):
            communicate(work.wait)
            _put_back(bucket, flat / self.ranks.size)
        self._sent, self._early = [], True
        self._agree(told[1:])
        return told[0] / self.ranks.size

    def _agree(self, wishes: Tensor) -> None:
        """Store which wishes any process has; on a GPU they are read one step later, which avoids a synchronisation."""
        known, self._before = (wishes, None) if self.ranks.device.type == "cpu" else (self._before, wishes)
        self.ranks.agreed = () if known is None else tuple(bool(wish > 0) for wish in known.tolist())

    def _found(self, parameter: nn.Parameter) -> None:
        """Count a gradient as complete, and send each bucket that is full; a hook of the backward pass."""
        if not self._open:
            return
        self._missing[self._place[parameter]] -= 1
        while len(self._sent) < len(self.buckets) and self._missing[len(self._sent)] == 0:
            self._send()

    def _send(self) -> None:
        bucket = self.buckets[len(self._sent)]
        parts = [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1).float() for p in bucket]
        found_here = torch.tensor([float(p.grad is not None) for p in bucket], device=parts[0].device)
        flat = torch.cat([*parts, found_here])
        found: list[Any] = []
        communicate(lambda: found.append(dist.all_reduce(flat, group=self.ranks.group, async_op=True)))
        self._sent.append((flat, found[0]))


def _filled(parameters: Sequence[nn.Parameter], size: int) -> list[list[nn.Parameter]]:
    buckets: list[list[nn.Parameter]] = []
    room = 0
    for parameter in parameters:
        if room <= 0:
            buckets.append([])
            room = size
        buckets[-1].append(parameter)
        room -= 4 * parameter.numel()
    return buckets


def _put_back(bucket: Sequence[nn.Parameter], flat: Tensor) -> None:
    """Write averages back where any process has a gradient, so that a layer skipped by this process stays in sync."""
    *parts, found = torch.split(flat, [*(p.numel() for p in bucket), len(bucket)])
    for parameter, part, somewhere in zip(bucket, parts, found, strict=True):
        if parameter.grad is None and somewhere > 0:
            parameter.grad = torch.zeros_like(parameter)
        if parameter.grad is not None:
            parameter.grad.copy_(part.view_as(parameter.grad))
