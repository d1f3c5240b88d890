"""Disks of many sizes: wherever one fills up, the reason is told in one paragraph and what was there is kept."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from zoo.errors import OutputError
from zoo.runner.checkpoint import INDEX, Keeper, load_checkpoint, save_checkpoint
from zoo.runner.predictions import write_predictions

FULL = "No space left on device"
QUICK = ("run", "simple_cnn", "digits", "--set", "architecture.channels=[8]", "--epochs", "2", "--quiet")


@contextmanager
def disk_of(place: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of its own."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may not mount a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def largest_file(kilobytes: int) -> Iterator[None]:
    """No file of this process may become larger, as some file systems and quotas have it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def state(number: int) -> dict[str, Any]:
    """What a training keeps, of about 220 kB."""
    small = {f"weight{i}": torch.full((100,), float(number)) for i in range(20)}
    history = [{"epoch": epoch, "val": {"loss": 0.5}} for epoch in range(1, number + 1)]
    return {"number": number, "parts": {"model": {"large": torch.ones(50_000), **small}}, "history": history}


def fill(folder: Path, why: str) -> list[int]:
    """Save states until one can't be written, which is told as what it is; the numbers of those before."""
    for number in range(1, 5):
        try:
            save_checkpoint(folder, state(number))
        except OutputError as error:
            told = str(error)
            break
    else:
        return [1, 2, 3, 4]
    assert f"can't be written: {why}" in told
    return list(range(1, number))


def is_as_before(folder: Path, saved: list[int]) -> None:
    """The last state that was saved is read, whole, and nothing half-written lies beside it."""
    found = load_checkpoint(folder)
    assert (None if found is None else found["number"]) == (saved[-1] if saved else None)
    names = {path.name for path in folder.glob("*")} | {path.name for path in folder.glob(".*")}
    assert names <= {f"{number:06d}.pt" for number in saved[-2:]} | {INDEX}


# Torch writes an archive in pieces: its header, each tensor, its directory. A disk may fill up within each of them.
@pytest.mark.parametrize(
    "kilobytes", [4, 8, 16, 32, 64, 100, 200, 212, 220, 228, 256, 300, 400, 440, 460, 500, 640, 700]
)
def test_a_checkpoint_on_a_disk_of_any_size(tmp_path: Path, kilobytes: int):
    with disk_of(tmp_path / "disk", kilobytes) as disk:
        saved = fill(disk / "checkpoints", FULL)
        is_as_before(disk / "checkpoints", saved)
        if saved:
            subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
            save_checkpoint(disk / "checkpoints", state(9))
            found = load_checkpoint(disk / "checkpoints")
            assert found is not None
            assert found["number"] == 9


@pytest.mark.parametrize("kilobytes", [1, 4, 16, 64, 199, 204, 208, 212, 216, 220, 300])
def test_a_checkpoint_that_is_larger_than_a_file_may_be(tmp_path: Path, kilobytes: int):
    with largest_file(kilobytes):
        saved = fill(tmp_path / "checkpoints", "File too large")
    assert saved in ([], [1, 2, 3, 4])
    is_as_before(tmp_path / "checkpoints", saved)


@pytest.mark.parametrize("kilobytes", [8, 64, 220, 230, 300])
def test_the_thread_that_writes_tells_the_one_that_trains(tmp_path: Path, kilobytes: int):
    with disk_of(tmp_path / "disk", kilobytes) as disk:
        keeper = Keeper(disk / "checkpoints", disk)
        keeper.save(state(1), nn.Linear(200, 200), 1)
        with pytest.raises(OutputError, match=FULL):
            keeper.wait()


def answers(folder: Path) -> None:
    logits = np.random.default_rng(0).normal(size=(2000, 10)).astype(np.float32)
    names = [f"image-{i}" for i in range(2000)]
    write_predictions(folder, "val", names, list("abcdefghij"), torch.from_numpy(logits), torch.zeros(2000).long(), 1.0)


@pytest.mark.parametrize("write", [answers])
@pytest.mark.parametrize("kilobytes", [4, 8, 16, 32, 48, 64, 72])
def test_other_files_of_a_run(tmp_path: Path, write: Callable[[Path], None], kilobytes: int):
    with disk_of(tmp_path / "disk", kilobytes) as disk:
        with pytest.raises(OutputError, match=FULL):
            write(disk)
        assert not list(disk.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [4, 16, 28, 40, 52, 64, 80, 100, 128, 200, 320])
def test_a_run_on_a_disk_of_any_size_goes_on_once_there_is_room(zoo, tmp_path: Path, kilobytes: int):
    with disk_of(tmp_path / "disk", kilobytes) as disk:
        words = (*QUICK, "--out", disk, "--name", "run")
        code, _, err = zoo(*words)
        assert code in (0, 1)
        if code:
            assert err.startswith("zoo: ")
            assert err.count("\n") == 1, err
            assert FULL in err
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        assert zoo(*words, "--resume")[0] == 0
        assert zoo("runs", "show", disk / "run")[0] == 0
