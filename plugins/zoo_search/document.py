"""The document of a sweep: ``sweep.json`` in its folder.

``schema``, ``status`` (running|completed|interrupted|failed), ``sweep``, ``dir``, ``monitor``, ``maximize``, ``seed``,
``pruner``, ``count``, ``space`` (path -> as typed), ``combinations`` (number of them, null with a range of real
numbers), ``base`` (``architecture`` and ``dataset``, where they don't vary),
``trials[].{number,run,dir,params,status,value,reason,best_epoch,epochs,total_s}`` with status
completed|pruned|failed|running, ``best`` (``number,value,params,job``; null until a trial is completed), ``importance``
(path -> share of the variance, null for few trials), ``timing.total_s`` (sum over all trials).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo_search.plan import SweepPlan
from zoo_search.space import combinations
from zoo_search.store import trial_name

DOCUMENT, BEST = "sweep.json", "best.yaml"
SCHEMA = 1
Row = dict[str, Any]


def document(
    folder: Path, plan: SweepPlan, status: str, rows: Sequence[Row], importance: Mapping[str, float] | None
) -> dict[str, Any]:
    """Build the document of the current state."""
    best = best_of(rows, plan.maximize)
    return {
        "schema": SCHEMA,
        "status": status,
        "sweep": folder.name,
        "dir": str(folder),
        "monitor": plan.monitor,
        "maximize": plan.maximize,
        "seed": plan.seed,
        "pruner": plan.pruner,
        "count": plan.trials,
        "space": plan.vary,
        "combinations": combinations(plan.space),
        "base": {name: plan.options.get(f"{name}.name") for name in ("architecture", "dataset")},
        "trials": [{**row, "run": trial_name(row["number"]), "dir": str(_run(folder, row))} for row in rows],
        "best": None
        if best is None
        else {**{key: best[key] for key in ("number", "value", "params")}, "job": str(folder / BEST)},
        "importance": importance,
        "timing": {"total_s": sum(row["total_s"] or 0.0 for row in rows)},
    }


def _run(folder: Path, row: Row) -> Path:
    return folder / trial_name(row["number"])


def best_of(rows: Sequence[Row], maximize: bool) -> Row | None:
    """Best of the completed trials; of equal ones the first."""
    completed = [row for row in rows if row["status"] == "completed" and row["value"] is not None]
    return min(completed, key=lambda row: -row["value"] if maximize else row["value"], default=None)
