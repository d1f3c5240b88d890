"""Callbacks: observe a run, change its training, or stop it, from within its process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zoo.runner.measurements import EpochRecord
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult
from zoo.runner.train_state import KeptState, TrainState

__all__ = ["Callback", "Callbacks"]


class Callback:
    """The events of a run; every method does nothing unless it is overridden.

    Events with a ``TrainState`` are called in every process of a run, and can change the training; the others are
    called in the first process alone. An exception ends the run, which then has the status ``failed``; after the end of
    the run it is reported, and the result stands. The hooks of plugins are called by an adapter
    (:class:`zoo.runner.hooks.Hooks`), which contains their exceptions.

    Example::

        class StopAtTarget(Callback):
            def epoch_end(self, run, epoch):
                return "good enough" if (epoch.val.accuracy or 0) > 0.95 else None

        run_job(resolved, plugins, Observer(), RunPlace(), callbacks=[StopAtTarget()])
    """

    def run_start(self, run: Run) -> None:
        """Observe the beginning of a run, before its first epoch."""

    def train_start(self, state: TrainState) -> None:
        """Observe the state before the first epoch, or before the first one after an interruption."""

    def epoch_start(self, state: TrainState) -> None:
        """Observe the state before the first step of an epoch, or the first one after an interruption."""

    def batch_start(self, state: TrainState) -> None:
        """Observe a batch before its forward pass; ``state.images`` and ``state.targets`` may be replaced."""

    def step_end(self, state: TrainState) -> None:
        """Observe the state after an optimizer step."""

    def epoch_end(self, run: Run, epoch: EpochRecord) -> str | None:
        """Observe the end of an epoch, after its validation.

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

    def state_dict(self) -> KeptState:
        """Return what a checkpoint has to keep of the callback, as tensors and plain data."""
        return {}

    def load_state_dict(self, kept: KeptState) -> None:
        """Restore what :meth:`state_dict` returned, for a resumed run."""


class Callbacks(Callback):
    """A sequence of callbacks as one, called in order.

    Args:
        each: the callbacks.
        first: this process is the first one of the run; the others call only the events with a ``TrainState``.
    """

    def __init__(self, each: Sequence[Callback], *, first: bool = True):
        self.each = tuple(each)
        self.observing = self.each if first else ()

    def run_start(self, run: Run) -> None:
        for callback in self.observing:
            callback.run_start(run)

    def train_start(self, state: TrainState) -> None:
        for callback in self.each:
            callback.train_start(state)

    def epoch_start(self, state: TrainState) -> None:
        for callback in self.each:
            callback.epoch_start(state)

    def batch_start(self, state: TrainState) -> None:
        for callback in self.each:
            callback.batch_start(state)

    def step_end(self, state: TrainState) -> None:
        for callback in self.each:
            callback.step_end(state)

    def epoch_end(self, run: Run, epoch: EpochRecord) -> str | None:
        """Call all callbacks; several reasons to stop become one."""
        reasons = [callback.epoch_end(run, epoch) for callback in self.observing]
        return "; ".join(dict.fromkeys(filter(None, reasons))) or None

    def report_sections(self, run: Run, result: RunResult) -> Iterable[tuple[str, str]]:
        return [section for callback in self.observing for section in callback.report_sections(run, result)]

    def run_end(self, run: Run, result: RunResult) -> None:
        for callback in self.observing:
            callback.run_end(run, result)

    def run_failed(self, run: Run, error: BaseException) -> None:
        for callback in self.observing:
            callback.run_failed(run, error)

    def state_dict(self) -> KeptState:
        """The states of those that have one, by position and class."""
        kept = {f"{i}.{type(callback).__name__}": callback.state_dict() for i, callback in enumerate(self.each)}
        return {name: state for name, state in kept.items() if state}

    def load_state_dict(self, kept: KeptState) -> None:
        for i, callback in enumerate(self.each):
            if (state := kept.get(f"{i}.{type(callback).__name__}")) is not None:
                callback.load_state_dict(state)
