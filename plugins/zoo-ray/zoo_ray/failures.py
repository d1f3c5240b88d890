"""Errors of Ray Train in one sentence."""

from __future__ import annotations

from typing import Any


def explain(problem: BaseException | None, max_failures: int, logs: str) -> str:
    """Describe why Ray Train has ended without a result.

    Args:
        problem: error of Ray Train.
        max_failures: number of restarts that were allowed.
        logs: folder of Ray's logs.
    """
    cause: Any = getattr(problem, "controller_failure", problem)
    if "Timeout" in type(cause).__name__:
        return (
            "The workers did not start in time: other jobs use the Ray cluster's CPUs or GPUs, or a node is lost. To "
            "see both, type: ray status. To wait longer, add --wait 10m."
        )
    failures: dict[int, BaseException] = getattr(problem, "worker_failures", {})
    if not failures:
        return f"Ray Train has ended without a result: {last_line(problem)}."
    again = f" after {max_failures} restart{'' if max_failures == 1 else 's'}" if max_failures else ""
    lost = [rank for rank, error in failures.items() if "ActorDied" in type(error).__name__ or "lost" in str(error)]
    rank = min(lost or failures)
    how = f"was lost{again}" if rank in lost else f"failed{again}: {last_line(failures[rank])}"
    return f"Worker {rank} {how}. Ray's logs: {logs}."


def last_line(error: BaseException | None) -> str:
    """Type of an exception, and the last line of its message, which may hold a traceback."""
    lines = [line.strip() for line in str(error or "").splitlines() if line.strip()]
    if error is None:
        return "no error was raised"
    return f"{type(error).__name__}: {lines[-1].rstrip('.')}" if lines else type(error).__name__
