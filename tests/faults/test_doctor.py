"""What ``zoo doctor`` and ``zoo cache`` say of disks that are full or can't be written."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def wrong(zoo) -> dict[str, dict]:
    code, out, err = zoo("doctor", "--json")
    found = {f["topic"]: f for f in json.loads(out)["findings"] if f["state"] == "wrong"}
    assert code == (1 if found else 0), err
    return found


def test_a_full_disk(zoo, disk: Path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(disk))
    (disk / "features").mkdir()
    (disk / "features" / "old.npy").write_bytes(b"\0" * 100_000)
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while file.write(b"\0" * 4096):
            pass
    found = wrong(zoo)
    assert "No space left" in found["cache"]["text"]
    code, out, _ = zoo("cache", "prune", "--above", "0MB")
    assert code == 0
    assert "Removed 1 entry, 100 kB; " in out
    assert "disk" in wrong(zoo), "3 MB is little"
    assert not list(disk.glob(".*")), "the trial leaves nothing"


def test_a_read_only_cache(zoo, disk: Path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(disk))
    (disk / "features").mkdir()
    (disk / "features" / "old.npy").write_bytes(b"\0" * 1000)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    found = wrong(zoo)["cache"]
    assert "Read-only file system" in found["text"]
    assert any(r["command"].startswith("export ZOO_CACHE=") for r in found["remedies"])
    assert zoo("cache", "list")[0] == 0
    code, out, err = zoo("cache", "prune", "--above", "0MB")
    assert code == 1
    assert "features/old.npy was not removed: Read-only file system" in out
    assert "Traceback" not in out + err


def test_runs_that_cannot_be_written(zoo, disk: Path, monkeypatch):
    monkeypatch.chdir(disk)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert "zoo run simple_cnn digits --out" in wrong(zoo)["runs"]["remedies"][0]["command"]
    monkeypatch.chdir("/")
