"""Runs as they lie on the disk, without any training."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., Path]


def line(epoch: int, accuracy: float, best: bool = True) -> str:
    record = {
        "epoch": epoch,
        "train": {"loss": 1 / epoch, "accuracy": accuracy},
        "val": {"loss": 1.1 / epoch, "accuracy": accuracy - 0.01},
        "lr": 0.001,
        "seconds": 2.0,
        "images_per_second": 500.0,
        "best": best,
    }
    return json.dumps(record) + "\n"


@pytest.fixture
def write_run() -> Write:
    """Write a run: ``write_run("a", [0.5, 0.8], status="completed")``; of one that goes on, ``status=None``."""

    def write(name: str, accuracies: list[float], status: str | None = "completed", **job: Any) -> Path:
        folder = Path("runs") / name
        folder.mkdir(parents=True)
        said = {
            "architecture": {"name": "simple_cnn"},
            "dataset": {"name": "digits"},
            "train": {"epochs": 5, "monitor": "val/accuracy"},
            **job,
        }
        (folder / "job.yaml").write_text(json.dumps(said), "utf-8")  # which is YAML too
        if accuracies:
            text = "".join(line(i, accuracy) for i, accuracy in enumerate(accuracies, 1))
            (folder / "metrics.jsonl").write_text(text, "utf-8")
        if status is None:
            (folder / ".lock").touch()
        else:
            (folder / "result.json").write_text(json.dumps({"schema": 1, "status": status}), "utf-8")
        return folder

    return write


def append(folder: Path, text: str) -> None:
    """As a run does: the folder's own time stays as it is."""
    before = folder.stat().st_mtime_ns
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(text)
    os.utime(folder, ns=(before, before))
