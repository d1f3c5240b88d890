"""Disks that fill, folders that become read-only or go away, names that two jobs want: nothing is lost."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


EPOCHS = ("--epochs", "3")


def has_line(folder: Path) -> bool:
    log = folder / "metrics.jsonl"
    return log.is_file() and log.read_text("utf-8").endswith("\n")


def resumes_as_whole(shell, zoo, folder: Path, read_result, numbers) -> None:
    """The run goes on to the end of one that nothing happened to."""
    code, _, err = zoo("run", "--resume", folder, "--quiet")
    assert code == 0, err
    assert zoo("run", *shell.QUICK, *EPOCHS, "--name", "whole")[0] == 0
    assert numbers(read_result(folder)) == numbers(read_result("runs/whole"))


def test_a_disk_that_fills_keeps_what_was_there(shell, zoo, disk: Path, read_result, numbers):
    folder = disk / "run"
    process = shell.start("run", *shell.QUICK, *EPOCHS, "--out", disk, "--name", "run", slow=0.05)
    shell.wait_for(lambda: has_line(folder), process)
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:  # until it is full
        while file.write(b"\0" * 4096):
            pass
    code, _, err = shell.ended(process)
    assert code == 1
    assert shell.one_paragraph(err)
    assert "No space left" in err
    (disk / "filler").unlink()
    resumes_as_whole(shell, zoo, folder, read_result, numbers)
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_a_folder_that_becomes_read_only(shell, zoo, disk: Path, read_result, numbers):
    folder = disk / "run"
    process = shell.start("run", *shell.QUICK, *EPOCHS, "--out", disk, "--name", "run", slow=0.05)
    shell.wait_for(lambda: has_line(folder), process)
    # A mount with a file open for writing can't be made read-only; one over it can, unless one is opened just now.
    subprocess.run(["mount", "--bind", disk, disk], check=True)
    for _ in range(100):
        if subprocess.run(["mount", "-o", "remount,bind,ro", disk], capture_output=True).returncode == 0:
            break
        time.sleep(0.02)
    code, _, err = shell.ended(process)
    subprocess.run(["umount", disk], check=True)
    assert code == 1
    assert shell.one_paragraph(err)
    assert "Read-only file system" in err
    resumes_as_whole(shell, zoo, folder, read_result, numbers)


def test_images_that_go_away_while_they_are_streamed(shell, zoo, make_folder):
    folder = make_folder({"train/red": 40, "train/blue": 40, "val/red": 4, "val/blue": 4})
    words = ("simple_cnn", folder, "--recipe", "none", "--image-size", "16", "--set", "architecture.channels=[8]")
    more = ("--set", "data.store=stream", "--set", "loss=slow", "--batch-size", "8", *EPOCHS, "--quiet")
    process = shell.start("run", *words, *more, "--name", "gone", slow=0.2)
    shell.wait_for(lambda: has_line(Path("runs/gone")), process)
    away = folder.with_name("away")
    folder.rename(away)
    code, _, err = shell.ended(process)
    assert code == 1, err
    assert shell.one_paragraph(err)
    assert "no such file" in err
    assert str(folder) in err
    assert json.loads(Path("runs/gone/result.json").read_text("utf-8"))["status"] == "failed"
    away.rename(folder)
    assert zoo("run", "--resume", "runs/gone", "--quiet")[0] == 0


def test_two_jobs_of_one_name(shell, zoo, read_result):
    first = shell.start("run", *shell.QUICK, *EPOCHS, "--name", "one", slow=0.25)
    shell.wait_for(lambda: has_line(Path("runs/one")), first)
    taken = "is being trained by another process"
    for how, word in (((), "exists"), (("--resume",), taken), (("--overwrite",), taken)):
        code, _, err = zoo("run", *shell.QUICK, *EPOCHS, "--name", "one", *how)
        assert (code, shell.one_paragraph(err)) == (2, True), err
        assert word in err
    assert shell.ended(first)[0] == 0
    assert read_result("runs/one")["status"] == "completed"
    assert not Path("runs/one/.lock").exists()


def test_a_run_that_was_to_be_replaced_comes_back_if_the_new_one_is_killed(shell, zoo, read_result):
    assert zoo("run", *shell.QUICK, "--epochs", "1", "--name", "old")[0] == 0
    before = read_result("runs/old")
    process = shell.start("run", *shell.QUICK, "--epochs", "1", "--name", "old", "--overwrite")
    shell.wait_for(Path("runs/.old.replaced").is_dir, process)
    process.send_signal(signal.SIGKILL)
    shell.ended(process)
    if not Path("runs/old/job.yaml").is_file():  # else it had begun, and the old one is gone as was asked for
        assert zoo("run", *shell.QUICK, "--epochs", "1", "--name", "old")[0] == 2, "it exists"
        assert read_result("runs/old") == before
    assert not Path("runs/.old.replaced").exists()


def test_a_clock_that_jumps_changes_nothing(shell, zoo, monkeypatch, read_result, numbers):
    import time

    assert zoo("run", *shell.QUICK, "--epochs", "2", "--name", "steady")[0] == 0
    real, jumps = time.time, iter((-86400.0 * 365, 86400.0 * 365) * 10_000)
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    assert zoo("run", *shell.QUICK, "--epochs", "2", "--name", "jumping")[0] == 0
    assert numbers(read_result("runs/jumping")) == numbers(read_result("runs/steady"))
    assert zoo("run", *shell.QUICK, "--epochs", "2", "--name", "jumping", "--resume")[0] == 0
    assert all(seconds >= 0 for seconds in read_result("runs/jumping")["timing"].values())
    shutil.rmtree("runs")


NORMED = """
class Normed(Greedy):
    '''The same with a batch norm.'''
    def __init__(self, num_classes, in_chans=3):
        super().__init__(num_classes)
        self.insert(1, nn.LazyBatchNorm1d())
"""

GREEDY = """
import torch
from torch import nn

class Greedy(nn.Sequential):
    '''A network for which a GPU of eight images is too small.'''
    def __init__(self, num_classes, in_chans=3, most: int = 8):
        super().__init__(nn.Flatten(), nn.LazyLinear(num_classes))
        self.most = most
    def forward(self, images):
        if torch.is_grad_enabled() and len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return super().forward(images)
"""


def test_a_gpu_that_is_too_small_computes_in_pieces_and_takes_the_same_steps(zoo, read_result):
    Path("greedy.py").write_text(GREEDY + NORMED, "utf-8")
    named = "{greedy: {target: './greedy.py:Greedy'}, normed: {target: './greedy.py:Normed'}}"
    Path("registry.yaml").write_text(f"components: {{architecture: {named}}}\n", "utf-8")
    words = ("run", "greedy", "digits", "--epochs", "2", "--batch-size", "32", "--recipe", "none", "--quiet")
    assert zoo(*words, "--name", "small")[0] == 0
    assert zoo(*words, "--name", "told", "--set", "train.accumulate=4")[0] == 0
    assert zoo(*words, "--name", "roomy", "--set", "architecture.most=99")[0] == 0
    small, told, roomy = (read_result(f"runs/{name}") for name in ("small", "told", "roomy"))
    assert [n for n in small["notices"] if "computed in 4 pieces, with the same step" in n]
    assert not [n for n in roomy["notices"] if "pieces" in n]
    code, _, err = zoo(*words, "--name", "f1", "--set", "loss=soft_f1")
    assert code == 1
    assert "Out of memory with a batch of 32, and loss 'losses/soft_f1' needs the whole batch" in err
    assert "Type: --batch-size 16, or" in err
    searched = ("lr-find", "greedy", "digits", "--batch-size", "32", "--set", "loss=soft_f1")
    assert zoo(*searched)[0] == 2
    assert "Out of memory with a batch of 32, and loss 'losses/soft_f1'" in zoo(*searched)[2]
    for one, other in zip(small["epochs"], told["epochs"], strict=True):
        assert one["train"] == other["train"]
    for one, other in zip(small["epochs"], roomy["epochs"], strict=True):
        assert abs(one["train"]["loss"] - other["train"]["loss"]) < 1e-4
    assert zoo("run", "normed", *words[2:], "--name", "normed")[0] == 0
    assert [n for n in read_result("runs/normed")["notices"] if "same step except for batch norm" in n]
    code, _, err = zoo(*words, "--name", "none", "--set", "architecture.most=0")
    assert code == 1
    assert "Out of memory with a single image" in err
    assert "--image-size" in err
