"""Runs that are killed by SIGKILL at random moments: each goes on, and ends as one that nobody touched.

Ten moments in CI; more with ZOO_FAULTS_KILLS=50.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from zoo.runner.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow


KILLS = int(os.environ.get("ZOO_FAULTS_KILLS", "10"))
EVERYTHING = {
    "architecture": {
        "name": "simple_cnn",
        "channels": [16, 32],
        "padding": True,
        "global_pool": "avg",
        "batch_norm": True,
        "dropout": 0.3,
    },
    "dataset": "digits",
    "loss": "slow",
    "augment": ["shift", "mixup"],
    "train": {"epochs": 4, "batch_size": 32, "image_size": 16, "start_size": 8, "ema_decay": 0.9, "schedule": "cosine"},
    "data": {"store": "stream"},
}
"""A bit of all that has a state: batch norms, dropout, augmentation, an average, a schedule, growing pictures, threads
that decode."""
CHANCE = """
import os
from torch.nn.functional import cross_entropy

def slow():
    '''A loss with a random state that nobody knows of.'''
    def noisy(logits, targets):
        return cross_entropy(logits, targets) * (1 + os.urandom(1)[0] / 1000)
    return noisy
"""


class Twice:
    """A job that is trained twice, each time in processes of its own: whole, and killed and resumed."""

    def __init__(self, shell: Any, compare: Any, **job: Any):
        self.shell, self.compare = shell, compare
        Path("asked.yaml").write_text(yaml.safe_dump(job), "utf-8")
        # As the whole run has recorded the job: what is measured then is not measured anew.
        process = self.start("asked.yaml", "whole")
        began = self.begun(process, "whole")
        self.finish(process)
        self.seconds = time.monotonic() - began

    def start(self, job: str, name: str) -> subprocess.Popen[str]:
        words = ("run", job, "--recipe", "none", "--name", name, "--resume", "--quiet")
        return self.shell.start(*words, slow=0.03)

    @staticmethod
    def begun(process: subprocess.Popen[str], name: str) -> float:
        """The moment at which training begins: job.yaml is the first file that a run writes."""
        file = Path("runs", name, "job.yaml")
        before = file.stat().st_mtime_ns if file.is_file() else None
        while process.poll() is None and not (file.is_file() and file.stat().st_mtime_ns != before):
            time.sleep(0.02)
        return time.monotonic()

    def finish(self, process: subprocess.Popen[str]) -> None:
        code, _, err = self.shell.ended(process)
        assert code == 0, err

    def kill(self, moment: float) -> str | None:
        """Start or resume the run and kill it after some seconds of training; the place, or None at its end."""
        process = self.start("runs/whole/job.yaml", "killed")
        end = self.begun(process, "killed") + moment
        while time.monotonic() < end and process.poll() is None:
            time.sleep(0.02)
        if process.poll() is not None:
            self.finish(process)
            return None
        process.kill()
        process.communicate()
        state = load_checkpoint(Path("runs/killed/checkpoints"))
        if state is None:
            return "before its first checkpoint"
        position, done = state["position"], len(state["history"])
        return f"after {done} epochs" if position is None else f"after {done} epochs and {position['steps']} steps"

    def kill_often(self, kills: int) -> list[str]:
        """Kill the run at random moments, then resume it to the end."""
        chance = random.Random(0)
        places = (self.kill(chance.uniform(0, 0.8 * self.seconds / kills)) for _ in range(kills))
        found = [place for place in places if place is not None]
        self.finish(self.start("runs/whole/job.yaml", "killed"))
        return found

    def same(self) -> dict[str, bool]:
        """Equality of the weights, of every number, and of the state at the end."""
        folders = Path("runs/whole"), Path("runs/killed")
        weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in folders]
        numbers = [self.compare(folder) for folder in folders]
        states = [load_checkpoint(folder / "checkpoints") or {} for folder in folders]
        kept = [{key: state[key] for key in ("parts", "random")} for state in states]
        return {"weights": weights[0] == weights[1], "numbers": numbers[0] == numbers[1], "state": equal(*kept)}


def equal(one: Any, other: Any) -> bool:
    """Equality of two states to the last bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        alike = one.dtype == other.dtype and one.shape == other.shape
        return alike and torch.equal(*(tensor.reshape(-1).view(torch.uint8) for tensor in (one, other)))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other or (one != one and other != other))


@pytest.fixture
def compare(read_result, numbers):
    """The numbers of a run that do not depend on the time it took."""
    return lambda folder: numbers(read_result(folder))


@pytest.mark.timeout(60 + 30 * KILLS)
def test_killed_again_and_again_it_ends_as_if_nothing_had_happened(shell, compare):
    often = {"checkpoint_s": 0.5 if KILLS <= 10 else 0.001}  # many kills have a few steps each to get anywhere
    twice = Twice(shell, compare, **{**EVERYTHING, "train": {**EVERYTHING["train"], **often}})
    places = twice.kill_often(KILLS)
    assert twice.same() == {"weights": True, "numbers": True, "state": True}, places
    assert len(places) == KILLS
    assert any("steps" in place for place in places), "one at least within an epoch"
    assert len(set(places)) > KILLS // 3, "in as many places"
    left = [path for path in Path("runs").rglob(".*") if path.name != ".lock"]
    assert not left, "no half-written file"


def test_what_draws_from_a_state_that_nobody_keeps_is_not_the_same(shell, compare):
    Path("parts.py").write_text(CHANCE, "utf-8")
    job = {"architecture": {"name": "simple_cnn", "channels": [8]}, "dataset": "digits", "loss": "slow"}
    twice = Twice(shell, compare, **job, train={"epochs": 2})
    twice.kill_often(1)
    assert twice.same()["weights"] is False


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": torch.tensor([1.0, float("nan")])}, {"a": torch.tensor([1.0, float("nan")])}, True),
        ({"a": torch.tensor([1.0])}, {"a": torch.tensor([1.0 + 1e-7])}, False),
        ({"a": torch.tensor([1.0])}, {"a": torch.tensor([1.0], dtype=torch.float64)}, False),
        ({"a": torch.tensor([float("nan")])}, {"a": torch.tensor([0.0])}, False),
        ([1, (2, None)], [1, (2, None)], True),
        ([1, (2, None)], [1, (2, 0)], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (float("nan"), float("nan"), True),
    ],
)
def test_states_are_compared_to_the_last_bit(one: Any, other: Any, same: bool):
    assert equal(one, other) is same


def test_the_commands_of_the_page_give_the_same_weights():
    page = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text("utf-8")
    lines = re.search(r"^```\n(zoo run .*?)^```$", page, re.DOTALL | re.MULTILINE)[1].splitlines()  # type: ignore[index]
    zoo = f"{sys.executable} -m zoo run"
    done = [
        subprocess.run(line.replace("zoo run", zoo), shell=True, capture_output=True, text=True, check=False)
        for line in lines
    ]
    assert [process.returncode for process in done] in ([0, 137, 0, 0], [0, -signal.SIGKILL, 0, 0]), done
    sums = [line.split()[0] for line in done[-1].stdout.splitlines()]
    assert len(sums) == 2
    assert sums[0] == sums[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_warned_run_keeps_the_step_it_is_at(shell, zoo, number: signal.Signals, read_result, numbers):
    often = ("--set", "train.checkpoint_s=0.01")
    process = shell.start("run", *shell.QUICK, *often, "--epochs", "2", "--name", "warned", slow=0.1)
    # After a step, in the first epoch: its 23 take more than two seconds.
    shell.wait_for(Path("runs/warned/checkpoints/index.json").is_file, process)
    process.send_signal(number)
    code, _, err = shell.ended(process)
    assert code == 130
    assert "Interrupted after 0 of 2 epochs and " in err
    assert err.endswith("Resume with: zoo run --resume runs/warned\n")
    assert zoo("run", "--resume", "runs/warned", "--quiet")[0] == 0
    assert zoo("run", *shell.QUICK, "--epochs", "2", "--name", "whole")[0] == 0
    assert numbers(read_result("runs/warned")) == numbers(read_result("runs/whole"))
    weights = [Path("runs", name, "model", "model.safetensors").read_bytes() for name in ("warned", "whole")]
    assert weights[0] == weights[1]
