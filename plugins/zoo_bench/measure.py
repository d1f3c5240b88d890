"""``zoo bench``: time a job's own training steps and inference on noise images; nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from statistics import median
from typing import Any

import torch
from torch import Tensor

from zoo.api.compute import FeatureBatches, compared, fold_norms
from zoo.api.images import Batches
from zoo.api.jobs import Resolved
from zoo.api.models import count_parameters
from zoo.api.running import Observer, build_components
from zoo_bench.steps import answer_seconds, ceiling, peak_memory_mib, split_of, step_seconds, summary

WARMUP = 2
AGAIN = 1
"""Warm-up steps after another network has run, as it has evicted this one's data from the caches."""
ROUNDS = 5
"""Number of alternating rounds of two networks, so that interference affects both."""


@dataclass(frozen=True)
class Round:
    """The timings of one round: seconds of each step by phase, and of each inference pass."""

    steps: list[list[float]]
    answers: list[float]


class Stand:
    """A job's components, prepared for timing.

    Args:
        resolved: a job on :func:`noise`.
    """

    def __init__(self, resolved: Resolved):
        self.resolved = resolved
        self.parts = parts = build_components(resolved, Observer())
        parts.begin_epoch(parts.job.train.epochs)  # the largest images and the fewest frozen layers
        self.batches = _cycle(parts.train_batches)
        self.images, _ = next(iter(parts.data.images(parts.splits["train"])))
        self.folded = fold_norms(parts.model, self.images[:2])
        self.rounds: list[Round] = []

    def time(self, warmup: int, steps: int, answers: int, on_step: Callable[[], None]) -> None:
        """Run and record another round, without its ``warmup`` steps."""
        parts, learner = self.parts, self.parts.learner
        batches = islice(self.batches, warmup + steps)
        rows = step_seconds(
            parts.stepped, batches, parts.loss_fn, parts.optimizer, parts.execution, learner.frozen, on_step
        )
        answered = answer_seconds(self.folded, self.images, parts.answering, answers)
        self.rounds.append(Round(rows[warmup:], answered))

    def rates(self, what: str) -> list[float]:
        """Images per second of each round, in ``train`` or ``inference``."""
        if what == "train":
            return [self.parts.job.train.batch_size / sum(split_of(r.steps).values()) for r in self.rounds]
        return [len(self.images) / median(r.answers) for r in self.rounds]

    def document(self, memory_mib: float) -> dict[str, Any]:
        """Summarise the measurements of all rounds."""
        parts, job, execution = self.parts, self.parts.job, self.parts.execution
        return {
            "architecture": self.resolved.entry("architecture").id,
            "parameters": count_parameters(parts.model),
            "image_size": job.train.train_size,
            "batch_size": job.train.batch_size,
            "optimizer": job.train.optimizer.name,
            "device": str(execution.device),
            "execution": " · ".join([execution.describe(), *fused_words(job.train.optimizer.name, parts.optimizer)]),
            **({"trial": parts.trial.document()} if parts.trial else {}),
            **self._summary(),
            "peak_memory_mib": memory_mib,
            "steps": sum(len(r.steps) for r in self.rounds),
        }

    def _summary(self) -> dict[str, Any]:
        from zoo_bench.roofline import products_of, seconds_of  # torch counts operations with triton: 0.2 s to import

        parts, learner = self.parts, self.parts.learner
        names = {module: path for path, module in learner.trained.named_modules()}
        images, _ = next(self.batches)
        step = products_of(learner.trained, images, parts.execution, [names[module] for module in learner.frozen])
        answer = products_of(parts.model, self.images[:1], parts.answering, train=False)
        peaks = {execution: ceiling(execution) for execution in {parts.execution, parts.answering}}
        found = summary(
            split_of([row for r in self.rounds for row in r.steps]),
            int(parts.job.train.batch_size),
            len(self.images) / median(seconds for r in self.rounds for seconds in r.answers),
            (step.flops / len(images), answer.flops),
            (peaks[parts.execution], peaks[parts.answering]),
            seconds_of(step, parts.execution),
        )
        found["train"]["precision"] = parts.execution.precision
        found["inference"]["precision"] = parts.answering.precision
        return found


def bench(jobs: Sequence[Resolved], steps: int, observer: Observer) -> dict[str, Any]:
    """Benchmark the training steps and inference of one network, or of two alternately.

    Args:
        jobs: one or two jobs on :func:`noise`.
        steps: number of timed steps per job, rounded up to a multiple of the rounds.
        observer: receives the progress.

    Returns:
        ``benchmarks``, for each ``architecture, parameters, image_size, batch_size, execution, device, train,
        inference, peak_memory_mib`` …; and of two jobs the ``comparison`` of ``train`` and ``inference``.
    """
    stands = [Stand(job) for job in jobs]
    for device in {s.parts.execution.device for s in stands if s.parts.execution.device.type == "cuda"}:
        torch.cuda.reset_peak_memory_stats(device)
    rounds = ROUNDS if len(stands) > 1 else 1
    share, answers = -(-steps // rounds), -(-max(3, steps // 2) // rounds)
    total = len(stands) * (WARMUP + (rounds - 1) * AGAIN + rounds * share)
    done = count(1)
    observer.preparing("steps", 0, total)
    for turn in range(rounds):
        for stand in stands:
            warmup = AGAIN if turn else WARMUP
            stand.time(warmup, share, answers, lambda: observer.preparing("steps", next(done), total))
    # Before the following measurements, which are not part of training.
    memory = [peak_memory_mib(stand.parts.execution.device) for stand in stands]
    comparison = {"comparison": _comparison(*stands)} if len(stands) == 2 else {}
    return {
        "benchmarks": [stand.document(mib) for stand, mib in zip(stands, memory, strict=True)],
        **comparison,
    }


def _comparison(one: Stand, other: Stand) -> dict[str, Any]:
    return {what: compared(one.rates(what), other.rates(what)) for what in ("train", "inference")}


def fused_words(name: str, optimizer: torch.optim.Optimizer) -> list[str]:
    """Describe an optimizer with a fused kernel as ``["fused adam"]``; else an empty list."""
    return [f"fused {name}"] if all(group.get("fused") for group in optimizer.param_groups) else []


def _cycle(batches: Batches | FeatureBatches) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from batches
