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


def test_one_worker_gives_the_trials_of_one_process(cluster: Any, typed: Any, work: Path):
    there = typed(
        *SWEEP, "--trials", "3", "--name", "there", "--on", "ray", RAY_ADDRESS=cluster.address, ZOO_RAY_WORKERS="1"
    )
    assert there.returncode == 0, there.stdout + there.stderr
    assert there.stderr == ""
    assert there.stdout.count("\ntrial ") == 4  # a line each, and the head of the table
    here = typed(*SWEEP, "--trials", "3", "--name", "here")
    assert here.returncode == 0, here.stdout + here.stderr
    assert measured(document(work, "there")) == measured(document(work, "here"))
    more = typed("sweep", "--resume", "there", "--trials", "4")  # an engine of its own again
    assert more.returncode == 0, more.stdout + more.stderr
    assert [row["status"] for row in document(work, "there")["trials"]] == ["completed"] * 4


def test_a_sweep_whose_node_is_killed_ends_complete(cluster: Any, start: Any, work: Path):
    words = (*SWEEP, "--trials", "6", "--name", "lost", "--on", "ray", "--json")
    process = start(*words, RAY_ADDRESS=cluster.address)
    end = time.monotonic() + 120
    while not list((work / "runs" / "lost").glob("trial-*/metrics.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    cluster.kill_second()
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, out + err
    found = json.loads(out)
    assert found["status"] == "completed"
    assert [row["status"] for row in found["trials"]] == ["completed"] * 6
    assert sorted(path.name for path in (work / "runs" / "lost").glob("trial-*")) == [
        f"trial-000{i}" for i in range(1, 7)
    ]
    assert not (work / "runs" / "lost" / ".ray").exists()


def test_an_interrupted_sweep_is_resumed(cluster: Any, start: Any, typed: Any, work: Path):
    words = (*SWEEP, "--trials", "200", "--name", "cut", "--on", "ray")
    process = start(*words, RAY_ADDRESS=cluster.address)
    end = time.monotonic() + 120
    while not list((work / "runs" / "cut").glob("trial-*/result.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Resume with: zoo sweep --resume runs/cut" in err
    assert document(work, "cut")["status"] == "interrupted"


def test_a_budget_needs_one_process(typed: Any, work: Path):
    refused = typed(*SWEEP, "--budget", "1m", "--name", "timed", "--on", "ray")
    assert refused.returncode == 2
    assert "--budget divides the time of one process, and can't be combined with --on ray" in refused.stderr
    assert not (work / "runs" / "timed").exists()
