"""The training loop: train and validate each epoch, keep the best weights, and stop early."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from torch import Tensor, nn

from zoo.data.batches import Batches
from zoo.data.open import TEST, VAL
from zoo.data.split import Split
from zoo.engine.calibration import Calibration, calibrate_outputs
from zoo.engine.evaluate import Answers, evaluate_logits, predict_outputs
from zoo.engine.final import final_numbers
from zoo.engine.gradient_sync import Together
from zoo.engine.part_numbers import PartScore
from zoo.engine.ranks import is_peer_error, peer_lost
from zoo.engine.scores import Numbers
from zoo.engine.step import StepOutput
from zoo.engine.totals import Totals
from zoo.engine.train import EpochProgress, check_state, train_epoch
from zoo.engine.tta import NONE, looking
from zoo.engine.value_intervals import ValueIntervals
from zoo.errors import TrainingError
from zoo.job.run_folder import CHECKPOINTS, METRICS, MODEL
from zoo.model.bundle import WEIGHTS, read_weights
from zoo.runner.analyses import Analyses, Evaluated
from zoo.runner.build import higher_names
from zoo.runner.callbacks import Callbacks
from zoo.runner.checkpoint import Keeper, random_states
from zoo.runner.components import RunComponents
from zoo.runner.interrupts import Interrupts
from zoo.runner.measurements import BestEpoch, EpochRecord, Mistake, SplitMetrics
from zoo.runner.observer import Observer
from zoo.runner.predictions import Columns, relative_names, write_predictions
from zoo.runner.record import Run
from zoo.runner.resuming import checkpoint_of
from zoo.runner.run_state import Position, RunState
from zoo.runner.time_budget import Budget
from zoo.runner.train_state import TrainState
from zoo.storage.files import append_json_line

COMPILER = ("torch._dynamo", "torch._inductor")
"""Modules that define torch.compile's errors; importing them takes a second."""


@dataclass(frozen=True)
class FinalNumbers:
    """Final metrics and worst mistakes of each split, measured with the best weights."""

    metrics: dict[str, SplitMetrics] = field(default_factory=dict)
    mistakes: dict[str, list[Mistake]] = field(default_factory=dict)


class Training:
    """The training of a run, epoch by epoch.

    Args:
        parts: the components of the run.
        folder: the run's folder.
        observer: receives each step and epoch.
        interrupts: pending signals, checked only where no work is lost.
        budget: ends training before an epoch that would exceed it.
    """

    def __init__(
        self,
        parts: RunComponents,
        folder: Path,
        observer: Observer,
        interrupts: Interrupts | None = None,
        budget: Budget | None = None,
    ):
        self.parts, self.job, self.folder, self.observer = parts, parts.job, folder, observer
        self.ranks = parts.ranks
        self.interrupts, self.budget = interrupts or Interrupts(), budget
        self.budget_used = False
        self.keeper = Keeper(folder / CHECKPOINTS, folder / MODEL)
        timing = {"setup_s": parts.setup_s, "data_s": parts.data_s, "train_s": 0.0, "evaluate_s": 0.0}
        self.state = RunState(timing, self.job.train.accumulate)
        self.callback, self.analyses = Callbacks(()), Analyses({})
        self.live = TrainState(
            model=parts.model,
            optimizer=parts.optimizer,
            schedule=parts.schedule,
            folder=folder,
            classes=parts.classes,
            epochs=self.job.train.last_epoch,
            steps_per_epoch=len(parts.train_batches),
            notice=observer.notice,
            interrupt=self.interrupts.ask,
        )
        self.saved_at = perf_counter()
        self.last_answers: Answers | None = None
        self.best_answers: Answers | None = None  # of the best epoch, if this process trained it
        self.thresholds: list[float] | None = None  # (K,) of a multi-label task, once the best weights are known
        self.calibration: Calibration | ValueIntervals | None = None  # of the best weights, once they are known

    def epochs(self, run: Run) -> str | None:
        """Train until the last epoch or a reason to stop, and wait until all files are written.

        Returns:
            The reason for stopping early, or None after the last epoch.
        """
        reason = None
        self.live.history = self.state.history
        self.callback.train_start(self.live)
        while reason is None and len(self.state.history) < self.job.train.last_epoch:
            record = self._run_next_epoch()
            self.observer.epoch_ended(record)
            reason = self._reason_of_callbacks(run, record)
            if reason is not None:
                break
            if self._out_of_patience(record.epoch):
                epochs = "1 epoch" if self.job.train.patience == 1 else f"{self.job.train.patience} epochs"
                reason = f"no improvement of {self.job.train.monitor} for {epochs}"
            elif self.budget is not None and self._out_of_budget(self.budget, record):
                self.budget_used = True
                reason = f"the budget of {self.budget.seconds:g} s is used up"
        self.keeper.wait()
        return reason

    def _reason_of_callbacks(self, run: Run, record: EpochRecord) -> str | None:
        """The first reason of a callback to stop, in any process."""
        own = self.callback.epoch_end(run, record) or self.live.reason
        return next(filter(None, self.ranks.all(own)), None)

    def restore_callbacks(self, kept: Mapping[str, Any]) -> None:
        """Restore the state of the callbacks from a checkpoint; those of version 0.1 have none."""
        if "callbacks" in kept:
            self.callback.load_state_dict(kept["callbacks"])
            self.live.load_state_dict(kept["live"])
            if self.state.position is None:  # the epoch is complete: a resumed run goes on
                self.live.reason = None

    def _run_next_epoch(self) -> EpochRecord:
        epoch = len(self.state.history) + 1
        try:
            return self._epoch(epoch)
        except TrainingError as error:
            raise type(error)(f"Stopped in epoch {epoch}. {error}") from error
        except RuntimeError as error:
            if self.ranks.size > 1 and is_peer_error(error):
                raise peer_lost(error, f"Stopped in epoch {epoch}. ") from error
            if not type(error).__module__.startswith(COMPILER):
                raise
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise TrainingError(f"The network can't be compiled: {first}. Type: --set compile=off") from error

    def _epoch(self, epoch: int) -> EpochRecord:
        if self.state.position is None:
            self.state.position = Position(epoch, max(group["lr"] for group in self.parts.optimizer.param_groups))
        started = perf_counter() - self.state.position.seconds
        self.parts.begin_epoch(epoch)
        self.observer.epoch_started(epoch, self.job.train.last_epoch, self.parts.images_per_epoch)
        try:
            with self.interrupts.held():
                totals = self._steps(self.state.position, started)
            trained = perf_counter() - started
            val = self._validate()
        except KeyboardInterrupt:
            if self.state.position.random is not None:  # the epoch's steps are done; else they saved the state
                self._save()
            raise
        seconds = perf_counter() - started
        record = EpochRecord.read(
            {
                "epoch": epoch,
                "train": {"loss": totals.loss, **dict([totals.score])},
                "val": {k: v for k, v in val.items() if isinstance(v, int | float)},
                "lr": self.state.position.lr,
                "seconds": seconds,
                "images_per_second": totals.seen / trained,
                **({"logged": logged} if (logged := self.live.take_logged()) else {}),
            }
        )
        with self.interrupts.held():
            self.state.timing["train_s"] += trained
            self.state.timing["evaluate_s"] += seconds - trained
            self._notify_schedule(record)
            return self._keep(record)

    def _validate(self) -> Numbers:
        """Validate the current weights; several processes defer signals until all have finished."""
        with self.interrupts.held() if self.ranks.size > 1 else contextlib.nullcontext():
            split = self.parts.splits[VAL]
            self.last_answers = self._predict(split, self.parts.learner.final, NONE)
            return self._evaluated(self.last_answers)

    def _steps(self, position: Position, started: float) -> Totals:
        """Train the remaining steps of an epoch."""
        totals = Totals(self.parts.execution.device, self.parts.task)
        done = position.random is not None
        if position.totals is not None and (done or self.ranks.first):  # the sums of all processes
            totals.load_state_dict(position.totals)
        if done:
            return totals  # it was interrupted during the evaluation

        def stepped(seen: int, totals: Any) -> bool:
            self.observer.step(seen * self.ranks.size, totals)  # every process sees equally many
            position.steps += 1
            position.seconds = perf_counter() - started
            if any(self.ranks.agreed[:2]):
                whole = totals.copy()
                whole.gather(self.ranks)
                check_state(whole, self.parts.learner.trained, self.ranks, self.parts.loss_module)
                position.totals = whole.state_dict()
                self._save()
                self.interrupts.check()
            alone = self.ranks.size == 1 and self.live.reason is not None  # others agree in the next step
            return alone or any(self.ranks.agreed[2:])

        self.live.epoch, self.live.step = position.epoch, position.steps
        self.callback.epoch_start(self.live)
        self.parts.train_batches.begin = position.steps
        train_epoch(
            self.parts.stepped,
            self.parts.train_batches,
            self.parts.loss_fn,
            self.parts.optimizer,
            self.parts.execution,
            replace(self.parts.step_config(), accumulate=self.state.accumulate),
            EpochProgress(
                totals, position.steps, stepped, self._accumulate_in_pieces, self._batch_started, self._step_ended
            ),
            Together(self.ranks, weigh=lambda: self.parts.train_batches.weight, wishes=self._votes),
        )
        self.live.images = self.live.targets = self.live.logits = None  # memory that the evaluation may need
        self.parts.learner.end_epoch(position.epoch)
        self.parts.settle()
        position.seconds = perf_counter() - started
        position.totals, position.random = totals.state_dict(), random_states()
        return totals

    def _batch_started(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Call the callbacks with a batch, and return the batch that they leave."""
        live = self.live
        live.step += 1
        live.images, live.targets, live.logits, live.loss = images, targets, None, None
        self.callback.batch_start(live)
        return live.images, live.targets

    def _step_ended(self, found: StepOutput) -> None:
        self.live.logits, self.live.loss = found.logits, found.whole
        self.callback.step_end(self.live)

    def _votes(self) -> tuple[bool, bool, bool]:
        """Return this process's votes to interrupt, to save the state, and to end the epoch here.

        All processes act on the combined votes.
        """
        save = perf_counter() - self.saved_at > self.job.train.checkpoint_s
        return self.interrupts.asked, save, self.live.reason is not None

    def _accumulate_in_pieces(self, pieces: int) -> None:
        if (refusal := self.parts.scoring.out_of_memory(pieces)) is not None:
            raise TrainingError(refusal)
        self.state.accumulate = pieces
        size = self.job.train.batch_size
        step = ", with the same step."
        if self.parts.learner.sees_batches():
            step = ", with the same step except for batch norm, which sees one piece at a time."
        epoch = len(self.state.history) + 1
        text = (
            f"Out of memory with a batch of {size}: from epoch {epoch} on, each batch is computed in {pieces} "
            f"pieces{step}"
        )
        self.state.notices = [text]
        self.observer.notice(text)

    def _notify_schedule(self, record: EpochRecord) -> None:
        """Report the monitored value to a schedule that depends on it, before the epoch's line is written."""
        ended = getattr(self.parts.schedule, "epoch_ended", None)
        if ended is not None:
            ended(self._monitored(record), self.parts.scoring.higher_is_better(self._metric))

    @property
    def _metric(self) -> str:
        """Name of the monitored metric, without its split."""
        return self.job.train.monitor.partition("/")[2]

    def _monitored(self, record: EpochRecord) -> float:
        """Monitored value of an epoch.

        Raises:
            TrainingError: the metric is not a single number.
        """
        value = record.monitored(self.job.train.monitor)
        if value is None:
            raise TrainingError(f"train.monitor is {self.job.train.monitor!r}, which is not one number.")
        return value

    def _keep(self, record: EpochRecord) -> EpochRecord:
        """Add an epoch to the history, and save the checkpoint and, for a new best epoch, its weights."""
        better = self._better(record)
        record = record.changed(best=better is not None)
        if better is not None:
            self.best_answers = self.last_answers
            self.state.loss = self.parts.loss_state()
        self.state.history.append(record)
        self.state.best = better or self.state.best  # only now: an epoch interrupted before this point is repeated
        self.state.position = None
        if self.ranks.first:
            append_json_line(self.folder / METRICS, record.document())
        self._save(self.parts.learner.final if better is not None else None)
        return record

    def _save(self, best: nn.Module | None = None) -> None:
        extra = {"callbacks": self.callback.state_dict(), "live": self.live.state_dict()}
        kept = checkpoint_of(self.state, self.parts, **extra)
        if self.ranks.first:
            self.keeper.save(kept, best, self.state.best)
        self.saved_at = perf_counter()

    def _better(self, record: EpochRecord) -> BestEpoch | None:
        """Return this epoch as the best one if it is, else None; any value is better than none, even NaN.

        Between equal values the lower loss decides: small validation sets often give the same accuracy repeatedly.
        """
        value, split = self._monitored(record), self.job.train.monitor.partition("/")[0]
        if self.state.best is not None:
            gain = (value - self.state.best.value) * (1 if self.parts.scoring.higher_is_better(self._metric) else -1)
            before = self.state.history[self.state.best.epoch - 1]
            lower = _loss(record, split) < _loss(before, split)
            if math.isnan(value) or not (gain > self.job.train.min_delta or (gain == 0 and lower)):
                return None
        return BestEpoch.read({"epoch": record.epoch, "metric": self.job.train.monitor, "value": value})

    def _out_of_patience(self, epoch: int) -> bool:
        patience = self.job.train.patience
        return (
            patience is not None
            and self.state.best is not None
            and epoch - self._first_best(self.state.best) >= patience
        )

    def _first_best(self, best: BestEpoch) -> int:
        """First epoch that reached the best value; an equal value with a lower loss does not reset the patience."""
        same = (e.epoch for e in self.state.history if e.best and e.monitored(best.metric) == best.value)
        return next(same, best.epoch)

    def _out_of_budget(self, budget: Budget, record: EpochRecord) -> bool:
        return record.epoch < self.job.train.last_epoch and budget.over(record.seconds or 0.0)

    def _predict(self, split: Split, model: nn.Module, tta: str) -> Answers:
        parts = self.parts
        if tta == NONE:
            model, batches = parts.learner.part_of(model), parts.data.batches(split)
        else:  # augmented views need images: cached features are of a single view
            model, batches = looking(model, tta, parts.task.mean), parts.data.images(split)
        collect = self.ranks.gather if isinstance(batches, Batches) else list
        return predict_outputs(model, batches, parts.answering, collect=collect, takers=parts.scoring.takers)

    def _evaluated(self, answers: Answers, choose: bool = False) -> Numbers:
        """Compute every metric of a split from its logits and targets.

        Args:
            choose: fit the thresholds of a multi-label task on these images, for this and later evaluations.
        """
        parts = self.parts
        if choose:
            self.thresholds = parts.task.thresholds(*answers[:2])
        logits, targets, outputs = answers
        chosen, task = self.thresholds, parts.task
        return evaluate_logits(logits, targets, parts.loss_fn, parts.classes, parts.metrics, chosen, outputs, task)

    def evaluate_best(self) -> FinalNumbers:
        """Evaluate the best weights, read back from disk, on val and, where it exists, on test.

        The logits of the best epoch's validation are reused where the file on disk is byte-identical to the weights
        that gave them.
        """
        started = perf_counter()
        self.parts.load_loss_state(self.state.loss)
        splits = [self.parts.splits[name] for name in (VAL, TEST) if name in self.parts.splits]
        known = {VAL: self.best_answers} if self._check_best() and self.best_answers and self.job.tta == NONE else {}
        model = None if len(splits) == len(known) else self._read_back()
        metrics: dict[str, SplitMetrics] = {}
        mistakes: dict[str, list[Mistake]] = {}
        task = self.parts.task
        for split in splits:
            answers = known.get(split.name) or self._predict(split, cast(nn.Module, model), self.job.tta)
            read = task.read(answers.logits), task.read_labels(answers.targets)
            if split.name == VAL:
                self.calibration = calibrate_outputs(*answers[:2], task)
            heat, here = self.calibration.temperature if self.calibration else None, split.name == VAL
            numbers = self._evaluated(answers, here)
            names, classes = split.names, self.parts.classes
            loss_fn, measured = self.parts.loss_fn, self.parts.metrics
            beside, worst = final_numbers(answers, loss_fn, names, classes, measured, heat, fitted_here=here, task=task)
            metrics[split.name] = SplitMetrics.read({**numbers, **beside})
            mistakes[split.name] = [Mistake.read(mistake) for mistake in worst]
            if self.ranks.first:
                columns = self._analysed(split, answers, metrics[split.name])
                kept = relative_names(names, self.job.dataset.params.get("root"))
                write_predictions(self.folder, split.name, kept, classes, *read, heat or 1.0, columns)
        self.state.timing["evaluate_s"] += perf_counter() - started
        return FinalNumbers(metrics, mistakes)

    def _analysed(self, split: Split, answers: Answers, numbers: SplitMetrics) -> Columns:
        """Run the job's analyses on a split; a failure becomes a notice, as the training is done.

        Returns:
            The columns to store with the predictions.
        """
        parts = self.parts
        score = PartScore(parts.loss_fn, parts.classes, parts.metrics, self.thresholds, parts.task)
        card = {"classes": parts.classes, "task": parts.task.name, "thresholds": self.thresholds}
        higher = higher_names(parts.resolved, parts.task, parts.metrics)
        try:
            return self.analyses.run(Evaluated(self.folder, card, split, answers, numbers, higher, score))
        except Exception as error:
            text = f"An analysis of the {split.name} images failed: {type(error).__name__}: {error}"
            self.state.notices = [*self.state.notices, text]
            self.observer.notice(text)
            return {}

    def _check_best(self) -> bool:
        """Return True if the weights on disk are byte-identical to the best epoch's, False if that is unknown.

        Raises:
            TrainingError: the file on disk has changed.
        """
        intact = self.ranks.broadcast(self.keeper.intact())
        if intact is False:
            raise TrainingError(
                f"{self.folder / MODEL / WEIGHTS} was changed since it was written. Type: zoo run --resume "
                f"{self.folder}"
            )
        return bool(intact)

    def _read_back(self) -> nn.Module:
        model = copy.deepcopy(self.parts.learner.final)
        if self.ranks.first:
            read_weights(self.folder / MODEL, model)
        self.ranks.broadcast_weights(model)
        return model


def _loss(record: EpochRecord, split: str) -> float:
    """Loss of a split in an epoch; NaN where it was not measured."""
    loss = record.scores(split).loss
    return math.nan if loss is None else loss
