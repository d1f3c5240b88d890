"""The end of a trial in another process."""

from __future__ import annotations

from typing import NamedTuple

from zoo.errors import Interrupted, RequestError, TrainingError, ZooError

_KINDS: dict[int, type[ZooError]] = {each.exit_code: each for each in (TrainingError, RequestError, Interrupted)}


class TrialEnd(NamedTuple):
    """The end of a trial, or the error that prevents all trials.

    Args:
        number: number of the trial, from 1; 0 for an error.
        status: completed, pruned or failed.
        value: monitored value of the best epoch; None where it was never measured.
        problem: message of the error.
        exit_code: exit code of the error's kind.
    """

    number: int = 0
    status: str = "failed"
    value: float | None = None
    problem: str = ""
    exit_code: int = 0

    def error(self) -> ZooError:
        """The error as an exception."""
        return _KINDS.get(self.exit_code, TrainingError)(self.problem)
