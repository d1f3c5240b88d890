"""The events of a run as a report sees them. The runner knows no terminal and no rich."""

from __future__ import annotations

from typing import Protocol

from zoo.runner.measurements import EpochRecord
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult

__all__ = ["Observer", "RunningTotals"]


class RunningTotals(Protocol):
    """The running sums of a training epoch. Reading a property waits for the device: a few times a second at most."""

    @property
    def loss(self) -> float:
        """Mean loss over the images seen in this epoch."""

    @property
    def accuracy(self) -> float:
        """Share of the images seen in this epoch that were predicted right, 0..1."""


class Observer:
    """The base of reports: every method does nothing unless it is overridden.

    The order is: ``loading``, ``preparing`` (any number of times), ``started``, then for each epoch ``epoch_started``,
    ``step``…, ``epoch_ended``; at the end ``ended`` or ``failed``; and always ``close``. A ``notice`` can
    come at any time. A run can fail before it has started.
    """

    def loading(self) -> None:
        """The command has begun, and libraries are being imported."""

    def preparing(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` images are through ``what`` (``"decoding train images"``); equal at its end."""

    def started(self, run: Run) -> None:
        """Data, model and device are ready: training is about to begin."""

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        """Epoch ``epoch`` (from 1) of ``epochs`` begins; it has ``images`` training images."""

    def step(self, seen: int, totals: RunningTotals) -> None:
        """One optimizer step is done; ``seen`` images of this epoch are through."""

    def epoch_ended(self, record: EpochRecord) -> None:
        """The epoch is trained and evaluated; ``record`` is its line of metrics.jsonl."""

    def notice(self, text: str) -> None:
        """Something has to be told loudly: drawn images, skipped images, an early stop."""

    def ended(self, run: Run, result: RunResult) -> None:
        """The run is over and on the disk; ``result`` is its result.json."""

    def failed(self, run: Run | None, error: BaseException) -> None:
        """The run ended with ``error``; whoever started the run prints the error itself."""

    def close(self) -> None:
        """Nothing will follow: leave no live display behind."""
