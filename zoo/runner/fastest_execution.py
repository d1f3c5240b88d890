"""Choose how a run is executed: as requested, as measured earlier on this machine, or by a short trial."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.engine.autotune import pass_of, race, worth_a_trial
from zoo.engine.execution import Execution, alternatives
from zoo.engine.fuse_bn import fold_norms
from zoo.errors import OutputError
from zoo.job.schema import AUTO, EXECUTED, Job
from zoo.runner.trainable_model import TrainableModel
from zoo.storage.files import cache_folder, dump_json, write_text

IMAGES_ON_CPU, _PIXELS_ON_CPU = 8, 8 * 160 * 160
"""Upper limits of a trial step on a CPU; they suffice to rank the candidates as full batches would."""
MEASURED, REMEMBERED = "measured", "measured before"
TRAIN, ANSWER, COMPILED = "train", "answer", "compiled"
COMPILE_ON = ("cuda",)
"""On 2 CPU cores with bfloat16 compiled steps of the tutorial's network take 1.3 to 1.8 times as long."""
REPAID_S = 10.0
"""Seconds of training below which a trial costs more time than it saves."""
_COMPILE_REPAID_S = 300.0
"""Seconds of training below which compiling costs more time than it saves."""


@dataclass(frozen=True)
class ExecutionPlan:
    """The execution of a run's training and evaluation.

    Args:
        train: execution of the training steps.
        answer: execution of evaluation and prediction.
        account: ``how`` the choice was made, the ``candidates`` with their speeds, and those of evaluation under
            ``evaluation``; empty where nothing was measured.
    """

    train: Execution
    answer: Execution
    account: dict[str, Any] = field(default_factory=dict)

    def on(self, device: torch.device) -> ExecutionPlan:
        """Return the same plan for another device."""
        return replace(self, train=replace(self.train, device=device), answer=replace(self.answer, device=device))


def fastest_execution(
    usual: Execution, learner: TrainableModel, job: Job, images: int, made_of: dict[str, Any]
) -> ExecutionPlan:
    """Choose the fastest execution that the job allows.

    Precision and memory format are measured where the job says ``auto`` and the training is long enough to repay the
    trial. Results are cached per user, so that a repeated job gives the same numbers; a short training always follows
    the default rule, even where a longer one of the same network was measured.

    Args:
        usual: execution by the default rule.
        images: number of training images.
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
    if before is not None and not worth_a_trial(count / before[TRAIN]["images_per_second"][0], count, shown, REPAID_S):
        return by_rule
    try:
        races = before or _races(ways, learner, job, count, shown)
    except torch.OutOfMemoryError:  # training itself handles the lack of memory
        return by_rule
    if len(races[TRAIN]["images_per_second"]) == 1:
        return by_rule  # the training is too short for more trials
    if before is None:
        _write_cache(file, races)
    return _plan(ways, races, job, learner.alone, REMEMBERED if before else MEASURED)


def _plan(ways: list[Execution], races: dict[str, Any], job: Job, alone: bool, how: str) -> ExecutionPlan:
    """Build the plan from the measured races."""
    train = ways[races[TRAIN]["chosen"]]
    answers = _answers(ways, train, job, alone)
    account = {"how": how, "candidates": _speeds(ways, races[TRAIN])}
    if COMPILED in races:
        steps = [train, replace(train, compiled=True)]
        train, account[COMPILED] = steps[races[COMPILED]["chosen"]], _speeds(steps, races[COMPILED])
    elif job.compile is True:
        train = replace(train, compiled=True)
    if len(answers) > 1:
        account["evaluation"] = _speeds(answers, races[ANSWER])
    return ExecutionPlan(train, answers[races[ANSWER]["chosen"]], account)


def _answers(ways: list[Execution], train: Execution, job: Job, alone: bool) -> list[Execution]:
    """Candidates for evaluation, with training's memory format first of all, as both share the weights.

    Where only a head is trained on features, training's execution is the only candidate.
    """
    if alone or job.answers_in != AUTO:
        return [train.computing_in(job.answers_in)]
    return [way for way in ways if way.channels_last == train.channels_last]


def _speeds(ways: list[Execution], race: dict[str, Any]) -> list[dict[str, Any]]:
    rates = zip(ways, race["images_per_second"], strict=True)
    return [{**_description(way), "images_per_second": rate} for way, rate in rates]


def _description(way: Execution) -> dict[str, Any]:
    compiled = {"compiled": True} if way.compiled else {}
    return {"precision": way.precision, "memory_format": way.memory_format, **compiled}


def _races(ways: list[Execution], learner: TrainableModel, job: Job, count: int, shown: int) -> dict[str, Any]:
    """Time training steps and evaluation; of a frozen backbone only its single forward pass.

    Args:
        count: images in a trial step.
        shown: training images in all epochs.
    """
    noise = _noise(learner, job, count)
    paths = {module: path for path, module in learner.model.named_modules()}
    frozen = [paths[m] for m in learner.frozen]
    step = _answer(learner, noise) if learner.alone else pass_of(learner.model, noise, frozen)
    trial = race(
        [partial(step, way) for way in ways], count, lambda seconds: worth_a_trial(seconds, count, shown, REPAID_S)
    )
    found = {TRAIN: vars(trial)}
    if len(trial.images_per_second) < len(ways):
        return found
    chosen = ways[trial.chosen]
    others = _answers(ways, chosen, job, learner.alone)
    answer = step if learner.alone else _answer(learner, noise)
    found[ANSWER] = vars(race([partial(answer, way) for way in others], count, lambda seconds: len(others) > 1))
    if job.compile == AUTO and not learner.alone and chosen.device.type in COMPILE_ON:
        steps = [partial(step, way) for way in (chosen, replace(chosen, compiled=True))]
        compiled = race(steps, count, lambda seconds: worth_a_trial(seconds, count, shown, _COMPILE_REPAID_S))
        if len(compiled.images_per_second) == len(steps):
            found[COMPILED] = vars(compiled)
    return found


def _images_per_step(device: torch.device, job: Job, images: int) -> int:
    """Number of images in a trial step: a batch, reduced on a CPU."""
    count = min(int(job.train.batch_size), images)
    if device.type != "cpu":
        return count
    return min(count, IMAGES_ON_CPU, max(2, _PIXELS_ON_CPU // job.train.train_size**2))


def _answer(learner: TrainableModel, noise: Tensor) -> Callable[..., None]:
    """Build a forward pass of the network in evaluation mode, with folded batch norms."""
    return pass_of(fold_norms(learner.model, noise[:2]), noise, train=False)


def _noise(learner: TrainableModel, job: Job, count: int) -> Tensor:
    device = next(learner.model.parameters()).device
    shape = (count, job.data.in_chans, job.train.train_size, job.train.train_size)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)


def _write_cache(file: Path, races: dict[str, Any]) -> None:
    """Cache the measurements; a cache that can't be written only costs the next run its own trial."""
    with contextlib.suppress(OSError, OutputError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, dump_json(races))


def _read_cached(file: Path, ways: list[Execution], job: Job, alone: bool) -> dict[str, Any] | None:
    """Read cached measurements; None where they are missing, damaged or of other candidates."""
    try:
        races = json.loads(file.read_text("utf-8"))
        train = ways[races[TRAIN]["chosen"]]
        fits = all(
            len(races[name]["images_per_second"]) == len(among) > races[name]["chosen"] >= 0
            and min(races[name]["images_per_second"]) > 0
            for name, among in ((TRAIN, ways), (ANSWER, _answers(ways, train, job, alone)), (COMPILED, (False, True)))
            if name != COMPILED or name in races
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return races if fits else None


def _key(usual: Execution, learner: TrainableModel, job: Job, made_of: dict[str, Any]) -> str:
    """Hash everything that the fastest execution depends on."""
    train, learning = job.train, sum(p.requires_grad for p in learner.model.parameters())
    said = {
        "machine": [_processor(), os.cpu_count(), torch.get_num_threads(), torch.__version__, usual.describe()],
        "asked": [getattr(job, name) for name in EXECUTED],
        "images": [train.batch_size, train.train_size, job.data.in_chans],
        "network": [made_of, learner.alone, len(learner.frozen), learning],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _processor() -> str:
    """Model name of the processor, where the system reports it."""
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
