"""The expected duration of a run, in a line before training, and its correction after the first epoch."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.reports.words import duration
from zoo.runner.measurements import EpochRecord
from zoo.runner.record import Run

__all__ = ["LONG_S", "about", "correction_line", "estimate_line"]

LONG_S = 3600.0
"""Duration above which a terminal asks before the training begins."""
_WORTH_A_BUDGET_S = 300.0
_WRONG, _WRONG_S = 1.5, 5.0
"""An estimate is corrected that is wrong by this factor, and by this many seconds."""
_BUDGETS = {"2m": 120, "5m": 300, "10m": 600, "30m": 1800}


def about(seconds: float) -> str:
    """Round a duration to the precision of an estimate: ``40 s``, ``6 min``, ``3 h 20 min``."""
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


def correction_line(run: Run, first: EpochRecord) -> str | None:
    """Correct the estimate by the first epoch that was trained; None where the estimate was about right."""
    train, estimate = run.job.train, run.estimate_s
    faster_first = train.extra.get("start_size") or train.freeze_epochs
    if estimate is None or first.seconds is None or faster_first:
        return None
    measured = first.seconds * ((train.last_epoch or first.epoch) - first.epoch + 1)
    apart, ratio = abs(measured - estimate), max(measured, estimate) / max(min(measured, estimate), 1e-3)
    if apart < _WRONG_S or ratio < _WRONG:
        return None
    return f"By the first epoch, training takes about {about(measured)}, not {about(estimate)}."


def _advice(seconds: float) -> Iterable[str]:
    if seconds >= _WORTH_A_BUDGET_S:
        budget = max((word for word, s in _BUDGETS.items() if s <= seconds / 2), key=_BUDGETS.__getitem__)
        yield f"Ctrl-C keeps the best epoch so far; --budget {budget} fits the run into {about(_BUDGETS[budget])}."
