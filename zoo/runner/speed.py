"""Measure the training and evaluation speed of a run with a few of its own steps, without lasting effects."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low
from typing import Any

import torch
from torch import Tensor

from zoo.data.open import VAL
from zoo.engine.evaluate import predict_logits
from zoo.engine.timing import now
from zoo.engine.totals import Totals
from zoo.engine.train import EpochProgress, train_epoch
from zoo.job.schema import Train
from zoo.runner.components import RunComponents
from zoo.runner.lr_find import as_before

__all__ = ["Speed", "measure_speed", "one_thread_step_s"]

STEPS = (2, 12)
"""Minimum and maximum number of timed steps per phase, after one untimed step."""
ENOUGH_S = 0.6
"""Seconds for which a phase is timed, unless its steps are longer."""
ALIKE = 1.5
"""Ratio below which the first two timed steps are reliable: above it, one of them was held up, and a third decides."""
SHARE = 0.05
"""Fraction of the training's steps that are timed, within the limits of STEPS."""
FEW, SLOW_S = 8, 0.4
"""Where a step with FEW images takes longer than SLOW_S seconds, the time of a whole batch is extrapolated from it."""
CONTENDED = 1.5
"""One thread is this much faster than all of them only where other programs use the processors: each parallel part of
a step waits for its last thread, which has to wait for a processor."""
Phase = tuple[int, int]
"""The determinants of an epoch's duration: image side in pixels, and number of frozen blocks."""


@dataclass(frozen=True)
class Speed:
    """The duration of training and evaluation.

    Args:
        step_s: seconds of a training step with a whole batch, by phase.
        evaluate_s: seconds of one evaluation of the validation images.
        phases: phase of each epoch, the first at index 0.
        steps: training steps per epoch.
    """

    step_s: dict[Phase, float]
    evaluate_s: float
    phases: tuple[Phase, ...]
    steps: int

    def epoch_s(self, epoch: int) -> float:
        """Seconds of an epoch (numbered from 1) with its evaluation."""
        return self.steps * self.step_s[self.phases[epoch - 1]] + self.evaluate_s

    def seconds(self, epochs: int) -> float:
        """Seconds of the first ``epochs`` epochs."""
        return sum(self.epoch_s(epoch) for epoch in range(1, epochs + 1))


def measure_speed(parts: RunComponents, enough_s: float = ENOUGH_S) -> Speed | None:
    """Time a few steps of every phase of training, and part of an evaluation.

    The job's loss is not called, as it may count its calls; a trivial one replaces it.

    Args:
        parts: components of the run, ready to train; weights, counters and random states are restored afterwards.
        enough_s: seconds for which each phase is timed.

    Returns:
        The speed; None where the steps can't be timed, as where processes share a sharded network.
    """
    if parts.divided is not None:
        return None
    train = parts.job.train
    phases = tuple(_phase(parts, train, epoch) for epoch in range(1, train.epochs + 1))
    with as_before(parts), contextlib.suppress(Exception):  # training itself reports the faults of components
        step_s = {phase: _step_s(parts, phases.index(phase) + 1, enough_s) for phase in dict.fromkeys(phases)}
        return Speed(step_s, _evaluate_s(parts, enough_s), phases, len(parts.train_batches))
    return None


def one_thread_step_s(parts: RunComponents, speed: Speed) -> float | None:
    """Seconds of a step with one thread, where that is much faster than with all; else None.

    A single step is timed, after an untimed one. Long steps are not tried: there several threads gain more than other
    programs cost.
    """
    threads, step_s = torch.get_num_threads(), speed.step_s[speed.phases[0]]
    if threads == 1 or parts.execution.device.type != "cpu" or parts.ranks.size > 1 or step_s > SLOW_S:
        return None
    torch.set_num_threads(1)
    try:
        with as_before(parts), contextlib.suppress(Exception):
            alone_s = _timed(parts, _whole_batch(parts, 1), 1, 0.0)
            return alone_s if step_s > CONTENDED * alone_s else None
    finally:
        torch.set_num_threads(threads)
    return None


def _phase(parts: RunComponents, train: Train, epoch: int) -> Phase:
    frozen = 0 if parts.learner.alone else train.frozen_blocks(epoch, len(parts.learner.blocks))
    return train.size_of(epoch), frozen


def _step_s(parts: RunComponents, epoch: int, enough_s: float) -> float:
    """Median seconds of a training step in an epoch."""
    batch = _whole_batch(parts, epoch)
    few = min(FEW, batch)
    short = _timed(parts, few, 1, 0.0)
    if short > SLOW_S:  # unless this one step was held up by another program
        short = min(short, _timed(parts, few, 1, 0.0))
    if short > SLOW_S:
        return short * batch / few
    most = round(SHARE * len(parts.train_batches) * parts.job.train.epochs)
    return _timed(parts, batch, min(max(most, STEPS[0]), STEPS[1]), enough_s)


def _whole_batch(parts: RunComponents, epoch: int) -> int:
    """Go to the start of an epoch, and return the number of images of its batches."""
    parts.begin_epoch(epoch)
    parts.train_batches.begin = 0
    return min(int(parts.job.train.batch_size), parts.images_per_epoch)


def _timed(parts: RunComponents, images: int, most: int, enough_s: float) -> float:
    """Median seconds of a step with ``images`` images, including data loading.

    Args:
        most: maximum number of timed steps, after an untimed one.
        enough_s: seconds after which no further step is started, once two are timed.
    """
    marks: list[float] = []

    def batches() -> Iterator[Any]:
        while True:
            for items, targets in parts.train_batches:
                yield items[:images], targets[:images]
                marks.append(now(parts.execution))
                if len(marks) > most or (_agree(marks) and marks[-1] - marks[0] > enough_s):
                    return

    train_epoch(
        parts.stepped,
        batches(),
        _trivial_loss,
        parts.new_optimizer(),
        parts.execution,
        parts.trial_config(),
        EpochProgress(Totals(parts.execution.device, parts.task)),
    )
    return median_low(_gaps(marks))


def _agree(marks: list[float]) -> bool:
    """Check whether enough steps are timed: two of similar duration, or three, whose median ignores a slow one."""
    gaps = _gaps(marks)
    return len(gaps) > STEPS[0] or (len(gaps) == STEPS[0] and max(gaps) < ALIKE * min(gaps))


def _gaps(marks: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(marks)]


def _trivial_loss(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.float().logsumexp(1).mean()


def _evaluate_s(parts: RunComponents, enough_s: float) -> float:
    """Estimate the seconds of an evaluation of all validation images from some of their batches."""
    batches = parts.data.batches(parts.splits[VAL])
    marks = [now(parts.answering)]

    def some() -> Iterator[Any]:
        for batch in batches:
            yield batch
            if marks[-1] - marks[0] > enough_s:
                return

    model = parts.learner.part_of(parts.learner.final)
    predict_logits(model, some(), parts.answering, lambda seen: marks.append(now(parts.answering)))
    gaps = _gaps(marks)  # the first batch includes the network's warm-up
    return median_low(gaps[1:] or gaps) * len(batches)
