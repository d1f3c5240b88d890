"""Child processes for checks that may crash, exit or hang without ending this process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any


class Child:
    """A child process, started on creation; its answer is the last line of its output, as JSON.

    Args:
        module: module to run, as by ``python -m``.
        words: arguments of the module.
        limit_s: timeout in seconds.
        environment: environment variables in addition to those of this process.
    """

    def __init__(
        self, module: str, *words: str, limit_s: float = 60.0, environment: Mapping[str, str] | None = None
    ) -> None:
        self.limit_s, self.begun = limit_s, time.monotonic()
        self.process: subprocess.Popen[bytes] | None = None  # None once it has ended
        self._said: dict[str, Any] | None = None
        # Files instead of pipes, which stay open until the last grandchild ends.
        self._out, self._err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115 - closed by stop()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *words],  # -P: don't import from the working folder
                stdin=subprocess.DEVNULL,
                stdout=self._out,
                stderr=self._err,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # signals to its group don't reach this process
            )
        except OSError as error:  # out of memory, or a limit on processes
            self._said = {"died": f"no process could be started: {error.strerror or error}", "stderr": ""}

    def answer(self) -> dict[str, Any]:
        """Wait for the answer; ``{"died": reason, "stderr": text}`` where there is none."""
        if self._said is None:
            self._said = self._wait()
        return self._said

    def stop(self) -> None:
        """Kill the process and all of its children."""
        if self.process is not None:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
        for file in (self._out, self._err):
            file.close()

    def _wait(self) -> dict[str, Any]:
        assert self.process is not None
        try:
            code = self.process.wait(max(0.0, self.begun + self.limit_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            code = None
        lines, stderr = _text(self._out).splitlines(), _text(self._err).strip()
        self.stop()
        try:
            found = json.loads(lines[-1]) if code == 0 else None
        except (ValueError, IndexError):
            found = None
        if isinstance(found, dict):
            return found
        return {"died": f"it did not finish in {self.limit_s:g} s" if code is None else _how(code), "stderr": stderr}


def answers(children: Sequence[Child]) -> list[dict[str, Any]]:
    """Wait for the answers of all children, and stop them all, also when interrupted."""
    try:
        return [child.answer() for child in children]
    finally:
        for child in children:
            child.stop()


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode("utf-8", "replace"))


def _how(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was killed by signal {-code}"
