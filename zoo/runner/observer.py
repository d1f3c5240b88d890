"""The observer of a run: the interface between the runner and its reports, independent of any terminal library."""

from __future__ import annotations

from typing import Protocol

from zoo.runner.measurements import EpochRecord
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult

__all__ = ["Observer", "RunningTotals"]


class RunningTotals(Protocol):
    """The running metrics of a training epoch; reading one synchronises the device, so do it a few times a second."""

    @property
    def loss(self) -> float:
        """Mean loss over the images seen in this epoch."""

    @property
    def accuracy(self) -> float:
        """Share of the images seen in this epoch that were predicted right, 0..1; NaN of a regression."""

    @property
    def score(self) -> tuple[str, float]:
        """Name and mean of the task's main metric: ``accuracy`` in 0..1, or ``mae`` in the unit of the data."""


class Observer:
    """Observes the events of a run; every method does nothing unless it is overridden.

    The order is: ``loading``, ``preparing`` (any number of times), ``started``, then for each epoch ``epoch_started``,
    ``step``…, ``epoch_ended``; at the end ``ended`` or ``failed``; and always ``close``. A ``notice`` can come at any
    time. A run can fail before it has started.
    """

    def loading(self) -> None:
        """Observe the start of the command, while libraries are being imported."""

    def preparing(self, what: str, done: int, total: int) -> None:
        """Observe a preparation such as ``"decoding train images"``: ``done`` of ``total`` images are processed."""

    def started(self, run: Run) -> None:
        """Observe the start of training: data, model and device are ready."""

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        """Observe the start of epoch ``epoch`` (from 1) of ``epochs``, with ``images`` training images."""

    def step(self, seen: int, totals: RunningTotals) -> None:
        """Observe an optimizer step, with ``seen`` images of this epoch processed so far."""

    def epoch_ended(self, record: EpochRecord) -> None:
        """Observe the end of an epoch, after validation; ``record`` is its line of metrics.jsonl."""

    def notice(self, text: str) -> None:
        """Show an important notice: replaced values, skipped images, an early stop."""

    def ended(self, run: Run, result: RunResult) -> None:
        """Observe the end of a run whose files are all written; ``result`` is the content of result.json."""

    def failed(self, run: Run | None, error: BaseException) -> None:
        """Observe a failed run; the caller prints the error itself."""

    def close(self) -> None:
        """Release resources such as a live display; no event follows."""
