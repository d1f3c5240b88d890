"""The batch script of the docs, with stand-ins for Slurm's own programs and everything else real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "examples" / "slurm.sh"
STANDINS = {
    "scontrol": 'case $1 in show) echo localhost;; requeue) echo "$2" >> requeued;; esac',
    "srun": """pids=()
for ((i = 0; i < SLURM_NTASKS; i++)); do
  SLURM_PROCID=$i SLURM_LOCALID=$i setsid "$@" & pids+=($!)
done
echo "${pids[@]}" > step
code=0
for pid in "${pids[@]}"; do wait "$pid" || code=$?; done
exit $code""",
}
JOB = (
    "simple_cnn",
    "digits",
    "--epochs",
    "4",
    "--set",
    "train.checkpoint_s=0.1",
    "--set",
    "architecture.channels=[8,16]",
    "--device",
    "cpu",
    "--quiet",
)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Variables as Slurm sets them, for one machine and two processes."""
    for name, text in STANDINS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    told = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_JOB_NODELIST": "here"}
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **told}


def start(slurm: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", str(SCRIPT), *JOB],
        env=slurm,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_job_whose_time_is_over_queues_again_and_ends_as_if_it_had_not_been(slurm: dict[str, str]):
    job = start(slurm)
    end = time.monotonic() + 120
    while not Path("runs/slurm-7/checkpoints/index.json").is_file():
        assert job.poll() is None, job.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    for pid in Path("step").read_text().split():  # as Slurm does: the step's processes, not the script
        os.kill(int(pid), signal.SIGUSR1)
    out, err = job.communicate(timeout=120)
    assert job.returncode == 130, (out, err)
    assert Path("requeued").read_text() == "7\n"
    again = start(slurm)
    out, err = again.communicate(timeout=200)
    assert again.returncode == 0, (out, err)
    result = json.loads(Path("runs/slurm-7/result.json").read_text("utf-8"))
    assert (result["status"], len(result["epochs"])) == ("completed", 4)
