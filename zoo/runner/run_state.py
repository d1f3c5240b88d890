"""The state of a run that its checkpoints hold, besides the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.runner.measurements import BestEpoch, EpochRecord


@dataclass
class Position:
    """The progress of an unfinished epoch.

    Args:
        lr: the learning rate at its start.
        steps: optimizer steps done.
        seconds: time of these steps.
        totals: their running sums.
        random: the random states after the last step, where only the evaluation is left.
    """

    epoch: int
    lr: float
    steps: int = 0
    seconds: float = 0.0
    totals: dict[str, Any] | None = None
    random: dict[str, Any] | None = None


@dataclass
class RunState:
    """The progress of a run, as plain data.

    Args:
        timing: seconds by phase.
        accumulate: pieces in which a batch is computed.
        history: one record per finished epoch, as in metrics.jsonl.
        position: the unfinished epoch, if any.
        best: the best epoch so far.
        notices: sentences that the report repeats.
        loss: weights of the loss in the best epoch, by name; empty for a loss without any.
    """

    timing: dict[str, float]
    accumulate: int
    history: list[EpochRecord] = field(default_factory=list)
    position: Position | None = None
    best: BestEpoch | None = None
    notices: list[str] = field(default_factory=list)
    loss: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the entries of a checkpoint."""
        return {
            "history": [record.document() for record in self.history],
            "best": self.best.document() if self.best else None,
            "timing": self.timing,
            "accumulate": self.accumulate,
            "notices": self.notices,
            "loss": self.loss,
            "position": vars(self.position) if self.position else None,
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Restore the entries of a checkpoint; the setup time is kept from this process."""
        self.history = [EpochRecord.read(record) for record in kept["history"]]
        self.best = BestEpoch.read(kept["best"]) if kept["best"] else None
        self.position = Position(**kept["position"]) if kept.get("position") else None
        self.timing.update({k: v for k, v in kept["timing"].items() if k != "setup_s"})
        self.accumulate = kept.get("accumulate", self.accumulate)
        self.notices = kept.get("notices", [])
        self.loss = kept.get("loss", {})
