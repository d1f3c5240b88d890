"""The epochs of a run: train, evaluate, keep the best weights, stop when it is time."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import nn

from zoo.bundle import read_weights, write_weights
from zoo.data.open import TEST, TRAIN, VAL
from zoo.data.splits import Split
from zoo.engine.evaluate import evaluate_logits, predict_logits, worst_mistakes
from zoo.engine.totals import Totals
from zoo.engine.train import train_epoch
from zoo.engine.views import NONE, looking
from zoo.errors import TrainingError
from zoo.files import append_json_line
from zoo.runner.checkpoint import Keeper, random_states
from zoo.runner.folder import CHECKPOINTS, METRICS, MODEL
from zoo.runner.hooks import Hooks
from zoo.runner.interrupts import Interrupts
from zoo.runner.observer import Observer
from zoo.runner.parts import Parts
from zoo.runner.record import Run
from zoo.runner.resuming import Best, Position, state_of

COMPILER = ("torch._dynamo", "torch._inductor")
"""Where torch.compile's errors are defined; to import them takes a second."""


class Training:
    """The epochs so far, and how to go on.

    Args:
        parts: what the run is made of.
        folder: the run's.
        observer: told of each step and epoch.
        interrupts: heard where nothing is lost.
    """

    def __init__(self, parts: Parts, folder: Path, observer: Observer, interrupts: Interrupts | None = None):
        self.parts, self.job, self.folder, self.observer = parts, parts.job, folder, observer
        self.interrupts = interrupts or Interrupts()
        self.keeper = Keeper(folder / CHECKPOINTS)
        self.history: list[dict[str, Any]] = []
        self.position: Position | None = None
        self.saved_at = perf_counter()
        self.accumulate = self.job.train.accumulate
        self.notices: list[str] = []
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
        if self.position is None:
            self.position = Position(epoch, max(group["lr"] for group in self.parts.optimizer.param_groups))
        started = perf_counter() - self.position.seconds
        self.parts.begin_epoch(epoch)
        self.observer.epoch_started(epoch, self.job.train.epochs, len(self.parts.splits[TRAIN]))
        with self.interrupts.held():
            totals = self._steps(self.position, started)
        trained = perf_counter() - started
        try:
            val = self.evaluate(self.parts.splits[VAL])[0]
        except KeyboardInterrupt:
            self._save()
            raise
        seconds = perf_counter() - started
        record = {
            "epoch": epoch,
            "train": {"loss": totals.loss, "accuracy": totals.accuracy},
            "val": {k: v for k, v in val.items() if isinstance(v, float)},
            "lr": self.position.lr,
            "seconds": seconds,
            "images_per_second": totals.seen / trained,
        }
        with self.interrupts.held():
            self.timing["train_s"] += trained
            self.timing["evaluate_s"] += seconds - trained
            self._tell_schedule(record)
            return self._keep(record)

    def _steps(self, position: Position, started: float) -> Totals:
        """Those of an epoch that are still to be done."""
        totals = Totals(self.parts.execution.device, self.parts.task)
        if position.totals is not None:
            totals.load_state_dict(position.totals)
        if position.random is not None:
            return totals  # all are done: it was interrupted as it was evaluated

        def stepped(seen: int, totals: Any) -> None:
            self.observer.step(seen, totals)
            position.steps += 1
            position.seconds = perf_counter() - started
            if self.interrupts.asked or perf_counter() - self.saved_at > self.job.train.checkpoint_s:
                position.totals = totals.state_dict()
                self._save()
                self.interrupts.check()

        self.parts.train_batches.begin = position.steps
        train_epoch(
            self.parts.stepped,
            self.parts.train_batches,
            self.parts.loss_fn,
            self.parts.optimizer,
            self.parts.execution,
            schedule=self.parts.schedule,
            scaler=self.parts.scaler,
            clip_norm=self.job.train.clip_norm,
            accumulate=self.accumulate,
            penalty=self.parts.penalty,
            distill=self.parts.distill,
            frozen=self.parts.learner.frozen,
            after_step=self.parts.learner.after_step,
            on_step=stepped,
            task=self.parts.task,
            totals=totals,
            done=position.steps,
            on_pieces=self._in_pieces,
        )
        self.parts.learner.end_epoch(position.epoch)
        position.seconds = perf_counter() - started
        position.totals, position.random = totals.state_dict(), random_states()
        return totals

    def _in_pieces(self, pieces: int) -> None:
        self.accumulate = pieces
        text = (
            f"The memory was too small for a batch of {self.job.train.batch_size} at once: from epoch "
            f"{len(self.history) + 1} on each is computed in {pieces} pieces, with the same step."
        )
        self.notices = [text]
        self.observer.notice(text)

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
        self.position = None
        append_json_line(self.folder / METRICS, record)
        self._save()
        return record

    def _save(self) -> None:
        self.keeper.save(state_of(self))
        self.saved_at = perf_counter()

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
