"""``zoo sweep --on ray`` on a real cluster of two raylets."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

SPACE = ("--set", "lr=log:1e-4..1e-1", "--set", "train.optimizer=adam,sgd")
SWEEP = ("sweep", "simple_cnn", "digits", *SPACE, "--epochs", "1", "--image-size", "8", "--batch-size", "256")


def document(work: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((work / "runs" / name / "sweep.json").read_text("utf-8"))
    return found


def measured(found: dict[str, Any]) -> list[dict[str, Any]]:
    kept = ("number", "params", "status", "value", "best_epoch", "epochs")
    return [{key: row[key] for key in kept} for row in found["trials"]]


def wait_for(process: Any, sweep: Path, pattern: str) -> None:
    """Wait until a trial has written a file."""
    end = time.monotonic() + 120
    while not list(sweep.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_sweep_continues_in_one_process_with_the_same_trials(cluster: Any, start: Any, typed: Any, work: Path):
    one = {"RAY_ADDRESS": cluster.address, "ZOO_RAY_WORKERS": "1"}
    process = start(*SWEEP, "--trials", "6", "--name", "cut", "--on", "ray", **one)
    wait_for(process, work / "runs" / "cut", "trial-0001/result.json")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Resume with: zoo sweep --resume runs/cut" in err
    assert err.count("\n") == 1
    assert document(work, "cut")["status"] == "interrupted"
    rest = typed("sweep", "--resume", "cut")
    assert rest.returncode == 0, rest.stdout + rest.stderr
    whole = typed(*SWEEP, "--trials", "6", "--name", "whole")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert measured(document(work, "cut")) == measured(document(work, "whole"))


def test_a_sweep_whose_node_is_killed_ends_complete(cluster: Any, start: Any, work: Path):
    words = (*SWEEP, "--trials", "6", "--name", "lost", "--on", "ray", "--json")
    process = start(*words, RAY_ADDRESS=cluster.address)
    wait_for(process, work / "runs" / "lost", "trial-*/metrics.jsonl")
    cluster.kill_second()
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, out + err
    found = json.loads(out)
    assert found["status"] == "completed"
    assert [row["status"] for row in found["trials"]] == ["completed"] * 6
    names = sorted(path.name for path in (work / "runs" / "lost").glob("trial-*"))
    assert names == [f"trial-000{number}" for number in range(1, 7)]
    assert not (work / "runs" / "lost" / ".ray").exists()


def test_a_budget_needs_one_process(typed: Any, work: Path):
    refused = typed(*SWEEP, "--budget", "1m", "--name", "timed", "--on", "ray")
    assert refused.returncode == 2
    assert "--budget divides the time of one process, and can't be combined with --on ray" in refused.stderr
    assert not (work / "runs" / "timed").exists()
