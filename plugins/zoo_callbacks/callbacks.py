"""Callbacks that a job can name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from zoo.api.running import Callback, TrainState


class StopAt(Callback):
    """Stop once a metric reaches a value.

    Args:
        value: the value to reach.
        metric: path of the metric, such as ``val/accuracy`` or ``train/loss``.
        below: the metric has to fall to the value, as a loss does; by default only for errors of values or ranks.
    """

    def __init__(self, value: float, metric: str = "val/accuracy", below: bool | None = None):
        self.value, self.metric = value, metric
        self.below = metric.rpartition("/")[2] in ("mae", "rmse", "mae_ranks") if below is None else below
        if metric.partition("/")[0] not in ("train", "val"):
            raise ValueError(f"metric {metric!r} is not of the form val/NAME or train/NAME")

    def epoch_end(self, run: Any, epoch: Any) -> str | None:
        found = epoch.monitored(self.metric)
        if found is None:
            other = "; a regression has val/mae" if epoch.val.accuracy is None and epoch.val.mae is not None else ""
            raise ValueError(f"{self.metric} is not one number of an epoch{other}")
        reached = found <= self.value if self.below else found >= self.value
        return f"{self.metric} reached {self.value:g}" if reached else None


class GradientNorm(Callback):
    """Record the L2 norm of all gradients, before clipping has an effect on the weights."""

    def step_end(self, state: TrainState) -> None:
        gradients = [p.grad for group in state.optimizer.param_groups for p in group["params"] if p.grad is not None]
        if gradients:
            state.log("gradient_norm", torch.nn.utils.get_total_norm(gradients))


class KeepWeights(Callback):
    """Keep the weights of every few epochs as ``snapshots/epoch_0005.safetensors``.

    Args:
        every: number of epochs between two files.
    """

    def __init__(self, folder: Path, every: int = 1):
        if every < 1:
            raise ValueError(f"every must be at least 1, not {every}")
        self.folder, self.every = folder / "snapshots", every
        self.model: torch.nn.Module | None = None

    def train_start(self, state: TrainState) -> None:
        self.model = state.model

    def epoch_end(self, run: Any, epoch: Any) -> None:
        if epoch.epoch % self.every == 0 and self.model is not None:
            self.folder.mkdir(exist_ok=True)
            weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.model.state_dict().items()}
            save_file(weights, self.folder / f"epoch_{epoch.epoch:04}.safetensors")
