"""How long a run will take, in a line, before it is trained."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.reports.words import duration
from zoo.runner.record import Run

__all__ = ["LONG_S", "about", "estimate_line"]

LONG_S = 3600.0
"""A training that takes longer is asked about on a terminal."""
_WORTH_A_BUDGET_S = 300.0
_BUDGETS = {"2m": 120, "5m": 300, "10m": 600, "30m": 1800}


def about(seconds: float) -> str:
    """A duration, rounded to what an estimate is worth: ``40 s``, ``6 min``, ``3 h 20 min``."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return duration(600 * round(seconds / 600))


def estimate_line(run: Run) -> str | None:
    """``42 epochs, about 6 min on this machine. …``; None where nothing could be timed."""
    if run.estimate_s is None:
        return None
    epochs = run.job.train.last_epoch or 0
    line = f"{epochs} epoch{'' if epochs == 1 else 's'}, about {about(run.estimate_s)} on this machine."
    return " ".join([line, *_advice(run.estimate_s)])


def _advice(seconds: float) -> Iterable[str]:
    if seconds >= _WORTH_A_BUDGET_S:
        budget = max((word for word, s in _BUDGETS.items() if s <= seconds / 2), key=_BUDGETS.__getitem__)
        yield f"Ctrl-C keeps the best so far; --budget {budget} fits all of it into {about(_BUDGETS[budget])}."
