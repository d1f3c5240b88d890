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
    done = typed("run", *JOB, "--epochs", "16", "--nproc", "2", "--name", "reference", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    return result(work, "reference")


def test_a_run_whose_node_is_killed_ends_as_an_undisturbed_one(
    cluster: Any, start: Any, work: Path, reference: dict[str, Any]
):
    words = ("ray", "run", *JOB, "--epochs", "16", *TWO, "--address", cluster.address, "--name", "killed")
    process = start(*words)
    wait_for_epoch(process, work, "killed", 3)
    cluster.kill_second()
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, out + err
    assert err == ""
    assert out.startswith("starting 2 workers with 1 CPU each on 2 nodes …\n")
    assert out.count("a worker or node was lost; continuing from the last checkpoint (restart 1) …") == 1
    assert "raylet" not in out
    assert "killed: completed, val accuracy" in out
    assert weights(work, "killed") == weights(work, "reference")
    assert result(work, "killed")["metrics"] == reference["metrics"]
    timings = {"seconds", "images_per_second"}
    epochs = [
        [{k: v for k, v in e.items() if k not in timings} for e in lines(work, n)] for n in ("killed", "reference")
    ]
    assert epochs[0] == epochs[1]
    assert not (work / "runs" / ".killed.ray").exists()


def test_ctrl_c_ends_at_a_step_from_which_the_run_resumes(cluster: Any, start: Any, typed: Any, work: Path):
    words = ("ray", "run", *JOB, "--epochs", "400", *TWO, "--address", cluster.address, "--name", "cut")
    process = start(*words)
    wait_for_epoch(process, work, "cut", 1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, out + err
    assert err.startswith("zoo: Interrupted after ")
    assert "Resume with: zoo ray run --resume runs/cut" in err
    assert result(work, "cut")["status"] == "interrupted"
