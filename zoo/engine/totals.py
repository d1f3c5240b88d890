"""Running totals of an epoch on the device: summed over batches and divided once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo.engine.ranks import Ranks
from zoo.engine.task import SINGLE_LABEL, Task


class Totals:
    """Sums of an epoch: of the loss, and of the task's score, the correct predictions or the absolute errors."""

    def __init__(self, device: torch.device, task: Task = SINGLE_LABEL):
        self._task = task  # reading loss or accuracy synchronises the device, adding does not
        wide = torch.float32 if device.type == "mps" else torch.float64
        self._loss = torch.zeros((), dtype=wide, device=device)
        self._score = torch.zeros((), dtype=torch.int64 if task.classifies else wide, device=device)
        self.seen = 0

    def gather(self, ranks: Ranks) -> None:
        """Sum the totals over all processes, on every process."""
        seen = torch.tensor(self.seen, device=self._loss.device)
        ranks.all_reduce([self._loss, self._score, seen])
        self.seen = int(seen)

    def copy(self) -> Totals:
        """Return an independent copy."""
        other = Totals(self._loss.device, self._task)
        other.load_state_dict(self.state_dict())
        return other

    def state_dict(self) -> dict[str, Any]:
        """Return the sums for a checkpoint."""
        return {"loss": self._loss.clone(), "correct": self._score.clone(), "seen": self.seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the sums of a checkpoint."""
        self._loss.copy_(state["loss"])
        self._score.copy_(state["correct"])
        self.seen = int(state["seen"])

    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Add a batch: its mean loss, logits (n, K), and targets (n,) or (n, K) of the loss."""
        self._loss += loss.detach() * len(logits)
        self._score += self._task.batch_sum(logits.detach(), targets)
        self.seen += len(logits)

    @property
    def loss(self) -> float:
        return float(self._loss) / max(self.seen, 1)

    @property
    def accuracy(self) -> float:
        """Accuracy in 0..1; NaN for a task without classes."""
        name, value = self.score
        return value if name == "accuracy" else math.nan

    @property
    def score(self) -> tuple[str, float]:
        """Name and mean of the task's score: ``accuracy`` in 0..1, or ``mae`` in the unit of the data."""
        return self._task.epoch_score, self._score.item() / max(self.seen, 1)
