"""A sweep that is killed by SIGKILL goes on from where it was, and ends with exactly as many trials as asked for."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow


TINY = ("--epochs", "1", "--batch-size", "256", "--set", "architecture.channels=[4]", "--set", "loss=slow")
VARY = ("--set", "lr=log:1e-4..1e-1", "--set", "architecture.dropout=0..0.6", "--set", "train.optimizer=adam,sgd")
SWEEP = ("sweep", "simple_cnn", "digits", *TINY, *VARY)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small a network is fastest by one, the more so where others work too."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def document() -> dict[str, Any]:
    return json.loads(Path("runs/s/sweep.json").read_text("utf-8"))


def begun(number: int) -> Callable[[], bool]:
    """Whether a trial is being trained."""
    return lambda: Path(f"runs/s/trial-{number:04}/job.yaml").is_file()


def check(trials: int) -> dict[str, Any]:
    """Exactly so many trials, each a run that came to its end."""
    found = document()
    assert found["status"] == "completed"
    assert [row["number"] for row in found["trials"]] == list(range(1, trials + 1))
    assert sorted(path.name for path in Path("runs/s").glob("trial-*")) == [row["run"] for row in found["trials"]]
    for row in found["trials"]:
        assert row["status"] in ("completed", "pruned")
        result = json.loads(Path("runs/s", row["run"], "result.json").read_text("utf-8"))
        assert result["best"]["value"] == row["value"]
        job = yaml.safe_load(Path("runs/s", row["run"], "job.yaml").read_text("utf-8"))
        assert job["train"]["lr"] == float(row["params"]["train.lr"])
    assert not list(Path("runs/s").glob(".*")), "no lock is left, and no half-written file"
    return found


def test_twenty_trials_survive_sigkill(shell, zoo):
    process = shell.start(*SWEEP, "--trials", "20", "--name", "s", slow=0.2)
    for number in (3, 5):  # while it is trained: its six steps take more than a second
        shell.wait_for(begun(number), process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = [row for row in document()["trials"] if row["status"] != "running"]
        assert len(before) == number - 1
        if number == 3:
            process = shell.start("sweep", "--resume", "runs/s", slow=0.2)
    code, out, err = shell.ended(shell.start("sweep", "--resume", "runs/s"))
    assert (code, err) == (0, "")
    assert "s: 20 trials of simple_cnn on digits, 4 done" in out
    assert "trial 5 of 20: resumed" in out
    found = check(20)
    assert found["trials"][:4] == before, "what was done is kept, and not done again"
    assert zoo("run", "runs/s/best.yaml", "--name", "again", "--quiet")[0] == 0
    again = json.loads(Path("runs/again/result.json").read_text("utf-8"))
    assert again["best"]["value"] == found["best"]["value"]


def test_of_two_processes_one_is_killed_and_the_other_does_its_work(shell):
    first = shell.start(*SWEEP, "--trials", "6", "--name", "s", slow=3)  # longer than the other takes to start
    shell.wait_for(begun(1), first)
    second = shell.start("sweep", "--join", "runs/s", slow=0.05)
    shell.wait_for(begun(2), second)
    first.send_signal(signal.SIGKILL)
    first.wait()
    code, out, err = shell.ended(second)
    assert (code, err) == (0, "")
    assert "resumed" in out
    check(6)
