"""``--batch-size auto``: the recipe's batch, in as few pieces as the memory takes.

The batch that a step learns from stays the recipe's: another one would be another training. What is found is in how
many pieces it is computed (``train.accumulate``).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.engine.step import StepConfig
from zoo.engine.train import train_epoch
from zoo.errors import RequestError
from zoo.runner.components import RunComponents
from zoo.runner.lr_find import as_before

MOST = 1024
SHARE = 10
"""A batch is at most one in so many of the training images."""
CPU_SHARE, CUDA_SHARE = 0.5, 0.9
"""Of the free memory, what may be used."""
BACKWARD = 2.0
"""Going back takes gradients of activations beside the activations themselves."""


@dataclass(frozen=True)
class BatchPlan:
    """How a batch is computed.

    Args:
        batch_size: images a step.
        accumulate: in how many pieces.
        fits: images that the memory takes at once, of those that were asked for.
    """

    batch_size: int
    accumulate: int
    fits: int


def plan_batch(recipe: int, images: int, fits: int) -> BatchPlan:
    """The recipe's batch in as few pieces as fit; smaller only for a small data set, never larger.

    Args:
        recipe: the batch that the recipe is made for.
        images: that there are to train on.
        fits: images that the memory takes at once.

    Raises:
        RequestError: not one does.
    """
    if fits < 1:
        raise RequestError(
            "--batch-size auto finds no room for a single image. Free some memory, or take a smaller --image-size "
            "or architecture."
        )
    size = largest_batch(recipe, images)
    pieces = math.ceil(size / fits)
    return BatchPlan(size, pieces, fits)


def largest_batch(recipe: int, images: int) -> int:
    """The recipe's, but no more than a tenth of the images, nor than 1,024; two at least, where there are two."""
    return max(min(recipe, MOST, images // SHARE), min(2, recipe, images))


def largest_that_fits(fits: Callable[[int], bool], most: int) -> int:
    """The largest number up to ``most`` that fits, by doubling and then halving the rest; 0 where not even 1 does.

    Args:
        fits: whether a number fits; of two numbers the smaller fits if the larger does.
    """
    good, bad = 0, most + 1
    doubling = True
    while good + 1 < bad:
        tried = min(max(1, 2 * good), bad - 1) if doubling else (good + bad) // 2
        if fits(tried):
            good = tried
        else:
            bad, doubling = tried, False
    return good


def find_batch(parts: RunComponents) -> BatchPlan:
    """Measure what the memory takes, and leave the parts as they were.

    Raises:
        RequestError: the memory can't be measured here, or takes no image.
    """
    images = len(parts.splits["train"])
    most = largest_batch(parts.job.train.batch_size, images)
    measure = {"cpu": _fits_cpu, "cuda": _fits_cuda}.get(parts.execution.device.type)
    if measure is None:
        raise RequestError(
            f"--batch-size auto can't measure the memory of {parts.execution.device}. Give a number: --batch-size 32"
        )
    with as_before(parts):
        parts.begin_epoch(parts.job.train.epochs)  # the largest pictures, the least of the network frozen
        batch = next(iter(parts.train_batches))
        fits = measure(parts, batch, min(most, len(batch[0])))
    return plan_batch(parts.job.train.batch_size, images, fits)


def _fits_cpu(parts: RunComponents, batch: tuple[Tensor, Tensor], most: int) -> int:
    """By what two small batches leave behind for their way back, and the memory that is free."""
    small, large = 1 if most < 8 else 2, min(most, 8)
    if large <= small:
        return most
    used = [_activations(parts, batch, count) for count in (small, large)]
    each = float(BACKWARD * (used[1] - used[0]) / (large - small))
    weights: int = sum(p.nbytes for p in parts.learner.trained.parameters() if p.requires_grad)
    room = CPU_SHARE * free_memory() - 3 * weights  # gradients, and an optimizer's two moments
    return max(0, min(most, int(room / each))) if each > 0 else most


def _activations(parts: RunComponents, batch: tuple[Tensor, Tensor], count: int) -> int:
    """Bytes that a forward pass of ``count`` images keeps for the backward pass; each stretch of memory once."""
    images, targets = (part[:count] for part in batch)
    model = parts.learner.trained
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, Any] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor.untyped_storage())
        return tensor

    model.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), parts.execution.autocast():
        loss = parts.loss_fn(model(images), targets)
    found: int = sum(storage.nbytes() for place, storage in kept.items() if place not in own)
    loss.backward()  # type: ignore[no-untyped-call]
    return found


def _fits_cuda(parts: RunComponents, batch: tuple[Tensor, Tensor], most: int) -> int:
    """By trying whole steps, with what an optimizer keeps."""
    device = parts.execution.device
    optimizer = parts.new_optimizer()
    torch.cuda.empty_cache()
    limit = CUDA_SHARE * (torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device))

    def fits(count: int) -> bool:
        torch.cuda.reset_peak_memory_stats(device)
        step = [(batch[0][:count], batch[1][:count])]
        config = StepConfig(penalty=parts.penalty, frozen=parts.learner.frozen)
        try:
            train_epoch(parts.learner.trained, step, parts.loss_fn, optimizer, parts.execution, config)
        except torch.cuda.OutOfMemoryError:
            return False
        finally:
            optimizer.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
        return torch.cuda.max_memory_reserved(device) <= limit

    return largest_that_fits(fits, most)


def free_memory() -> int:
    """Bytes that this process may still take: what the machine has, and what its container allows.

    Raises:
        RequestError: the system doesn't say.
    """
    machine = _meminfo("MemAvailable")
    if machine is None and "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}):
        machine = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if machine is None:
        raise RequestError(
            "--batch-size auto can't tell how much memory is free on this system. Give a number: --batch-size 32"
        )
    group = Path("/sys/fs/cgroup")
    limit, used = _number(group / "memory.max"), _number(group / "memory.current")
    return machine if limit is None or used is None else max(0, min(machine, limit - used))


def _meminfo(key: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    found = (line.split() for line in lines if line.startswith(f"{key}:"))
    return next((int(words[1]) * 1024 for words in found), None)


def _number(path: Path) -> int | None:
    """The number that a file holds; None where there is no such file, or no limit."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
