"""How fast the parts of a run train and answer here, by a few of their own steps, which leave nothing behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from torch import Tensor

from zoo.data.open import VAL
from zoo.engine.evaluate import predict_logits
from zoo.engine.timing import now
from zoo.engine.totals import Totals
from zoo.engine.train import EpochProgress, train_epoch
from zoo.job.schema import Train
from zoo.runner.components import RunComponents
from zoo.runner.lr_find import as_before

__all__ = ["Speed", "measure_speed"]

STEPS = (2, 12)
"""Steps that are timed of each phase, at least and at most; one more, before them, is not counted."""
ENOUGH_S = 0.6
"""So long is a phase timed, unless its steps are long."""
SHARE = 0.05
"""Of the training's steps so many are timed, between the two."""
FEW, SLOW_S = 8, 0.4
"""Where a step with so few images takes so many seconds, a whole batch's time is reckoned by it."""
Phase = tuple[int, int]
"""What an epoch's time depends on: the side of its images, and how many blocks are frozen."""


@dataclass(frozen=True)
class Speed:
    """Seconds that training and evaluation take.

    Args:
        step_s: of a training step with a whole batch, by phase.
        evaluate_s: of one evaluation of the validation images.
        phases: of each epoch, the first at index 0.
        steps: in an epoch.
    """

    step_s: dict[Phase, float]
    evaluate_s: float
    phases: tuple[Phase, ...]
    steps: int

    def epoch_s(self, epoch: int) -> float:
        """Of an epoch (from 1) with its evaluation."""
        return self.steps * self.step_s[self.phases[epoch - 1]] + self.evaluate_s

    def seconds(self, epochs: int) -> float:
        """Of so many epochs from the first."""
        return sum(self.epoch_s(epoch) for epoch in range(1, epochs + 1))


def measure_speed(parts: RunComponents, enough_s: float = ENOUGH_S) -> Speed | None:
    """Time some steps of every phase of a training, and a part of an evaluation.

    The job's loss is not called, for it may count its calls; one that takes next to no time stands in for it.

    Args:
        parts: of the run, ready to train; weights, counters and random states are afterwards as they were.
        enough_s: how long each phase is timed.

    Returns:
        None where steps can't be taken one by one, as where processes share the network.
    """
    if parts.divided is not None:
        return None
    train = parts.job.train
    phases = tuple(_phase(parts, train, epoch) for epoch in range(1, train.epochs + 1))
    with as_before(parts), contextlib.suppress(Exception):  # a fault of a component is the training's to tell
        step_s = {phase: _step_s(parts, phases.index(phase) + 1, enough_s) for phase in dict.fromkeys(phases)}
        return Speed(step_s, _evaluate_s(parts, enough_s), phases, len(parts.train_batches))
    return None


def _phase(parts: RunComponents, train: Train, epoch: int) -> Phase:
    frozen = 0 if parts.learner.alone else train.frozen_blocks(epoch, len(parts.learner.blocks))
    return train.size_of(epoch), frozen


def _step_s(parts: RunComponents, epoch: int, enough_s: float) -> float:
    """Seconds of a step in an epoch, the median of a few."""
    parts.begin_epoch(epoch)
    parts.train_batches.begin = 0
    batch = min(int(parts.job.train.batch_size), parts.images_per_epoch)
    few = min(FEW, batch)
    short = _timed(parts, few, 1, 0.0)
    if short > SLOW_S:
        return short * batch / few
    most = round(SHARE * len(parts.train_batches) * parts.job.train.epochs)
    return _timed(parts, batch, min(max(most, STEPS[0]), STEPS[1]), enough_s)


def _timed(parts: RunComponents, images: int, most: int, enough_s: float) -> float:
    """Seconds of a step with so many images, to fetch them included.

    Args:
        most: steps at the most, after one that isn't counted.
        enough_s: no further step is begun after so long, once there are two.
    """
    marks: list[float] = []

    def batches() -> Iterator[Any]:
        while True:
            for items, targets in parts.train_batches:
                yield items[:images], targets[:images]
                marks.append(now(parts.execution))
                if len(marks) > most or (len(marks) > STEPS[0] and marks[-1] - marks[0] > enough_s):
                    return

    train_epoch(
        parts.stepped,
        batches(),
        _any_loss,
        parts.new_optimizer(),
        parts.execution,
        parts.trial_config(),
        EpochProgress(Totals(parts.execution.device, parts.task)),
    )
    gaps = [after - before for before, after in pairwise(marks)]
    return median(gaps)


def _any_loss(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.float().logsumexp(1).mean()


def _evaluate_s(parts: RunComponents, enough_s: float) -> float:
    """Seconds to answer all validation images, from some batches of them."""
    batches = parts.data.batches(parts.splits[VAL])
    marks = [now(parts.answering)]

    def some() -> Iterator[Any]:
        for batch in batches:
            yield batch
            if marks[-1] - marks[0] > enough_s:
                return

    model = parts.learner.part_of(parts.learner.final)
    predict_logits(model, some(), parts.answering, lambda seen: marks.append(now(parts.answering)))
    if len(marks) > 2:  # the first batch prepares the network
        return (marks[-1] - marks[1]) / (len(marks) - 2) * len(batches)
    return (marks[-1] - marks[0]) * len(batches)
