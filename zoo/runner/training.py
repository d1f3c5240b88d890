"""The epochs of a run: train, evaluate, keep the best weights, stop when it is time."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import nn

from zoo.bundle import read_weights, write_weights
from zoo.data.open import TEST, TRAIN, VAL
from zoo.data.splits import Split
from zoo.engine.evaluate import evaluate_logits, predict_logits, worst_mistakes
from zoo.engine.train import train_epoch
from zoo.engine.views import NONE, looking
from zoo.errors import TrainingError
from zoo.files import append_json_line
from zoo.runner.checkpoint import random_states, restore_random_states, save_checkpoint
from zoo.runner.folder import CHECKPOINTS, METRICS, MODEL
from zoo.runner.hooks import Hooks
from zoo.runner.observer import Observer
from zoo.runner.parts import Parts
from zoo.runner.record import Run

COMPILER = ("torch._dynamo", "torch._inductor")
"""Where torch.compile's errors are defined; to import them takes a second."""


@dataclass
class Best:
    """The epoch whose weights are kept."""

    epoch: int
    metric: str
    value: float


class Training:
    """The epochs so far, and how to go on.

    Args:
        parts: what the run is made of.
        folder: the run's.
        observer: told of each step and epoch.
    """

    def __init__(self, parts: Parts, folder: Path, observer: Observer):
        self.parts, self.job, self.folder, self.observer = parts, parts.job, folder, observer
        self.history: list[dict[str, Any]] = []
        self.best: Best | None = None
        self.thresholds: list[float] | None = None  # of each class, once the best weights are known
        self.timing = {"setup_s": parts.setup_s, "data_s": parts.data_s, "train_s": 0.0, "evaluate_s": 0.0}

    def epochs(self, hooks: Hooks, run: Run) -> str | None:
        """Train until the last epoch, or a reason to stop.

        Returns:
            The reason, or None after the last epoch.
        """
        for epoch in range(len(self.history) + 1, self.job.train.epochs + 1):
            try:
                record = self._epoch(epoch)
            except TrainingError as error:
                raise TrainingError(f"Stopped in epoch {epoch}. {error}") from error
            except RuntimeError as error:
                if not type(error).__module__.startswith(COMPILER):
                    raise
                first = (str(error).splitlines() or [type(error).__name__])[0]
                raise TrainingError(f"The network can't be compiled: {first}. Type: --set compile=off") from error
            self.observer.epoch_ended(record)
            reasons = [str(r) for r in hooks.call("zoo_epoch_end", run=run, epoch=record) if r]
            if reasons:
                return reasons[0]
            if self._out_of_patience(epoch):
                return f"no better {self.job.train.monitor} for {self.job.train.patience} epochs"
        return None

    def _epoch(self, epoch: int) -> dict[str, Any]:
        started = perf_counter()
        self.parts.begin_epoch(epoch)
        self.observer.epoch_started(epoch, self.job.train.epochs, len(self.parts.splits[TRAIN]))
        lr = max(group["lr"] for group in self.parts.optimizer.param_groups)
        totals = train_epoch(
            self.parts.stepped,
            self.parts.train_batches,
            self.parts.loss_fn,
            self.parts.optimizer,
            self.parts.execution,
            schedule=self.parts.schedule,
            scaler=self.parts.scaler,
            clip_norm=self.job.train.clip_norm,
            accumulate=self.job.train.accumulate,
            penalty=self.parts.penalty,
            distill=self.parts.distill,
            frozen=self.parts.learner.frozen,
            after_step=self.parts.learner.after_step,
            on_step=self.observer.step,
            task=self.parts.task,
        )
        self.parts.learner.end_epoch(epoch)
        trained = perf_counter() - started
        val = self.evaluate(self.parts.splits[VAL])[0]
        seconds = perf_counter() - started
        self.timing["train_s"] += trained
        self.timing["evaluate_s"] += seconds - trained
        record = {
            "epoch": epoch,
            "train": {"loss": totals.loss, "accuracy": totals.accuracy},
            "val": {k: v for k, v in val.items() if isinstance(v, float)},
            "lr": lr,
            "seconds": seconds,
            "images_per_second": totals.seen / trained,
        }
        self._tell_schedule(record)
        return self._keep(record)

    def _tell_schedule(self, record: dict[str, Any]) -> None:
        """A schedule that goes by how well it goes is told, where the line of the epoch is still to be written."""
        ended = getattr(self.parts.schedule, "epoch_ended", None)
        if ended is not None:
            split, _, name = self.job.train.monitor.partition("/")
            ended(float(record[split][name]), self.parts.higher_is_better(name))

    def _keep(self, record: dict[str, Any]) -> dict[str, Any]:
        """Weights if they are the best so far, then the line, then the checkpoint: each whole, in this order."""
        better = self._better(record)
        record["best"] = better is not None
        if better is not None:
            write_weights(self.folder / MODEL, self.parts.learner.final)
        self.history.append(record)
        self.best = better or self.best  # only now: an epoch that is interrupted while it is written never was
        append_json_line(self.folder / METRICS, record)
        save_checkpoint(self.folder / CHECKPOINTS, self._state())
        return record

    def _better(self, record: dict[str, Any]) -> Best | None:
        """This epoch as the best one, if it is; a value that is no number is better than none at all."""
        split, _, name = self.job.train.monitor.partition("/")
        value = float(record[split][name])
        if self.best is not None:
            gain = (value - self.best.value) * (1 if self.parts.higher_is_better(name) else -1)
            if math.isnan(value) or gain <= self.job.train.min_delta:
                return None
        return Best(record["epoch"], self.job.train.monitor, value)

    def _out_of_patience(self, epoch: int) -> bool:
        patience = self.job.train.patience
        return patience is not None and self.best is not None and epoch - self.best.epoch >= patience

    def evaluate(
        self, split: Split, model: nn.Module | None = None, *, tta: str = NONE, choose: bool = False
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Every number of a split, and its worst mistakes.

        Args:
            model: with the weights to measure; by default those that an epoch ended with.
            tta: test-time augmentation, as :func:`zoo.engine.views.views_named` has it.
            choose: the thresholds of a task with several labels by these images, from here on.
        """
        parts, learner = self.parts, self.parts.learner
        model = learner.final if model is None else model
        if tta == NONE:
            model, batches = learner.part_of(model), parts.batches(split)
        else:  # views are views of images, where a frozen backbone's features are those of one
            model, batches = looking(model, tta, multilabel=parts.task.multilabel), parts.images(split)
        logits, targets = predict_logits(model, batches, parts.answering)
        if choose:
            self.thresholds = parts.task.thresholds(logits, targets)
        numbers = evaluate_logits(logits, targets, parts.loss_fn, parts.classes, parts.metrics, self.thresholds)
        return numbers, worst_mistakes(logits, targets, split.names, parts.classes)

    def evaluate_best(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Metrics and mistakes of val, and of test where there is one, by the best weights as they lie on the disk."""
        started = perf_counter()
        model = copy.deepcopy(self.parts.learner.final)
        read_weights(self.folder / MODEL, model)
        splits = [self.parts.splits[name] for name in (VAL, TEST) if name in self.parts.splits]
        tta = self.job.tta
        found = {split.name: self.evaluate(split, model, tta=tta, choose=split.name == VAL) for split in splits}
        self.timing["evaluate_s"] += perf_counter() - started
        return {k: v[0] for k, v in found.items()}, {k: v[1] for k, v in found.items()}

    def _state(self) -> dict[str, Any]:
        return {
            "history": self.history,
            "best": vars(self.best) if self.best else None,
            "timing": self.timing,
            "parts": {name: part.state_dict() for name, part in self.parts.stateful().items()},
            "random": random_states(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint of the same job."""
        self.history = state["history"]
        self.best = Best(**state["best"]) if state["best"] else None
        self.timing.update({k: v for k, v in state["timing"].items() if k != "setup_s"})
        for name, part in self.parts.stateful().items():
            part.load_state_dict(state["parts"][name])
        restore_random_states(state["random"])
