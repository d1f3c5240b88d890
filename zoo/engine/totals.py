"""Running totals of an epoch on the device: summed over batches and divided once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo.engine.ranks import Ranks
from zoo.engine.task import SINGLE_LABEL, Task


class Totals:
    """Sums of loss and correct predictions of an epoch."""

    def __init__(self, device: torch.device, task: Task = SINGLE_LABEL):
        self._task = task  # reading loss or accuracy synchronises the device, adding does not
        wide = torch.float32 if device.type == "mps" else torch.float64
        self._loss = torch.zeros((), dtype=wide, device=device)
        self._correct = torch.zeros((), dtype=torch.int64, device=device)
        self.seen = 0

    def gather(self, ranks: Ranks) -> None:
        """Sum the totals over all processes, on every process."""
        seen = torch.tensor(self.seen, device=self._loss.device)
        ranks.all_reduce([self._loss, self._correct, seen])
        self.seen = int(seen)

    def copy(self) -> Totals:
        """Return an independent copy."""
        other = Totals(self._loss.device, self._task)
        other.load_state_dict(self.state_dict())
        return other

    def state_dict(self) -> dict[str, Any]:
        """Return the sums for a checkpoint."""
        return {"loss": self._loss.clone(), "correct": self._correct.clone(), "seen": self.seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the sums of a checkpoint."""
        self._loss.copy_(state["loss"])
        self._correct.copy_(state["correct"])
        self.seen = int(state["seen"])

    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Add a batch: its mean loss, logits (n, K), and targets (n,) or (n, K)."""
        self._loss += loss.detach() * len(logits)
        self._correct += self._task.correct(logits.detach(), targets)
        self.seen += len(logits)

    @property
    def loss(self) -> float:
        return float(self._loss) / max(self.seen, 1)

    @property
    def accuracy(self) -> float:
        return int(self._correct) / max(self.seen, 1)
