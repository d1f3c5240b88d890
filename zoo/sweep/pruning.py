"""A sweep's own watcher of a run: tells Optuna of each epoch, and ends a run that is no longer promising."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.host.hook_calls import hooks_of, new_manager
from zoo.job.run_folder import METRICS
from zoo.plugin import hookimpl
from zoo.registry.entry import Origin
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.storage.files import read_plain

if TYPE_CHECKING:
    import optuna

    from zoo.runner.record import Run

PRUNED = "pruned: "
"""How the reason begins for which such a run stops."""
_NAME = "zoo.sweep"


class Pruning:
    """The hook of a trial.

    Args:
        trial: Optuna's.
        monitor: what trials are compared by (``"val/accuracy"``).
    """

    def __init__(self, trial: optuna.Trial, monitor: str):
        self.trial = trial
        self.split, _, self.name = monitor.partition("/")
        self.monitor = monitor
        self.told = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    @hookimpl
    def zoo_epoch_end(self, run: Run, epoch: dict[str, Any]) -> str | None:
        """A reason to stop, at the end of any epoch but the last."""
        for record in epochs_of(run.dir):  # one may have been killed before it told of its last
            number, value = record["epoch"], (record.get(self.split) or {}).get(self.name)
            if number not in self.told and value is not None:
                self.told.add(number)
                self.trial.report(value, number)
        if epoch["epoch"] >= run.job["train"]["epochs"] or not self.trial.should_prune():
            return None
        return f"{PRUNED}{self.monitor} is behind that of other trials after epoch {epoch['epoch']}"


def pruning(trial: optuna.Trial, monitor: str) -> LoadedPlugin:
    """The hook as a plugin, for a run to call."""
    hooks = hooks_of(_NAME, Pruning(trial, monitor), new_manager())
    return LoadedPlugin(Origin(_NAME), f"{_NAME}.pruning", hooks=hooks)


def epochs_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics.jsonl."""
    return [json.loads(line) for line in read_plain(folder / METRICS).splitlines()]
