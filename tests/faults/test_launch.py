"""Processes of one run, started by ``zoo run --nproc`` and by torchrun: failures, restarts, signals and output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

JOB = ("--set", "architecture.channels=[8,16]", "--set", "architecture.dropout=0", "--recipe", "none", "--quiet")
JOB += ("--precision", "fp32", "--device", "cpu", "--image-size", "16", "--batch-size", "16", "--epochs", "3")
TWO = ("--nproc", "2", "--set", "loss=slow")
OFTEN = ("--set", "train.checkpoint_s=0.1")


@pytest.fixture
def words(make_folder) -> tuple[object, ...]:
    """Words of a run of 3 epochs of 5 steps, whose last batch has 3 images."""
    folder = make_folder({"train/red": 40, "train/blue": 27, "val/red": 10, "val/blue": 13})
    return ("run", "simple_cnn", folder, *JOB)


def test_a_process_that_is_killed_is_started_again_and_the_run_ends_right(shell, words, read_result, numbers):
    code, _, err = shell.ended(shell.start(*words, "--name", "whole", *TWO, *OFTEN))
    assert (code, err) == (0, "")
    launcher = shell.start(*words, "--name", "killed", *TWO, *OFTEN, "--max-restarts", "1", slow=0.3)
    shell.wait_for(Path("runs/killed/checkpoints/index.json").is_file, launcher)
    os.kill(shell.rank(launcher, 1), signal.SIGKILL)
    code, _, err = shell.ended(launcher)
    assert code == 0, err
    assert "process 1 of 2 was killed by signal 9; continuing from the last checkpoint (1 of 1)" in err
    assert numbers(read_result("runs/killed")) == numbers(read_result("runs/whole"))
    weights = [Path("runs", name, "model", "model.safetensors").read_bytes() for name in ("killed", "whole")]
    assert weights[0] == weights[1]


def test_without_restarts_a_killed_process_is_reported_and_the_run_can_be_resumed(shell, words, read_result):
    launcher = shell.start(*words, "--name", "killed", *TWO, slow=0.3)
    shell.wait_for(Path("runs/killed/metrics.jsonl").is_file, launcher)
    os.kill(shell.rank(launcher, 1), signal.SIGKILL)
    code, _, err = shell.ended(launcher)
    assert code == 1
    assert "process 1 of 2 was killed by signal 9. Resume with: zoo run --resume runs/killed --nproc 2" in err
    assert "Traceback" not in err
    assert "closing signal" not in err  # of the log of torch's agent
    assert shell.ended(shell.start("run", "--resume", "runs/killed", "--nproc", "2", "--quiet"))[0] == 0
    assert len(read_result("runs/killed")["epochs"]) == 3


def test_a_process_that_hangs_is_killed_and_started_again(shell, words, read_result, monkeypatch):
    """torch's agent kills it 30 s after the other one has given it up."""
    monkeypatch.setenv("ZOO_PEERS_S", "3")
    launcher = shell.start(*words, "--name", "hangs", *TWO, *OFTEN, "--max-restarts", "1", "--epochs", "2", slow=0.3)
    shell.wait_for(Path("runs/hangs/checkpoints/index.json").is_file, launcher)
    os.kill(shell.rank(launcher, 1), signal.SIGSTOP)
    code, _, err = shell.ended(launcher)
    assert code == 0, err
    assert "process 1 of 2 hangs; continuing from the last checkpoint (1 of 1)" in err
    assert "defect" not in err
    assert len(read_result("runs/hangs")["epochs"]) == 2


def test_a_process_that_hangs_while_weights_are_sharded_ends_all(shell, words, monkeypatch):
    """It is FSDP that waits for it then."""
    monkeypatch.setenv("ZOO_PEERS_S", "3")
    launcher = shell.start(*words, "--name", "hangs", *TWO, *OFTEN, "--set", "train.fsdp=true", slow=0.3)
    shell.wait_for(Path("runs/hangs/checkpoints/index.json").is_file, launcher)
    os.kill(shell.rank(launcher, 1), signal.SIGSTOP)
    code, _, err = shell.ended(launcher)
    assert code == 1
    assert "process 1 of 2 hangs. Resume with: zoo run --resume runs/hangs --nproc 2" in err
    assert "defect" not in err


def test_a_scheduler_stops_all_processes_at_one_step(shell, words, read_result, numbers):
    launcher = shell.start(*words, *TWO, "--name", "stopped", "--max-restarts", "2", slow=0.2)
    shell.wait_for(Path("runs/stopped/metrics.jsonl").is_file, launcher)
    launcher.send_signal(signal.SIGTERM)
    assert_interrupted(shell, launcher, "1 of 3 epochs")
    assert_resumes_as_if_never_stopped(shell, words, read_result, numbers)


def test_a_signal_to_one_process_or_to_each_twice_stops_all_at_one_step(shell, words, read_result, numbers):
    """Slurm signals the launcher and its processes, which then get the signal of the launcher, too."""
    launcher = shell.start(*words, *TWO, "--name", "stopped", "--max-restarts", "2", slow=0.2)
    shell.wait_for(Path("runs/stopped/metrics.jsonl").is_file, launcher)
    os.kill(shell.rank(launcher, 1), signal.SIGTERM)
    assert_interrupted(shell, launcher, "1 of 3 epochs")
    launcher = shell.start("run", "--resume", "runs/stopped", "--nproc", "2", "--quiet", slow=0.2)
    shell.wait_for(lambda: Path("runs/stopped/metrics.jsonl").read_text("utf-8").count("\n") == 2, launcher)
    for pid in (launcher.pid, *shell.children(launcher.pid)):
        os.kill(pid, signal.SIGUSR1)
    assert_interrupted(shell, launcher, "2 of 3 epochs")
    assert_resumes_as_if_never_stopped(shell, words, read_result, numbers)


def assert_interrupted(shell: Any, launcher: subprocess.Popen[str], done: str) -> None:
    code, _, err = shell.ended(launcher)
    assert code == 130, err
    assert err.count("zoo: ") == 1, err
    assert f"Interrupted after {done}" in err
    assert "zoo run --resume runs/stopped" in err


def assert_resumes_as_if_never_stopped(shell: Any, words: Any, read_result: Any, numbers: Any) -> None:
    assert shell.ended(shell.start("run", "--resume", "runs/stopped", "--nproc", "2", "--quiet"))[0] == 0
    assert shell.ended(shell.start(*words, *TWO, "--name", "whole"))[0] == 0
    assert numbers(read_result("runs/stopped")) == numbers(read_result("runs/whole"))


def test_ctrl_c_at_a_terminal_stops_all_processes(shell, words, read_result):
    """The first process draws its progress at the width of the terminal, and nothing of torch's launcher is shown."""
    import fcntl
    import pty
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    loud = [str(word) for word in words if word != "--quiet"]
    launcher = subprocess.Popen(
        [sys.executable, "-m", "zoo", *loud, *TWO, "--name", "typed"],
        env={**{k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}, "SLOW": "0.3"},
        stdin=child,
        stdout=child,
        stderr=child,
        preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)),
    )
    os.close(child)
    shown = b""
    end, typed = time.monotonic() + 100, False
    while time.monotonic() < end:
        try:
            shown += os.read(parent, 65536)
        except OSError:  # the last process has closed the terminal
            break
        if not typed and Path("runs/typed/metrics.jsonl").is_file():
            os.write(parent, b"\x03")
            typed = True
    assert launcher.wait(20) == 130, shown
    text = shown.decode()
    assert "zoo run --resume runs/typed" in text
    assert "Traceback" not in text
    assert "closing signal" not in text  # of the log of torch's agent
    plain = [line for line in text.replace("\r", "\n").split("\n") if "\x1b" not in line]
    assert max(map(len, plain)) <= 60
    assert read_result("runs/typed")["status"] == "interrupted"


def test_an_invalid_request_is_reported_once_and_not_repeated(shell, zoo, words):
    launcher = shell.start(*words, "--nproc", "2", "--name", "wrong", "--lr", "auto", "--max-restarts", "2")
    code, _, err = shell.ended(launcher)
    assert code == 2
    assert "not supported with several processes" in err
    assert err.count("zoo: ") == 1, err
    code, _, err = zoo(*words, "--nproc", "2", "--seeds", "2")
    assert code == 2
    assert "--nproc can't be combined" in err
    assert not Path("runs").exists()


FAULTY = """
import os, sys
import torch
from torch.nn.functional import cross_entropy

def chatter(when):
    if os.environ.get("CHATTER") and "RANK" in os.environ:
        sys.stderr.write(f"a warning {when} of sixty-four characters, to be read by nobody at all.\\n" * 2000)
        sys.stderr.flush()

chatter("before joining")

def faulty(fault: str):
    '''Cross entropy, but for a fault of the second process in training.'''
    chatter("after joining")
    def loss(logits, targets):
        if logits.requires_grad:
            chatter("in training")
            begun = os.path.exists("runs/faulty/job.yaml")  # the loss is tried before
            if begun and os.environ.get("RANK") == "1":
                if fault == "error":
                    raise ValueError("this is wrong in the second process alone")
                elif fault == "memory":
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return cross_entropy(logits, targets)
    return loss
"""


@pytest.fixture
def faulty(shell, words) -> Any:
    """Run with a fault in the second process: exit code, stdout, stderr."""
    Path("faulty.py").write_text(FAULTY, "utf-8")
    Path("registry.yaml").write_text("components: {loss: {faulty: {target: './faulty.py:faulty'}}}\n", "utf-8")
    how = ("--epochs", "1", "--nproc", "2", "--set", "loss=faulty", "--name", "faulty")
    return lambda fault, *more: shell.ended(shell.start(*words, *how, "--set", f"loss.fault={fault}", *more))


def test_processes_that_write_more_than_a_pipe_holds_are_not_held_up(faulty, monkeypatch):
    monkeypatch.setenv("CHATTER", "1")
    code, _, err = faulty("nothing")
    assert code == 0
    (kept,) = Path("runs/faulty/logs").glob("*/*")
    assert kept.name == "rank1.stderr.log"
    for when in ("before joining", "after joining", "in training"):
        for text in (err, kept.read_text("utf-8")):
            assert text.count(when) >= 2000


def test_a_run_without_output_of_other_processes_has_no_logs_and_prints_plain_json(faulty):
    code, out, err = faulty("nothing", "--json")
    assert (code, err.count("\n")) == (0, 1), err
    assert err.startswith("faulty: completed")
    assert json.loads(out)["status"] == "completed"
    assert not Path("runs/faulty/logs").exists()
    assert [path.name for path in Path("runs").iterdir()] == ["faulty"]


def test_the_error_of_another_process_is_shown_with_the_place_of_its_output(faulty):
    code, _, err = faulty("error")
    assert code == 1
    assert "process 1 of 2 ended with 1. Resume with: zoo run --resume runs/faulty --nproc 2" in err
    (kept,) = Path("runs/faulty/logs").glob("*/rank1.stderr.log")
    assert f"The last lines of {kept}:\n" in err
    assert "this is wrong in the second process alone" in err
    assert "this is wrong in the second process alone" in kept.read_text("utf-8")


def test_a_process_whose_memory_is_too_small_while_weights_are_sharded_ends_all(faulty):
    """The others are in the middle of the step: they can't take another one with it."""
    code, _, err = faulty("memory", "--set", "train.fsdp=true")
    assert code == 1
    assert "process 1 of 2 ended with 1" in err
    assert "--set train.accumulate=2" in err
    assert "defect" not in err


def test_two_runs_at_a_time_on_one_machine_use_different_ports(shell, words, read_result):
    launchers = [shell.start(*words, *TWO, "--epochs", "1", "--name", name) for name in ("one", "two")]
    assert [shell.ended(launcher)[0] for launcher in launchers] == [0, 0]
    assert [read_result(f"runs/{name}")["status"] for name in ("one", "two")] == ["completed"] * 2


def torchrun(*words: object, slow: float = 0.0) -> subprocess.Popen[str]:
    """``torchrun --standalone --max-restarts 2 -m zoo WORDS`` with two processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [*command, "--max-restarts", "2", "-m", "zoo", *map(str, words)],
        env={**os.environ, "SLOW": str(slow)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_torchrun_resumes_a_run_whose_process_was_killed(shell, words, read_result, numbers):
    how = ("--set", "loss=slow", *OFTEN)
    agent = torchrun(*words, *how, "--name", "killed", "--overwrite", slow=0.3)
    shell.wait_for(Path("runs/killed/checkpoints/index.json").is_file, agent)
    os.kill(shell.rank(agent, 1), signal.SIGKILL)
    code, _, err = shell.ended(agent)
    assert code == 0, err
    assert err.count("zoo: continuing from the last checkpoint (restart 1 of 2)") == 1, err
    assert "starting a new run" not in err
    assert shell.ended(shell.start(*words, *how, "--nproc", "2", "--name", "whole"))[0] == 0
    assert numbers(read_result("runs/killed")) == numbers(read_result("runs/whole"))


def test_torchrun_does_not_repeat_an_invalid_request(shell, words):
    code, _, err = shell.ended(torchrun(*words, "--name", "wrong", "--lr", "auto"))
    assert code == 1  # of torchrun, which shows the processes' own
    assert "exitcode  : 2" in err
    assert 1 <= err.count("not supported with several processes") <= 2, err  # of each process, at the first start alone
    code, _, err = shell.ended(torchrun(*words))
    assert code == 1
    assert "torchrun --max-restarts resumes a run by its name" in err


def test_torchrun_does_not_restart_an_interrupted_run(shell, words, read_result):
    agent = torchrun(*words, "--set", "loss=slow", "--name", "stopped", slow=0.3)
    shell.wait_for(Path("runs/stopped/metrics.jsonl").is_file, agent)
    os.kill(shell.rank(agent, 1), signal.SIGTERM)
    code, _, err = shell.ended(agent)
    assert code == 1
    assert "zoo run --resume runs/stopped" in err
    assert "continuing" not in err
    assert read_result("runs/stopped")["status"] == "interrupted"
