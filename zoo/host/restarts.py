"""Restarts by torch's elastic agent, as of ``torchrun --max-restarts``, from the view of a process that it starts."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_FINAL = (2, 130)
"""Exit codes after which a restart makes no sense: an invalid request, and an interruption."""


def restart() -> int:
    """Return the number of this restart; 0 at the first start, and without an agent."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT") or 0)


def restarts() -> int:
    """Return the number of restarts that the agent may make."""
    return int(os.environ.get("TORCHELASTIC_MAX_RESTARTS") or 0)


def leave(code: int) -> None:
    """Prepare the exit of a process with an error, and record a code that a restarted process must not repeat.

    The agent sends SIGTERM to all processes once one has ended, which would cut off the last message.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    record = _record(restart())
    if code in _FINAL and restarts() and record is not None:
        with contextlib.suppress(OSError):
            record.write_text(str(code), "ascii")


def final_code() -> int | None:
    """Return the exit code that a process of this machine recorded before this restart; None to continue the run."""
    record = _record(restart() - 1) if restart() else None
    try:
        return int(record.read_text("ascii")) if record else None
    except (OSError, ValueError):
        return None


def _record(attempt: int) -> Path | None:
    """File in the agent's folder of an attempt, ``…/attempt_N/RANK/error.json``; None where the agent keeps no logs."""
    error = Path(os.environ.get("TORCHELASTIC_ERROR_FILE") or os.devnull)
    folder = error.parent.parent
    return folder.with_name(f"attempt_{attempt}") / "zoo_exit_code" if folder.name.startswith("attempt_") else None
