"""How fast a network trains and answers, where a step's time goes, and how near that is to what the machine can do."""

from __future__ import annotations

import copy
import resource
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from zoo.engine.execution import Execution

__all__ = ["PHASES", "ceiling", "flops_of", "inference_rate", "peak_memory_mib", "summary", "training_split"]

PHASES = ("data", "forward", "backward", "optimizer")
_SIDE = {"cpu": 2048, "cuda": 8192}
"""Of the matrices whose product is the ceiling."""
_BACKWARD = 2
"""Going back takes a product for the weights and one for the inputs, where going forth took one."""


def training_split(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    execution: Execution,
    warmup: int,
    frozen: Sequence[nn.Module] = (),
) -> dict[str, float]:
    """Median seconds of each phase of a training step, waiting for the device after each.

    Args:
        batches: images (n, C, H, W) and targets, on the device; those after the first ``warmup`` are timed.
        frozen: layers that stay as in evaluation.

    Returns:
        ``data`` (to get the next batch), ``forward`` (with the loss), ``backward``, ``optimizer``.
    """
    model.train()
    for module in frozen:
        module.training = False
    rows: list[list[float]] = []
    marks = [_now(execution)]
    for images, targets in batches:
        marks.append(_now(execution))
        optimizer.zero_grad(set_to_none=True)
        with execution.autocast():
            loss = loss_fn(model(images), targets)
        marks.append(_now(execution))
        loss.backward()  # type: ignore[no-untyped-call]
        marks.append(_now(execution))
        optimizer.step()
        marks.append(_now(execution))
        rows.append([after - before for before, after in pairwise(marks)])
        marks = [marks[-1]]
    timed = rows[warmup:] or rows
    return {phase: median(row[i] for row in timed) for i, phase in enumerate(PHASES)}


def inference_rate(model: nn.Module, images: Tensor, execution: Execution, rounds: int) -> float:
    """Images a second of a network that answers; the median of so many rounds, after one that is not counted."""
    model.eval()
    times: list[float] = []
    with torch.inference_mode(), execution.autocast():
        for _ in range(rounds + 1):
            started = _now(execution)
            model(images)
            times.append(_now(execution) - started)
    return len(images) / median(times[1:])


def flops_of(model: nn.Module, images: Tensor) -> tuple[float, float]:
    """Floating-point operations that an image takes to answer, and to train on.

    Counted are convolutions and matrix products, a multiplication and an addition as two, by torch's FLOP counter;
    what others call MACs is half of it. Training is three times that, for what has gradients.
    """
    copied = copy.deepcopy(model).eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        copied(images[:1])
    forward = float(counter.get_total_flops())
    learns = any(p.requires_grad for p in model.parameters())
    return forward, forward * (1 + (_BACKWARD if learns else 0))


def ceiling(execution: Execution, rounds: int = 5) -> float:
    """Floating-point operations a second of a large matrix product in the execution's type: the most to hope for."""
    side = _SIDE.get(execution.device.type, _SIDE["cpu"])
    one = torch.rand(side, side, device=execution.device, dtype=execution.dtype)
    times: list[float] = []
    for _ in range(rounds + 1):
        started = _now(execution)
        one @ one
        times.append(_now(execution) - started)
    return float(2 * side**3 / min(times[1:]))


def peak_memory_mib(device: torch.device) -> float:
    """The most that was in use at once: of a GPU what torch has taken, of a CPU what the process held."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 2**20
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _now(execution: Execution) -> float:
    """The time, once the device has done what it was given."""
    if execution.device.type == "cuda":
        torch.cuda.synchronize(execution.device)
    elif execution.device.type == "mps":
        torch.mps.synchronize()
    return perf_counter()


def summary(
    split: dict[str, float], batch_size: int, inference: float, flops: tuple[float, float], peak: float
) -> dict[str, Any]:
    """The numbers of one network.

    Args:
        split: seconds by phase, of a step of ``batch_size`` images.
        inference: images a second.
        flops: of an image, to answer and to train on.
        peak: floating-point operations a second that the machine can do.
    """
    step_s = sum(split.values())
    train = batch_size / step_s
    return {
        "train": {
            "images_per_second": train,
            "step_s": step_s,
            "split_s": split,
            "gflops_per_image": flops[1] / 1e9,
            "of_ceiling": train * flops[1] / peak,
        },
        "inference": {
            "images_per_second": inference,
            "gflops_per_image": flops[0] / 1e9,
            "of_ceiling": inference * flops[0] / peak,
        },
        "ceiling_gflops_per_second": peak / 1e9,
    }
