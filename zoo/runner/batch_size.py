"""``--batch-size auto``: split the recipe's batch into as few pieces as fit in memory.

The effective batch size stays the recipe's, as another one would change the training. The search determines the number
of pieces in which a batch is computed (``train.accumulate``).
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

from zoo.engine.outputs import call_scored, with_outputs
from zoo.engine.step import StepConfig
from zoo.engine.train import train_epoch
from zoo.errors import RequestError
from zoo.runner.components import RunComponents
from zoo.runner.lr_find import as_before

MOST = 1024
SHARE = 10
"""A batch holds at most 1/SHARE of the training images."""
CPU_SHARE, CUDA_SHARE = 0.5, 0.9
"""Fraction of the free memory that may be used."""
BACKWARD = 2.0
"""Memory of a forward and backward pass relative to the saved activations: their gradients take as much again."""


@dataclass(frozen=True)
class BatchPlan:
    """How a batch is computed.

    Args:
        batch_size: images per optimizer step.
        accumulate: number of pieces (micro-batches) per step.
        fits: images that fit in memory at once.
    """

    batch_size: int
    accumulate: int
    fits: int


def plan_batch(recipe: int, images: int, fits: int) -> BatchPlan:
    """Plan the recipe's batch in as few pieces as fit; it is reduced only for a small dataset, and never enlarged.

    Args:
        recipe: batch size that the recipe was designed for.
        images: number of training images.
        fits: images that fit in memory at once.

    Raises:
        RequestError: not even one image fits.
    """
    if fits < 1:
        raise RequestError(
            "--batch-size auto: not even a single image fits into the memory. Free some memory, or use a smaller "
            "--image-size or architecture."
        )
    size = largest_batch(recipe, images)
    pieces = math.ceil(size / fits)
    return BatchPlan(size, pieces, fits)


def largest_batch(recipe: int, images: int) -> int:
    """The recipe's batch size, limited to a tenth of the images and to 1,024; at least 2, where there are 2 images."""
    return max(min(recipe, MOST, images // SHARE), min(2, recipe, images))


def largest_that_fits(fits: Callable[[int], bool], most: int) -> int:
    """Find the largest number up to ``most`` that fits, by doubling and then bisection; 0 where not even 1 fits.

    Args:
        fits: monotonic predicate: if a number fits, every smaller one does.
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
    """Measure how many images fit in memory, and plan the batch; the components are restored afterwards.

    Raises:
        RequestError: the memory of this device can't be measured, or not even one image fits.
    """
    images = len(parts.splits["train"])
    most = largest_batch(parts.job.train.batch_size, images)
    measure = {"cpu": _fits_cpu, "cuda": _fits_cuda}.get(parts.execution.device.type)
    if measure is None:
        raise RequestError(
            f"--batch-size auto can't measure the memory of {parts.execution.device}. Give a number: --batch-size 32"
        )
    with as_before(parts):
        parts.begin_epoch(parts.job.train.epochs)  # the largest images and the fewest frozen layers
        batch = next(iter(parts.train_batches))
        fits = measure(parts, batch, min(most, len(batch[0])))
    return plan_batch(parts.job.train.batch_size, images, fits)


def _fits_cpu(parts: RunComponents, batch: tuple[Tensor, Tensor], most: int) -> int:
    """Extrapolate from the activations of two small batches and the free memory."""
    small, large = 1 if most < 8 else 2, min(most, 8)
    if large <= small:
        return most
    used = [_activations(parts, batch, count) for count in (small, large)]
    each = float(BACKWARD * (used[1] - used[0]) / (large - small))
    weights: int = sum(p.nbytes for p in parts.learner.trained.parameters() if p.requires_grad)
    room = CPU_SHARE * free_memory() - 3 * weights  # gradients, and an optimizer's two moments
    return max(0, min(most, int(room / each))) if each > 0 else most


def _activations(parts: RunComponents, batch: tuple[Tensor, Tensor], count: int) -> int:
    """Bytes that a forward pass of ``count`` images saves for the backward pass; shared storage counts once."""
    images, targets = (part[:count] for part in batch)
    model = parts.learner.trained
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, Any] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor.untyped_storage())
        return tensor

    model.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), parts.execution.autocast():
        logits, outputs = with_outputs(model, parts.loss_fn)(images)
        loss = call_scored(parts.loss_fn, logits, targets, outputs)
    found: int = sum(storage.nbytes() for place, storage in kept.items() if place not in own)
    loss.backward()
    return found


def _fits_cuda(parts: RunComponents, batch: tuple[Tensor, Tensor], most: int) -> int:
    """Search by trying complete optimizer steps, including the optimizer's state."""
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
    """Bytes that this process may still allocate: the machine's available memory, limited by its container (cgroup).

    Raises:
        RequestError: the system does not report its memory.
    """
    machine = _meminfo("MemAvailable")
    if machine is None and "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}):
        machine = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if machine is None:
        raise RequestError(
            "--batch-size auto can't determine the free memory of this system. Give a number: --batch-size 32"
        )
    group = Path("/sys/fs/cgroup")
    limit, used = _read_int(group / "memory.max"), _read_int(group / "memory.current")
    return machine if limit is None or used is None else max(0, min(machine, limit - used))


def _meminfo(key: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    found = (line.split() for line in lines if line.startswith(f"{key}:"))
    return next((int(words[1]) * 1024 for words in found), None)


def _read_int(path: Path) -> int | None:
    """Read an integer from a file; None where the file is missing or states no limit."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
