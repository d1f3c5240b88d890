"""How a run is executed: what was asked for, what was measured before on this machine, or a short trial."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.engine.execution import Execution, alternatives
from zoo.engine.trial import pass_of, race, worth_a_trial
from zoo.errors import OutputError
from zoo.files import cache_folder, dump_json, write_text
from zoo.job import Job
from zoo.runner.learner import Learner

IMAGES_ON_CPU = 8
"""In a step of a trial: enough for the order that whole batches would show."""
MEASURED, REMEMBERED = "measured", "measured before"


def fastest_execution(
    usual: Execution, learner: Learner, job: Job, images: int, made_of: dict[str, Any]
) -> tuple[Execution, dict[str, Any]]:
    """The fastest execution that the job allows.

    Precision and memory format are measured where the job says ``auto`` for them and the training is long enough to
    repay it. What was measured is kept in the user's cache, so that the same job has the same numbers again.

    Args:
        usual: by rule.
        images: that there are to train on.
        made_of: the network's component and its parameters.

    Returns:
        The execution, and an account: ``how`` it is known, and the ``candidates``; empty where nothing was tried.
    """
    candidates = [e for e in alternatives(usual, job.precision, job.memory_format) if e.suited(learner.model) == e]
    if len(candidates) < 2:
        return usual, {}
    file = cache_folder() / "execution" / f"{_key(usual, learner, job, made_of)}.json"
    account = _remembered(file, len(candidates))
    if account is None:
        account = _measured(candidates, learner, job, images)
        if len(account["images_per_second"]) == 1:
            return usual, {}  # too short a training to be worth more than this
        with contextlib.suppress(
            OSError, OutputError
        ):  # a cache that can't be written costs the next run its own trial
            file.parent.mkdir(parents=True, exist_ok=True)
            write_text(file, dump_json(account))
    chosen = candidates[account["chosen"]]
    rates = zip(candidates, account["images_per_second"], strict=True)
    tried = [
        {"precision": e.precision, "memory_format": e.memory_format, "images_per_second": rate} for e, rate in rates
    ]
    return chosen, {"how": account["how"], "candidates": tried}


def _measured(candidates: list[Execution], learner: Learner, job: Job, images: int) -> dict[str, Any]:
    """A trial of what takes the run's time: training steps, or a frozen network's one look at every image."""
    train = not learner.alone
    count, epochs = min(int(job.train.batch_size), images), job.train.epochs if train else 1
    if candidates[0].device.type == "cpu":
        count = min(count, IMAGES_ON_CPU)
    paths = {module: path for path, module in learner.model.named_modules()}
    step = pass_of(learner.model, _noise(learner, job, count), [paths[m] for m in learner.frozen], train=train)
    trial = race(
        [partial(step, candidate) for candidate in candidates],
        count,
        lambda seconds: worth_a_trial(seconds, count, images * epochs),
    )
    return {"how": MEASURED, "chosen": trial.chosen, "images_per_second": trial.images_per_second}


def _noise(learner: Learner, job: Job, count: int) -> Tensor:
    device = next(learner.model.parameters()).device
    shape = (count, job.data.in_chans, job.train.train_size, job.train.train_size)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)


def _remembered(file: Path, candidates: int) -> dict[str, Any] | None:
    """What a run before has measured; a file that is damaged counts for nothing."""
    try:
        account = json.loads(file.read_text("utf-8"))
        fits = len(account["images_per_second"]) == candidates > account["chosen"] >= 0
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {**account, "how": REMEMBERED} if fits else None


def _key(usual: Execution, learner: Learner, job: Job, made_of: dict[str, Any]) -> str:
    """All that decides which execution is fastest."""
    train, learning = job.train, sum(p.requires_grad for p in learner.model.parameters())
    said = {
        "machine": [_processor(), os.cpu_count(), torch.get_num_threads(), torch.__version__, usual.describe()],
        "job": [job.precision, job.memory_format, train.batch_size, train.train_size, job.data.in_chans],
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
