"""``zoo run --nproc``: several processes for one run on this machine, as torchrun starts them; again if one dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count as count_from
from types import FrameType
from typing import Any

from zoo.runner.interrupts import SIGNALS

__all__ = ["launch"]

_POLL_S = 0.05
_GRACE_S = 15.0
"""For a process that was told to end, as another has."""


def launch(words: Sequence[str], count: int, restarts: int, name: str) -> int:
    """Type ``zoo WORDS`` in several processes.

    Args:
        words: of a run that has a name.
        restarts: so often, if a process dies, the run goes on from its last checkpoint.
        name: the run's folder, for messages.

    Returns:
        The exit code: the first process's own, or 1 where it was another that failed.
    """
    for attempt in count_from(1):
        processes = _start(_again(words) if attempt > 1 else words, count)
        with _forwarding(processes):
            died = _wait(processes)
        if died is None:
            return 0
        first, code = processes[0].returncode, processes[died].returncode
        how = f"process {died} of {count} " + (f"was killed by signal {-code}" if code < 0 else f"ended with {code}")
        if first in (2, 130) or attempt > restarts:
            break
        _say(f"{how}; going on from the last checkpoint ({attempt} of {restarts})")
    assert died is not None
    if died == 0 and first > 0:
        return int(first)  # it has said why
    _say(f"{how}. Go on with: zoo run --resume {name} --nproc {count}")
    if code > 0:
        sys.stderr.write(_last_words(processes[died]))
    return 1


def _again(words: Sequence[str]) -> list[str]:
    """To go on with what the words have begun."""
    kept = [word for word in words if word != "--overwrite"]
    return kept if "--resume" in kept else [*kept, "--resume"]


def _say(text: str) -> None:
    sys.stderr.write(f"zoo: {text}\n")


def _start(words: Sequence[str], count: int) -> list[subprocess.Popen[str]]:
    threads = max(1, (os.cpu_count() or 1) // count)
    shared = {
        "OMP_NUM_THREADS": str(threads),
        **os.environ,
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
    }
    command = [sys.executable, "-m", "zoo", *words]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return [
        subprocess.Popen(
            command, env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}, **(quiet if rank else {"text": True})
        )
        for rank in range(count)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(processes: Sequence[subprocess.Popen[str]]) -> int | None:
    """Until all have ended; the rank of the one that failed, or None.

    Where one dies the others see it and fail too, at once: who was killed comes first, then the lowest.
    """
    while all(process.poll() in (None, 0) for process in processes):
        if all(process.poll() == 0 for process in processes):
            return None
        time.sleep(_POLL_S)
    end = time.monotonic() + _GRACE_S
    while any(process.poll() is None for process in processes) and time.monotonic() < end:
        time.sleep(_POLL_S)
    failed = [rank for rank, process in enumerate(processes) if process.poll()]
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
    return min(failed, key=lambda rank: (processes[rank].returncode > 0, rank))


def _last_words(process: subprocess.Popen[str]) -> str:
    return process.stderr.read() if process.stderr is not None else ""


@contextmanager
def _forwarding(processes: Sequence[subprocess.Popen[str]]) -> Iterator[None]:
    """Signals are the processes' own affair: Ctrl-C reaches them by itself, what is sent to this process through it."""

    def forward(number: int, frame: FrameType | None) -> None:
        for process in processes:
            if process.poll() is None and number != signal.SIGINT:
                process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
