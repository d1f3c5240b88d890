"""A look in a process of its own: what it finds out may crash, exit or hang without ending this process."""

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
    """A process at work as soon as it is made; its answer is the last line that it writes, as JSON.

    Args:
        module: what is run, as by ``python -m``.
        words: its arguments.
        limit_s: how long it may take.
        environment: variables beside those of this process.
    """

    def __init__(
        self, module: str, *words: str, limit_s: float = 60.0, environment: Mapping[str, str] | None = None
    ) -> None:
        self.limit_s, self.begun = limit_s, time.monotonic()
        self.process: subprocess.Popen[bytes] | None = None  # while it is at work
        self._said: dict[str, Any] | None = None
        # No pipes: one would end only with the last process that this one has begun.
        self._out, self._err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115 - closed by stop()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *words],  # -P: a json.py in the working folder is not ours
                stdin=subprocess.DEVNULL,
                stdout=self._out,
                stderr=self._err,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # what it does to its group it doesn't do to this one
            )
        except OSError as error:  # no memory for another process, or none may be made
            self._said = {"died": f"no process could be started: {error.strerror or error}", "stderr": ""}

    def answer(self) -> dict[str, Any]:
        """What it found; ``{"died": why, "stderr": text}`` when it gave no answer."""
        if self._said is None:
            self._said = self._wait()
        return self._said

    def stop(self) -> None:
        """End the process and all that it began, whatever they do."""
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
        return {"died": f"it came to no end in {self.limit_s:g} s" if code is None else _how(code), "stderr": stderr}


def answers(children: Sequence[Child]) -> list[dict[str, Any]]:
    """What each has found. None of them goes on when this one is interrupted."""
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
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"
