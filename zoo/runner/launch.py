"""``zoo run --nproc``: start several processes for one run, as torchrun does, and restart them on failure."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count as count_from
from threading import Thread
from types import FrameType
from typing import Any

from zoo.errors import PeerLost
from zoo.runner.interrupts import SIGNALS

__all__ = ["launch"]

_POLL_S = 0.05
_GRACE_S = 15.0
"""Seconds that the remaining processes have to end after one has failed."""
_LAST_LINES = 20


def launch(words: Sequence[str], count: int, restarts: int, name: str) -> int:
    """Run ``zoo WORDS`` in several processes.

    Args:
        words: arguments of a run that has a name.
        restarts: number of times that a failed run is resumed from its last checkpoint.
        name: the run's folder, for messages.

    Returns:
        The exit code: 0, the first process's own, or 1 where another process failed.
    """
    for attempt in count_from(1):
        ranks = _start(_resume_arguments(words) if attempt > 1 else words, count)
        with _forwarding(ranks):
            died = _wait(ranks)
        if died is None:
            return 0
        how = f"{died.name} of {count} {died.outcome()}"
        if died.code in (2, 130) or attempt > restarts:
            break
        _report(f"{how}; continuing from the last checkpoint ({attempt} of {restarts})", died)
    assert died is not None
    if died is ranks[0] and died.code > 0:  # its own error message is printed already
        return 1 if died.code == PeerLost.exit_code else died.code
    _report(f"{how}. Resume with: zoo run --resume {name} --nproc {count}", died)
    return 1


def _resume_arguments(words: Sequence[str]) -> list[str]:
    """Return the arguments that resume the run."""
    kept = [word for word in words if word != "--overwrite"]
    return kept if "--resume" in kept else [*kept, "--resume"]


def _report(text: str, died: _Rank) -> None:
    sys.stderr.write(f"zoo: {text}\n{died.last_words()}")


class _Rank:
    """A process of the run, whose stderr is read continuously, as a full pipe would block it.

    Args:
        number: rank, from 0; only the first one writes to the terminal.
    """

    def __init__(self, command: Sequence[str], number: int, env: dict[str, str]):
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "errors": "replace"}
        own = {"RANK": str(number), "LOCAL_RANK": str(number)}
        self.name, self.hangs = f"process {number}", False
        self.process = subprocess.Popen(command, env={**env, **own}, text=True, **(quiet if number else {}))
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        self._reader = Thread(target=self._read_stderr, daemon=True)
        self._reader.start()

    def _read_stderr(self) -> None:
        if self.process.stderr is not None:
            self._said.extend(self.process.stderr)

    @property
    def code(self) -> int:
        return self.process.poll() or 0

    def kill(self) -> None:
        """Kill the process, which hangs after another one has failed."""
        self.hangs = True
        self.process.kill()
        self.process.wait()

    def outcome(self) -> str:
        """Describe how the process ended."""
        if self.hangs:
            return "hangs"
        return f"was killed by signal {-self.code}" if self.code < 0 else f"ended with {self.code}"

    def last_words(self) -> str:
        """Last lines of the process's stderr; empty for the first process, whose stderr is the terminal."""
        self._reader.join(_POLL_S * 20)  # a child process may hold the pipe open
        return "".join(self._said)


def _start(words: Sequence[str], count: int) -> list[_Rank]:
    threads = max(1, (os.cpu_count() or 1) // count)
    shared = {
        "OMP_NUM_THREADS": str(threads),
        **os.environ,
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
    }
    return [_Rank([sys.executable, "-m", "zoo", *words], number, shared) for number in range(count)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(ranks: Sequence[_Rank]) -> _Rank | None:
    """Wait until all processes have ended, and return the one that failed first; None where all succeeded.

    When one process dies, the others notice and end with a specific exit code. The culprit is a killed process, else
    one with an error of its own, else one that hangs.
    """
    while all(rank.process.poll() in (None, 0) for rank in ranks):
        if all(rank.process.poll() == 0 for rank in ranks):
            return None
        time.sleep(_POLL_S)
    end = time.monotonic() + _GRACE_S
    while any(rank.process.poll() is None for rank in ranks) and time.monotonic() < end:
        time.sleep(_POLL_S)
    for rank in ranks:
        if rank.process.poll() is None:
            rank.kill()
    return min((rank for rank in ranks if rank.code), key=_suspicion)


def _suspicion(rank: _Rank) -> int:
    """Rank a failed process by how likely it caused the others' failure, the most likely first."""
    return 2 if rank.hangs else 3 if rank.code == PeerLost.exit_code else int(rank.code > 0)


@contextmanager
def _forwarding(ranks: Sequence[_Rank]) -> Iterator[None]:
    """Forward signals to the processes for the length of a block; Ctrl-C reaches them through the terminal anyway."""

    def forward(number: int, frame: FrameType | None) -> None:
        for rank in ranks:
            if rank.process.poll() is None and number != signal.SIGINT:
                rank.process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
