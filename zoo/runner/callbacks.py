"""Callbacks: observe a run, or stop it, from within its process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zoo.runner.measurements import EpochRecord
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult

__all__ = ["Callback", "Callbacks"]


class Callback:
    """The events of a run; every method does nothing unless it is overridden.

    An exception ends the run, which then has the status ``failed``; after the end of the run it is reported, and the
    result stands. The hooks of plugins are called by an adapter (:class:`zoo.runner.hooks.Hooks`), which contains
    their exceptions.

    Example::

        class StopAtTarget(Callback):
            def epoch_end(self, run, epoch):
                return "good enough" if (epoch.val.accuracy or 0) > 0.95 else None

        run_job(resolved, plugins, Observer(), RunPlace(), callbacks=[StopAtTarget()])
    """

    def run_start(self, run: Run) -> None:
        """Observe the beginning of a run, before its first epoch."""

    def epoch_end(self, run: Run, epoch: EpochRecord) -> str | None:
        """Observe the end of an epoch.

        Returns:
            The reason to stop after this epoch, or None to continue.
        """

    def report_sections(self, run: Run, result: RunResult) -> Iterable[tuple[str, str]]:
        """Add ``(title, plain text)`` sections to the report and to result.json."""
        return ()

    def run_end(self, run: Run, result: RunResult) -> None:
        """Observe the end of a complete run, whose files are all written."""

    def run_failed(self, run: Run, error: BaseException) -> None:
        """Observe the end of a run by ``error``: KeyboardInterrupt by the user or a scheduler's SIGTERM."""


class Callbacks(Callback):
    """A sequence of callbacks as one, called in order."""

    def __init__(self, each: Sequence[Callback]):
        self.each = tuple(each)

    def run_start(self, run: Run) -> None:
        for callback in self.each:
            callback.run_start(run)

    def epoch_end(self, run: Run, epoch: EpochRecord) -> str | None:
        """Call all callbacks; the first reason to stop is returned."""
        reasons = [callback.epoch_end(run, epoch) for callback in self.each]
        return next(filter(None, reasons), None)

    def report_sections(self, run: Run, result: RunResult) -> Iterable[tuple[str, str]]:
        return [section for callback in self.each for section in callback.report_sections(run, result)]

    def run_end(self, run: Run, result: RunResult) -> None:
        for callback in self.each:
            callback.run_end(run, result)

    def run_failed(self, run: Run, error: BaseException) -> None:
        for callback in self.each:
            callback.run_failed(run, error)
