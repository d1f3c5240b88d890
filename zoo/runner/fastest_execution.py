"""Choose the execution of a run: as asked for, as measured before on this machine, or by a short trial."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.engine.autotune import Trial, pass_of, race, worth_a_trial
from zoo.engine.execution import Execution, alternatives
from zoo.engine.fuse_bn import fold_norms
from zoo.errors import OutputError
from zoo.job.schema import AUTO, EXECUTED, Job
from zoo.runner.result_parts import ExecutionSpeed, ExecutionTrial
from zoo.runner.trainable_model import TrainableModel
from zoo.storage.files import cache_folder, dump_json, write_text

IMAGES_ON_CPU, _PIXELS_ON_CPU = 8, 8 * 160 * 160
"""In a step of a trial, at the most: enough for the order that whole batches would show."""
MEASURED, REMEMBERED = "measured", "measured before"
TRAIN, ANSWER, COMPILED = "train", "answer", "compiled"
COMPILE_ON = ("cuda",)
"""On 2 CPU cores with bfloat16 compiled steps of the tutorial's network take 1.3 to 1.8 times as long."""
REPAID_S = 10.0
"""A training that is shorter is over before a trial has paid for itself."""
_COMPILE_REPAID_S = 300.0
"""A training that is shorter is hardly begun when the compiler is done."""

Races = dict[str, Trial]
"""The trials of training steps, of answers, and of compiled steps, by these words."""


@dataclass(frozen=True)
class ExecutionPlan:
    """How a run is executed.

    Args:
        train: in its training steps.
        answer: wherever the network only answers.
        trial: the measured speeds of the candidates; None where nothing was tried.
    """

    train: Execution
    answer: Execution
    trial: ExecutionTrial | None = None

    def on(self, device: torch.device) -> ExecutionPlan:
        """The same on another device."""
        return replace(self, train=replace(self.train, device=device), answer=replace(self.answer, device=device))


def fastest_execution(
    usual: Execution, learner: TrainableModel, job: Job, images: int, made_of: Mapping[str, Any]
) -> ExecutionPlan:
    """The fastest execution that the job allows.

    Precision and memory format are measured where the job says ``auto`` for them and the training is long enough to
    repay it. What was measured is kept in the user's cache, so that the same job has the same numbers again; a short
    training goes by rule, whatever a longer one of the same network has measured.

    Args:
        usual: by rule.
        images: that there are to train on.
        made_of: the network's component and its parameters.
    """
    eager = replace(usual, compiled=False)
    ways = [e for e in alternatives(eager, job.precision, job.memory_format) if e.suited(learner.model) == e]
    by_rule = ExecutionPlan(usual, eager.computing_in(job.answers_in))
    if len(ways) < 2:
        return by_rule
    file = cache_folder() / "execution" / f"{_key(usual, learner, job, made_of)}.json"
    before = _read_cached(file, ways, job, learner.alone)
    shown = images * (1 if learner.alone else job.train.epochs)
    count = _images_per_step(usual.device, job, images)
    if before is not None and not worth_a_trial(count / before[TRAIN].images_per_second[0], count, shown, REPAID_S):
        return by_rule
    try:
        races = before or _races(ways, learner, job, count, shown)
    except torch.OutOfMemoryError:  # the training itself will see how it gets by
        return by_rule
    if len(races[TRAIN].images_per_second) == 1:
        return by_rule  # too short a training to be worth more than this
    if before is None:
        _write_cache(file, races)
    return _plan(ways, races, job, learner.alone, REMEMBERED if before else MEASURED)


def _plan(ways: list[Execution], races: Races, job: Job, alone: bool, how: str) -> ExecutionPlan:
    """The plan by the trials."""
    train = ways[races[TRAIN].chosen]
    answers = _answers(ways, train, job, alone)
    trial = ExecutionTrial.read({"how": how, "candidates": _tried(ways, races[TRAIN])})
    if COMPILED in races:
        steps = [train, replace(train, compiled=True)]
        train, trial = steps[races[COMPILED].chosen], trial.changed(compiled=_tried(steps, races[COMPILED]))
    elif job.compile is True:
        train = replace(train, compiled=True)
    if len(answers) > 1:
        trial = trial.changed(evaluation=_tried(answers, races[ANSWER]))
    return ExecutionPlan(train, answers[races[ANSWER].chosen], trial)


def _answers(ways: list[Execution], train: Execution, job: Job, alone: bool) -> list[Execution]:
    """Ways to answer, the usual one first: the memory format is training's, as both share the weights.

    Where only a head is trained, there is no choice.
    """
    if alone or job.answers_in != AUTO:
        return [train.computing_in(job.answers_in)]
    return [way for way in ways if way.channels_last == train.channels_last]


def _tried(ways: list[Execution], race: Trial) -> list[ExecutionSpeed]:
    return [_speed(way, rate) for way, rate in zip(ways, race.images_per_second, strict=True)]


def _speed(way: Execution, rate: float) -> ExecutionSpeed:
    compiled = {"compiled": True} if way.compiled else {}
    form = {"precision": way.precision, "memory_format": way.memory_format}
    return ExecutionSpeed.read({**form, **compiled, "images_per_second": rate})


def _races(ways: list[Execution], learner: TrainableModel, job: Job, count: int, shown: int) -> Races:
    """Trials of training steps, and of answers; of a frozen network its one look at every image is both.

    Args:
        count: images in a step of a trial.
        shown: images in all epochs.
    """
    noise = _noise(learner, job, count)
    paths = {module: path for path, module in learner.model.named_modules()}
    frozen = [paths[m] for m in learner.frozen]
    step = _answer(learner, noise) if learner.alone else pass_of(learner.model, noise, frozen)
    trial = race(
        [partial(step, way) for way in ways], count, lambda seconds: worth_a_trial(seconds, count, shown, REPAID_S)
    )
    found = {TRAIN: trial}
    if len(trial.images_per_second) < len(ways):
        return found
    chosen = ways[trial.chosen]
    others = _answers(ways, chosen, job, learner.alone)
    answer = step if learner.alone else _answer(learner, noise)
    found[ANSWER] = race([partial(answer, way) for way in others], count, lambda seconds: len(others) > 1)
    if job.compile == AUTO and not learner.alone and chosen.device.type in COMPILE_ON:
        steps = [partial(step, way) for way in (chosen, replace(chosen, compiled=True))]
        compiled = race(steps, count, lambda seconds: worth_a_trial(seconds, count, shown, _COMPILE_REPAID_S))
        if len(compiled.images_per_second) == len(steps):
            found[COMPILED] = compiled
    return found


def _images_per_step(device: torch.device, job: Job, images: int) -> int:
    """Number of images in a trial step: a batch, reduced on a CPU."""
    count = min(int(job.train.batch_size), images)
    if device.type != "cpu":
        return count
    return min(count, IMAGES_ON_CPU, max(2, _PIXELS_ON_CPU // job.train.train_size**2))


def _answer(learner: TrainableModel, noise: Tensor) -> Callable[..., None]:
    """A pass of the network as it evaluates."""
    return pass_of(fold_norms(learner.model, noise[:2]), noise, train=False)


def _noise(learner: TrainableModel, job: Job, count: int) -> Tensor:
    device = next(learner.model.parameters()).device
    shape = (count, job.data.in_chans, job.train.train_size, job.train.train_size)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)


def _write_cache(file: Path, races: Races) -> None:
    """Cache the measurements; a cache that can't be written only costs the next run its own trial."""
    with contextlib.suppress(OSError, OutputError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, dump_json({name: vars(trial) for name, trial in races.items()}))


def _read_cached(file: Path, ways: list[Execution], job: Job, alone: bool) -> Races | None:
    """Read cached measurements; None where they are missing, damaged or of other candidates."""
    try:
        kept = json.loads(file.read_text("utf-8"))
        races = {name: Trial(each["chosen"], tuple(each["images_per_second"])) for name, each in kept.items()}
        train = ways[races[TRAIN].chosen]
        fits = all(
            len(races[name].images_per_second) == len(among) > races[name].chosen >= 0
            and min(races[name].images_per_second) > 0
            for name, among in ((TRAIN, ways), (ANSWER, _answers(ways, train, job, alone)), (COMPILED, (False, True)))
            if name != COMPILED or name in races
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return races if fits else None


def _key(usual: Execution, learner: TrainableModel, job: Job, made_of: Mapping[str, Any]) -> str:
    """All that decides which execution is fastest."""
    train, learning = job.train, sum(p.requires_grad for p in learner.model.parameters())
    said = {
        "machine": [_processor(), os.cpu_count(), torch.get_num_threads(), torch.__version__, usual.describe()],
        "asked": [getattr(job, name) for name in EXECUTED],
        "images": [train.batch_size, train.train_size, job.data.in_chans],
        "network": [made_of, learner.alone, len(learner.frozen), learning],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _processor() -> str:
    """The processor's model, where the system says it."""
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
