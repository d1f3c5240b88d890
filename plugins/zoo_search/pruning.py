"""Pruning as a callback: report each epoch to Optuna, and stop a trial that is no longer promising."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.api.running import Callback
from zoo.runs import EpochRecord, read_epochs

if TYPE_CHECKING:
    import optuna

    from zoo.api.running import Run

PRUNED = "pruned: "
"""Prefix of a pruned run's stop reason."""


class Pruning(Callback):
    """The pruning callback of a trial.

    Args:
        trial: Optuna's trial.
        monitor: metric by which trials are compared, such as ``"val/accuracy"``.
    """

    def __init__(self, trial: optuna.Trial, monitor: str):
        self.trial = trial
        self.monitor = monitor
        self.told = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def epoch_end(self, run: Run, epoch: EpochRecord) -> str | None:
        """Report the epoch, and return a reason to stop if Optuna prunes the trial; the last epoch is never pruned."""
        for record in read_epochs(run.dir):  # includes epochs that a killed process did not report
            value = record.monitored(self.monitor)
            if record.epoch not in self.told and value is not None:
                self.told.add(record.epoch)
                self.trial.report(value, record.epoch)
        if epoch.epoch >= (run.job.train.epochs or 0) or not self.trial.should_prune():
            return None
        return f"{PRUNED}{self.monitor} is behind other trials after epoch {epoch.epoch}"
