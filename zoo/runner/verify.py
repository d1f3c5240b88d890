"""Verify bit-identical resumption: a run that is killed repeatedly must equal an uninterrupted one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from zoo.errors import TrainingError
from zoo.job.run_folder import CHECKPOINTS, JOB, MODEL
from zoo.job.schema import Job
from zoo.model.bundle import WEIGHTS
from zoo.runner.checkpoint import load_checkpoint
from zoo.runner.run_result import read_result
from zoo.storage.files import sha256_of

WHOLE, KILLED = "whole", "killed"
_POLL_S = 0.02
_OFTEN_S, _EVERY_STEP_S, _FEW = 0.5, 0.001, 10
"""Seconds between checkpoints: with few kills and with many; each of many kills leaves time for only a few steps."""
_TIMES = ("seconds", "images_per_second")
"""Keys of an epoch's record that differ between any two runs."""


@dataclass(frozen=True)
class ResumeVerdict:
    """The result of comparing an interrupted run with an uninterrupted one.

    Args:
        kills: description of the moment of each kill.
        sha256: SHA-256 of both runs' weights.
        same: equality of both runs' ``weights``, ``epochs`` (all metrics of each), and ``state`` (optimizer, schedule
            and random states at the end).
    """

    kills: tuple[str, ...]
    sha256: tuple[str, str]
    same: Mapping[str, bool]


def verify_resume(job: Job, kills: int, home: Path, told: Callable[[str], None]) -> ResumeVerdict:
    """Run a job twice in separate processes: once uninterrupted, and once killed at random moments and resumed.

    Args:
        kills: number of SIGKILLs.
        home: an empty folder for both runs.
        told: receives a line for each stage.

    Raises:
        TrainingError: the job itself fails.
    """
    plain = job.plain()
    # The checkpoint interval does not affect the result; frequent checkpoints test resuming within epochs too.
    plain["train"]["checkpoint_s"] = _OFTEN_S if kills <= _FEW else _EVERY_STEP_S
    (home / "asked.yaml").write_text(yaml.safe_dump(plain), "utf-8")
    told("training without a break")
    seconds = _train_uninterrupted(home, home / "asked.yaml")
    chance = random.Random(job.seed)
    where: list[str] = []
    while len(where) < kills:
        # The recorded job of the uninterrupted run, in which no value is left to be determined.
        moment = chance.uniform(0, 0.8 * seconds / kills)
        place = _train_and_kill(home, home / WHOLE / JOB, moment)
        if place is None:
            break  # the run finished before the kill
        where.append(place)
        told(f"killed {place}")
    told("resuming to the end")
    _finish(_start(home, home / WHOLE / JOB, KILLED))
    return _compare(home, tuple(where))


def _start(home: Path, job: Path, name: str) -> subprocess.Popen[str]:
    words = ["run", str(job), "--out", str(home), "--name", name, "--resume", "--quiet"]
    pipes: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "zoo", *words], env=dict(os.environ), **pipes)


def _train_uninterrupted(home: Path, job: Path) -> float:
    """Train without interruption, and return the seconds of the training."""
    process = _start(home, job, WHOLE)
    began = _wait_for_training(process, home / WHOLE)
    _finish(process)
    return time.monotonic() - began


def _wait_for_training(process: subprocess.Popen[str], folder: Path) -> float:
    """Wait until training begins, which rewrites the run's job.yaml, and return the time."""
    before = (folder / JOB).stat().st_mtime_ns if (folder / JOB).is_file() else None
    while process.poll() is None:
        if (folder / JOB).is_file() and (folder / JOB).stat().st_mtime_ns != before:
            break
        time.sleep(_POLL_S)
    return time.monotonic()


def _train_and_kill(home: Path, job: Path, moment: float) -> str | None:
    """Start or resume the run, and kill it ``moment`` seconds into the training.

    Returns:
        A description of the progress at the kill; None where the run finished before.
    """
    process = _start(home, job, KILLED)
    try:
        end = _wait_for_training(process, home / KILLED) + moment
        while time.monotonic() < end:
            if process.poll() is not None:
                _finish(process)
                return None
            time.sleep(_POLL_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    state = load_checkpoint(home / KILLED / CHECKPOINTS)
    if state is None:
        return "before its first checkpoint"
    position, done = state["position"], len(state["history"])
    return f"after {done} epochs" if position is None else f"after {done} epochs and {position['steps']} steps"


def _finish(process: subprocess.Popen[str]) -> None:
    _, error = process.communicate()
    if process.returncode != 0:
        raise TrainingError(f"The job itself ended with exit code {process.returncode}: {error.strip()[-500:]}")


def _compare(home: Path, where: tuple[str, ...]) -> ResumeVerdict:
    one, other = (sha256_of(home / name / MODEL / WEIGHTS) for name in (WHOLE, KILLED))
    epochs = [_epochs(home / name) for name in (WHOLE, KILLED)]
    states = [load_checkpoint(home / name / CHECKPOINTS) or {} for name in (WHOLE, KILLED)]
    kept = [{key: state.get(key) for key in ("parts", "random")} for state in states]
    same = {"weights": one == other, "epochs": epochs[0] == epochs[1], "state": equal(*kept)}
    return ResumeVerdict(where, (one, other), same)


def _epochs(folder: Path) -> Any:
    result = read_result(folder).document()
    epochs = [{k: v for k, v in epoch.items() if k not in _TIMES} for epoch in result["epochs"]]
    return epochs, result["metrics"]


def equal(one: Any, other: Any) -> bool:
    """Compare two states bit by bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        alike = one.dtype == other.dtype and one.shape == other.shape
        return alike and torch.equal(*(tensor.reshape(-1).view(torch.uint8) for tensor in (one, other)))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other or (one != one and other != other))
