"""``zoo bench``: a job's own steps, on images of noise, and nothing kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.data.batches import Batches
from zoo.engine.bench import ceiling, flops_of, inference_rate, peak_memory_mib, summary, training_split
from zoo.engine.features import FeatureBatches
from zoo.engine.fold import fold_norms
from zoo.resolve import Resolved
from zoo.runner.build import count_parameters
from zoo.runner.observer import Observer
from zoo.runner.parts import Parts

WARMUP = 2
BATCHES = 4
"""Of noise, over and over."""
SIDE = 128


class Noise:
    """A dataset of noise, of two classes: every other image."""

    def __init__(self, count: int, channels: int):
        self.classes = ["even", "odd"]
        self.targets = [i % 2 for i in range(count)]
        drawn = np.random.default_rng(0)
        self.images = drawn.integers(0, 256, (count, channels, SIDE, SIDE), np.uint8)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.images[index], self.targets[index]


def noise(batch_size: int, channels: int) -> Callable[..., Any]:
    """The factory of a dataset whose training split fills a few batches."""

    def make(split: str) -> Noise:
        return Noise(batch_size * BATCHES if split == "train" else 2, channels)

    return make


def bench(resolved: Resolved, steps: int, observer: Observer) -> dict[str, Any]:
    """Time a job's training steps and its network's answers.

    Args:
        resolved: a job on :func:`noise`.
        steps: how many are timed.
        observer: told how far it is.

    Returns:
        ``architecture, parameters, image_size, batch_size, execution, device, train, inference, peak_memory_mib`` …
    """
    parts = Parts(resolved, Observer())
    job, execution = parts.job, parts.execution
    if execution.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(execution.device)
    told = observer.preparing
    parts.begin_epoch(job.train.epochs)  # the largest pictures, the least of the network frozen
    batches = _counted(_over_and_over(parts.train_batches), WARMUP + steps, lambda n: told("steps", n, WARMUP + steps))
    learner = parts.learner
    split = training_split(learner.trained, batches, parts.loss_fn, parts.optimizer, execution, WARMUP, learner.frozen)
    images, _ = next(iter(parts.images(parts.splits["train"])))
    rate = inference_rate(fold_norms(parts.model, images[:2]), images, execution, max(3, steps // 2))
    return {
        "architecture": resolved.entry("architecture").id,
        "parameters": count_parameters(parts.model),
        "image_size": job.train.train_size,
        "batch_size": job.train.batch_size,
        "optimizer": job.train.optimizer.name,
        "device": str(execution.device),
        "execution": execution.describe(),
        **({"trial": parts.trial} if parts.trial else {}),
        **summary(split, int(job.train.batch_size), rate, flops_of(parts.model, images), ceiling(execution)),
        "peak_memory_mib": peak_memory_mib(execution.device),
        "steps": steps,
    }


def _over_and_over(batches: Batches | FeatureBatches) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from batches


def _counted(
    batches: Iterator[tuple[Tensor, Tensor]], count: int, told: Callable[[int], None]
) -> Iterator[tuple[Tensor, Tensor]]:
    for done, batch in enumerate(islice(batches, count)):
        told(done)
        yield batch
    told(count)
