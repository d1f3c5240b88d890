"""What the fault tests share: real processes, and disks that can be filled or made read-only."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PARTS = """
import os, time
from torch.nn.functional import cross_entropy

def slow():
    '''Cross entropy whose every training step takes SLOW seconds longer.'''
    def loss(logits, targets):
        if logits.requires_grad:
            time.sleep(float(os.environ.get("SLOW", "0")))
        return cross_entropy(logits, targets)
    return loss
"""


@pytest.fixture(autouse=True)
def slow_loss() -> None:
    """A local loss, ``slow``, in the working folder."""
    Path("parts.py").write_text(PARTS, "utf-8")
    Path("registry.yaml").write_text("components: {loss: {slow: {target: './parts.py:slow'}}}\n", "utf-8")


class Shell:
    """Commands as processes of their own."""

    QUICK = ("simple_cnn", "digits", "--set", "architecture.channels=[8,16]", "--set", "loss=slow", "--quiet")

    @staticmethod
    def start(*words: object, slow: float = 0.0) -> subprocess.Popen[str]:
        """``zoo`` in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "zoo", *map(str, words)],
            env={**os.environ, "SLOW": str(slow)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def wait_for(there: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120) -> None:
        """Until something is there, while the process lives."""
        end = time.monotonic() + seconds
        while not there():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)

    @staticmethod
    def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    @staticmethod
    def children(pid: int) -> list[int]:
        """Child processes of a process."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                name, _, rest = stat.read_text("utf-8", "replace").rpartition(")")
                if int(rest.split()[1]) == pid:
                    found.append(int(name.split()[0]))
        return found

    @classmethod
    def rank(cls, launcher: subprocess.Popen[str], rank: int) -> int:
        """The process with this rank that a launcher has started."""
        line = f"RANK={rank}".encode()
        started = cls.children(launcher.pid)
        return next(pid for pid in started if line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))

    @staticmethod
    def one_paragraph(err: str) -> bool:
        """What the user is told: a line of the zoo's, and no traceback."""
        return err.count("\n") == 1 and err.startswith("zoo: ") and "Traceback" not in err


@pytest.fixture
def shell() -> type[Shell]:
    return Shell


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may not mount a disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
