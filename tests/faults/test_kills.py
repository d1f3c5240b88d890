"""Runs that are killed by SIGKILL at random moments: each goes on, and ends as one that nobody touched.

Ten moments in CI; more with ZOO_FAULTS_KILLS=50.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import yaml

from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.runner.verify import verify_resume

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


@pytest.mark.timeout(60 + 30 * KILLS)
def test_killed_again_and_again_it_ends_as_if_nothing_had_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLOW", "0.03")
    Path("job.yaml").write_text(yaml.safe_dump(EVERYTHING), "utf-8")
    job = resolve(make_request({}, file=Path("job.yaml"), recipe="none"), open_registry()).job
    told: list[str] = []
    verdict = verify_resume(job, KILLS, tmp_path, told.append)
    assert verdict.same == {"weights": True, "epochs": True, "state": True}, told
    assert len(verdict.kills) == KILLS, told
    assert any("steps" in place for place in verdict.kills), "one at least within an epoch"
    assert len(set(verdict.kills)) > KILLS // 3, "in as many places"
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")], "no half-written file"


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
    assert err.endswith("Go on with: zoo run --resume runs/warned\n")
    assert zoo("run", "--resume", "runs/warned", "--quiet")[0] == 0
    assert zoo("run", *shell.QUICK, "--epochs", "2", "--name", "whole")[0] == 0
    assert numbers(read_result("runs/warned")) == numbers(read_result("runs/whole"))
    weights = [Path("runs", name, "model", "model.safetensors").read_bytes() for name in ("warned", "whole")]
    assert weights[0] == weights[1]
