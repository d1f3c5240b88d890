"""The result document: what result.json holds, and what every report is made from."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from zoo import __version__

if TYPE_CHECKING:
    from zoo.runner.record import Run
    from zoo.runner.training import Training

SCHEMA = 1


def versions() -> dict[str, str]:
    """The versions that a number may depend on."""
    found = {"zoo": __version__, "python": platform.python_version()}
    for name in ("torch", "torchvision", "timm", "numpy", "pillow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def environment(execution: str, device: str) -> dict[str, Any]:
    """Machine and versions."""
    return {
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "device": device,
        "execution": execution,
        "versions": versions(),
        "command": [os.path.basename(sys.argv[0]), *sys.argv[1:]],  # noqa: PTH119 - an argument, not a file
    }


def document(training: Training, run: Run, status: str, reason: str | None) -> dict[str, Any]:
    """The result of a run that got as far as its first epoch or not; final metrics are added by the caller."""
    timing: dict[str, float | None] = {**training.timing}
    seen = len(training.splits["train"]) * len(training.history)
    timing["total_s"] = sum(training.timing.values())
    timing["train_images_per_second"] = seen / training.timing["train_s"] if seen else None
    recipe = training.job.recipe
    return {
        "schema": SCHEMA,
        "status": status,
        "stop_reason": reason,
        "run": run.name,
        "dir": str(run.dir),
        "job": run.job,
        "job_sources": run.sources,
        "recipe": {"name": recipe, "expect": run.expect} if recipe else None,
        "classes": run.classes,
        "splits": run.splits,
        "notices": run.notices,
        "metrics": {},
        "mistakes": {},
        "best": vars(training.best) if training.best else None,
        "epochs": training.history,
        "timing": timing,
        "environment": environment(training.execution.describe(), run.device["name"]),
        "provenance": {path: entry.provenance() for path, entry in training.resolved.entries.items()},
        "model": {**run.model, "bundle": "model" if training.best else None},
        "sections": run.sections,
    }
