"""The measured speeds of a trial of executions, in words."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.runner.result_parts import ExecutionSpeed, ExecutionTrial

__all__ = ["tried"]


def tried(trial: ExecutionTrial | None) -> list[tuple[str, str]]:
    """The ways that were tried: of training, compiled or not, and of answering; (what, in words) each."""
    if trial is None:
        return []
    rows = (
        ("tried", trial.candidates, f"images/s forward and backward ({trial.how})"),
        ("compiled", trial.compiled, "images/s forward and backward"),
        ("answers", trial.evaluation, "images/s"),
    )
    return [(what, f"{_ways(ways)} {unit}") for what, ways, unit in rows if ways]


def _ways(ways: Sequence[ExecutionSpeed]) -> str:
    return ", ".join(
        f"{way.precision} {way.memory_format.replace('_', ' ')}{' compiled' if way.compiled else ''} "
        f"{way.images_per_second:,.1f}"
        for way in ways
    )
