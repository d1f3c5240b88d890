"""``zoo ray run`` on a real cluster of two raylets."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

JOB = ("simple_cnn", "digits", "--batch-size", "128", "--image-size", "8", "--set", "train.checkpoint_s=0.05")
EPOCHS = "30"
TWO = ("--workers", "2", "--cpus-per-worker", "1")


def result(work: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((work / "runs" / name / "result.json").read_text("utf-8"))
    return found


def weights(work: Path, name: str) -> bytes:
    return (work / "runs" / name / "model" / "model.safetensors").read_bytes()


def lines(work: Path, name: str) -> list[dict[str, Any]]:
    file = work / "runs" / name / "metrics.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.is_file() else []


def wait_for_epoch(process: subprocess.Popen[str], work: Path, name: str, epoch: int) -> None:
    """Wait until a run has finished an epoch."""
    end = time.monotonic() + 120
    while len(lines(work, name)) < epoch:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def reference(typed: Any, work: Path) -> dict[str, Any]:
    """The same job on two processes of ``zoo run --nproc``, undisturbed."""
    done = typed("run", *JOB, "--epochs", EPOCHS, "--nproc", "2", "--name", "reference", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    return result(work, "reference")


def test_an_interrupted_run_is_resumed_and_survives_a_killed_node(
    cluster: Any, start: Any, work: Path, reference: dict[str, Any]
):
    process = start("ray", "run", *JOB, "--epochs", EPOCHS, *TWO, "--address", cluster.address, "--name", "r")
    wait_for_epoch(process, work, "r", 1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, out + err
    assert out.startswith("starting 2 workers with 1 CPU each on 2 nodes …\n")
    assert err.startswith("zoo: Interrupted after ")
    assert "Resume with: zoo ray run --resume runs/r" in err
    assert err.count("\n") == 1
    assert result(work, "r")["status"] == "interrupted"

    process = start("ray", "run", "--resume", "runs/r", *TWO, "--address", cluster.address)
    wait_for_epoch(process, work, "r", len(lines(work, "r")) + 2)
    cluster.kill_second()
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, out + err
    assert err == ""
    assert out.count("a worker was lost or failed; continuing from the last checkpoint (restart 1) …") == 1
    assert "raylet" not in out
    assert "r: completed, val accuracy" in out
    assert_equal(work, "r", "reference")
    assert result(work, "r")["metrics"] == reference["metrics"]
    assert not (work / "runs" / ".r.ray").exists()


def assert_equal(work: Path, one: str, other: str) -> None:
    """Check that two runs have the same weights, and the same numbers in each epoch but for times."""
    assert weights(work, one) == weights(work, other)
    times = {"seconds", "images_per_second"}
    rows = [[{k: v for k, v in line.items() if k not in times} for line in lines(work, n)] for n in (one, other)]
    assert rows[0] == rows[1]


ONE_RANK = """
import os

import torch.nn.functional as F


class OneRank:
    def __init__(self):
        self.calls = 0

    def __call__(self, logits, targets):
        self.calls += 1
        if self.calls > 6 and os.environ["RANK"] == "1":
            raise ValueError("only on rank 1")
        return F.cross_entropy(logits, targets)
"""


def test_a_component_that_fails_in_one_worker_is_named_and_not_tried_again(cluster: Any, typed: Any, work: Path):
    (work / "losses.py").write_text(ONE_RANK, "utf-8")
    line = 'one_rank: {target: "./losses.py:OneRank"}'
    (work / "registry.yaml").write_text(f"version: 1\ncomponents:\n  loss:\n    {line}\n", "utf-8")
    words = ("--set", "loss=one_rank", "--epochs", "2", "--name", "broken", *TWO, "--address", cluster.address)
    done = typed("ray", "run", *JOB, *words)
    (work / "registry.yaml").unlink()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "loss 'local/one_rank' (registry.yaml) failed: ValueError: only on rank 1 (losses.py:14)" in done.stderr
    assert "continuing" not in done.stdout
    assert result(work, "broken")["status"] == "failed"
