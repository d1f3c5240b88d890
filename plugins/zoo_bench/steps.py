"""Speed of a network in training and inference, the phases of a step, and both as fractions of the machine's peak."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from zoo.api.compute import Execution, call_scored, needs_closure, now, to_training_weights, with_outputs

__all__ = [
    "PHASES",
    "answer_seconds",
    "ceiling",
    "peak_memory_mib",
    "split_of",
    "step_seconds",
    "summary",
]

PHASES = ("data", "forward", "backward", "optimizer")
_SIDE = {"cpu": 2048, "cuda": 8192}
"""Side of the square matrices whose product measures the machine's peak, by device type."""


def step_seconds(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss_fn: Callable[..., Tensor],
    optimizer: torch.optim.Optimizer,
    execution: Execution,
    frozen: Sequence[nn.Module] = (),
    on_step: Callable[[], None] = lambda: None,
) -> list[list[float]]:
    """Time each phase of each training step, synchronising the device after each phase.

    Args:
        batches: images (n, C, H, W) and targets, on the device.
        frozen: layers that stay in evaluation mode.
        on_step: called after each step; its time is not counted.

    Returns:
        Seconds per step of each of :data:`PHASES`: data, forward (with the loss), backward, optimizer.
    """
    model.train()
    for module in frozen:
        module.training = False
    to_training_weights(optimizer)
    network = with_outputs(model, loss_fn)

    def forward(images: Tensor, targets: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        with execution.autocast():
            logits, outputs = network(images)
            loss: Tensor = call_scored(loss_fn, logits, targets, outputs)
        return loss

    def again() -> Tensor:  # for an optimizer that needs a closure
        with torch.enable_grad():
            loss = forward(images, targets)
            loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    closure: list[Any] = [again] if needs_closure(optimizer) else []
    rows: list[list[float]] = []
    marks = [now(execution)]
    for images, targets in batches:
        marks.append(now(execution))
        loss = forward(images, targets)
        marks.append(now(execution))
        loss.backward()  # type: ignore[no-untyped-call]
        marks.append(now(execution))
        optimizer.step(*closure)
        marks.append(now(execution))
        rows.append([after - before for before, after in pairwise(marks)])
        on_step()
        marks = [now(execution)]
    return rows


def split_of(rows: Sequence[Sequence[float]]) -> dict[str, float]:
    """Median seconds of each phase over the steps."""
    return {phase: median(row[i] for row in rows) for i, phase in enumerate(PHASES)}


def answer_seconds(model: nn.Module, images: Tensor, execution: Execution, count: int) -> list[float]:
    """Time the inference of a batch ``count`` times, after one warm-up call that is not counted."""
    model.eval()
    times: list[float] = []
    with torch.inference_mode(), execution.autocast():
        for _ in range(count + 1):
            started = now(execution)
            model(images)
            times.append(now(execution) - started)
    return times[1:]


def ceiling(execution: Execution, rounds: int = 5) -> float:
    """Peak floating-point operations per second, measured on a large matrix product in the execution's dtype."""
    side = _SIDE.get(execution.device.type, _SIDE["cpu"])
    one = torch.rand(side, side, device=execution.device, dtype=execution.dtype)
    times: list[float] = []
    for _ in range(rounds + 1):
        started = now(execution)
        one @ one
        times.append(now(execution) - started)
    return float(2 * side**3 / min(times[1:]))


def peak_memory_mib(device: torch.device) -> float:
    """Peak memory in MiB: reserved by torch on a GPU, resident set size of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 2**20
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def summary(
    split: dict[str, float],
    batch_size: int,
    inference: float,
    flops: tuple[float, float],
    peaks: tuple[float, float],
    limit_s: float,
) -> dict[str, Any]:
    """Summarise the benchmark of one network.

    Args:
        split: seconds of each phase of a training step of ``batch_size`` images.
        inference: images per second in inference.
        flops: floating-point operations per image in training and in inference.
        peaks: peak floating-point operations per second in the dtypes of training and of inference.
        limit_s: seconds that a step's convolutions and matrix products take alone.
    """
    step_s = sum(split.values())
    limit = {
        "limit_s": limit_s,
        "limit_images_per_second": batch_size / limit_s if limit_s else None,
        "of_limit": limit_s / step_s,
    }
    return {
        "train": {**_rates(batch_size / step_s, flops[0], peaks[0]), "step_s": step_s, "split_s": split, **limit},
        "inference": _rates(inference, flops[1], peaks[1]),
    }


def _rates(rate: float, flops: float, peak: float) -> dict[str, float]:
    return {
        "images_per_second": rate,
        "gflops_per_image": flops / 1e9,
        "of_ceiling": rate * flops / peak,
        "ceiling_gflops_per_second": peak / 1e9,
    }
