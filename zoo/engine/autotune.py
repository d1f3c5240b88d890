"""Which execution is fastest for a network, measured on the network itself by a few steps of each."""

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
"""So much faster another must be than the usual way: what two runs measure differs by less."""
_SURE = 3
_STEPS = 10
"""About so many steps a trial takes: the usual way's, and of each other until it is seen to be no faster."""
SHARE = 0.05
"""Of the training's time, that a trial may cost."""


@dataclass(frozen=True)
class Trial:
    """What was measured.

    Args:
        chosen: place of the fastest candidate; the first unless another is clearly faster, in every round.
        images_per_second: of each candidate that was timed, in their order; of a training step without the optimizer.
    """

    chosen: int
    images_per_second: tuple[float, ...]


def race(candidates: Sequence[Callable[[], object]], images: int, long_enough: Callable[[float], bool]) -> Trial:
    """Time candidates in turn, and take the fastest.

    Args:
        candidates: each does one step when it is called; the usual way first.
        images: in a step.
        long_enough: told the first candidate's seconds a step, whether to try any other.
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
    """Who beat the first in every round: on a busy machine a single one may take any time."""
    return [i for i in among if max(times[i]) < min(times[0])]


def _surely(long_enough: Callable[[float], bool], usual: Callable[[], object], times: list[float]) -> bool:
    """Whether a training is long by the fastest of three steps: one alone may have been held up."""
    while long_enough(min(times)) and len(times) < _SURE:
        times.append(_seconds(usual))
    return long_enough(min(times))


def worth_a_trial(seconds_a_step: float, images_a_step: int, images: int, least_s: float) -> bool:
    """Whether a training that shows so many images in all takes longer than what repays a choice of execution.

    Args:
        seconds_a_step: of the trial, and ``images_a_step`` in it.
        images: shown in all epochs.
        least_s: a shorter training is worth none.
    """
    return seconds_a_step * images / images_a_step > max(least_s, seconds_a_step * _STEPS / SHARE)


def _seconds(step: Callable[[], object]) -> float:
    started = perf_counter()
    step()
    return perf_counter() - started


def pass_of(model: nn.Module, images: Tensor, frozen: Sequence[str] = (), *, train: bool = True) -> Callable[..., None]:
    """One pass of a network as an execution would do it, on a copy of its own that nothing is learned by.

    Args:
        images: (n, C, H, W) float32, on the network's device.
        frozen: paths of the layers that stay as in evaluation.
        train: there and back, as in training; else there alone, as in evaluation.

    Returns:
        A function of an execution. Random states are as before when it is done.
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
