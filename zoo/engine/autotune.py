"""Autotuning of the execution (dtype, memory format, compilation), by timing a few steps of each candidate."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor, nn

from zoo.engine.execution import Execution

__all__ = ["SHARE", "Trial", "pass_of", "race", "worth_a_trial"]

_ROUNDS = 4
_GAIN = 1.1
"""Minimum speed-up over the default execution for another to be chosen; repeated measurements differ by less."""
_SURE = 3
_STEPS = 10
"""Approximate number of steps that a trial costs, counted in steps of the default execution."""
SHARE = 0.05
"""Maximum cost of a trial, as a fraction of the training time."""


@dataclass(frozen=True)
class Trial:
    """Result of timing several executions.

    Args:
        chosen: index of the fastest candidate; 0 unless another is clearly faster in every round.
        images_per_second: rate of each timed candidate, in order, for a training step without the optimizer.
    """

    chosen: int
    images_per_second: tuple[float, ...]


def race(candidates: Sequence[Callable[[], object]], images: int, long_enough: Callable[[float], bool]) -> Trial:
    """Time candidates in turn, and take the fastest.

    Args:
        candidates: callables that run one step each; the default execution first.
        images: number of images in a step.
        long_enough: predicate on the first candidate's seconds per step; False ends the trial after that candidate.
    """
    times: list[list[float]] = []
    for candidate in candidates:
        candidate()  # libraries choose and compile their kernels in the first step
        times.append([_seconds(candidate)])
        if len(times) == 1 and not _surely(long_enough, candidate, times[0]):
            break
    hopeful = _always_faster(times, range(1, len(times)))
    for _ in range(_ROUNDS - 1 if hopeful else 0):
        for i in (0, *hopeful):
            times[i].append(_seconds(candidates[i]))
        hopeful = _always_faster(times, hopeful)
    rates = tuple(images / min(row) for row in times)
    faster = [i for i in hopeful if rates[i] > _GAIN * rates[0]]
    return Trial(max(faster, key=rates.__getitem__, default=0), rates)


def _always_faster(times: list[list[float]], among: Iterable[int]) -> list[int]:
    """Indices of the candidates that beat the first in every round; on a busy machine a single round proves nothing."""
    return [i for i in among if max(times[i]) < min(times[0])]


def _surely(long_enough: Callable[[float], bool], usual: Callable[[], object], times: list[float]) -> bool:
    """Check that a training is long by the fastest of up to three steps, since a single step may have been delayed."""
    while long_enough(min(times)) and len(times) < _SURE:
        times.append(_seconds(usual))
    return long_enough(min(times))


def worth_a_trial(seconds_a_step: float, images_a_step: int, images: int, least_s: float) -> bool:
    """Check that a training takes long enough to repay an autotuning trial.

    Args:
        seconds_a_step: seconds of one step of ``images_a_step`` images, as measured.
        images: number of images shown in all epochs together.
        least_s: minimum training time in seconds for a trial.
    """
    return seconds_a_step * images / images_a_step > max(least_s, seconds_a_step * _STEPS / SHARE)


def _seconds(step: Callable[[], object]) -> float:
    started = perf_counter()
    step()
    return perf_counter() - started


def pass_of(model: nn.Module, images: Tensor, frozen: Sequence[str] = (), *, train: bool = True) -> Callable[..., None]:
    """Return a function that runs one pass of a copy of the network under a given execution.

    Args:
        images: (n, C, H, W) float32, on the network's device.
        frozen: paths of the layers that stay in evaluation mode.
        train: run forward and backward passes in training mode; else the forward pass in evaluation mode.

    Returns:
        A function of an execution; it restores the random state and leaves the network's weights unchanged.
    """
    copied = copy.deepcopy(model)
    copied.train(train)
    for path in frozen:
        copied.get_submodule(path).training = False
    device = images.device
    called: dict[bool, nn.Module] = {}

    def one(execution: Execution) -> None:
        execution.place(copied)
        network = called.setdefault(execution.compiled, execution.in_steps(copied))
        layout = torch.channels_last if execution.channels_last else torch.contiguous_format
        placed = images.contiguous(memory_format=layout)
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.set_grad_enabled(train):
            with execution.autocast():
                answer = network(placed).float().logsumexp(1).mean()
            if train and answer.requires_grad:
                copied.zero_grad(set_to_none=True)
                answer.backward()
        answer.item()  # sync point: a GPU is done only now

    return one
