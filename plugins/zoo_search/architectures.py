"""Comparison of architectures: each candidate is trained for its share of a time budget, on the same data and settings.

``OUT/NAME/`` holds a run of each, and ``architectures.json``: ``schema``, ``status`` (running|completed|interrupted),
``name``, ``dir``, ``budget_s``, ``share_s``, ``protocol`` (``dataset, image_size, batch_size, optimizer, lr``), and
``rows[]`` with ``architecture``, ``status`` (measured|interrupted|too slow|failed|not begun), ``reason``, ``run``,
``val_accuracy``, ``val_mae`` (of a regression), ``curve`` (either by epoch), ``epochs``,
``inference_images_per_second``,
``train_images_per_second``, ``parameters``, ``model_bytes``, ``seconds``, ``pareto`` (on the Pareto front of accuracy
and inference speed). ``task`` is that of the runs.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.jobs import Resolved
from zoo.api.running import Budget, Observer, RunPlace, TooShort
from zoo.errors import DataError, Interrupted, OutputError, RequestError, ZooError
from zoo.reports.kit.results import ERROR, MainMetric, main_metric, main_metric_of
from zoo.runs import METRICS, MODEL, RunResult, check_name, made_up_name, read_epochs
from zoo.storage import write_json

DOCUMENT = "architectures.json"
SCHEMA = 1
END_S = 1.0
"""Seconds reserved for the comparison's report and the end of the process."""
MOST = 50
"""Maximum number of candidates."""
Row = dict[str, Any]
RunOne = Callable[[Resolved, RunPlace, Observer, Budget], RunResult]


@dataclass(frozen=True)
class Candidate:
    """A network with its job."""

    name: str
    job: Resolved


class ComparisonWatcher:
    """Observes a comparison for a report; every method does nothing unless it is overridden."""

    def began(self, found: Row) -> None:
        """Observe the start of the comparison; ``found`` is its document."""

    def candidate(self, name: str, number: int, count: int) -> Observer:
        """Return the observer for the training of candidate ``number`` (from 1) of ``count``."""
        return Observer()

    def told(self, row: Row, found: Row) -> None:
        """Observe the end of a candidate's training; ``row`` is its part of the document."""


class Comparison:
    """Trains candidates in sequence, each for an equal share of the remaining time.

    Args:
        candidates: the networks with their jobs.
        out, name: the comparison's folder is ``out/name``.
        budget: time budget of the whole comparison.
        run_one: runs one job at its place with an observer and a budget, and returns its result.
        watcher: observes the comparison.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        out: Path,
        name: str | None,
        budget: Budget,
        run_one: RunOne,
        watcher: ComparisonWatcher,
    ):
        self.candidates, self.budget, self.run_one, self.watcher = candidates, budget, run_one, watcher
        self.out, self.folder = out, out / check_name(name or made_up_name(out))
        self.rows: list[Row] = [blank_row(candidate.name) for candidate in candidates]
        self.task: str | None = None

    def run(self) -> Row:
        """Train all candidates.

        Returns:
            The document; after an interrupt, with the measurements so far.

        Raises:
            ZooError: no candidate could be trained, or the folder can't be written.
        """
        self._begin()
        try:
            self.watcher.began(self.write("running"))
            for number, (candidate, row) in enumerate(zip(self.candidates, self.rows, strict=True), 1):
                share = Budget((self.budget.left_s - END_S) / (len(self.rows) - number + 1))
                self._train(candidate, row, self.watcher.candidate(candidate.name, number, len(self.rows)), share)
                gc.collect()
                self.watcher.told(row, self.write("running"))
        except (KeyboardInterrupt, Interrupted):
            return self.write("interrupted")
        if not any(row["status"] == "measured" for row in self.rows) and all(
            row["status"] == "failed" for row in self.rows
        ):
            raise ZooError(
                f"None of the architectures could be trained. {self.rows[0]['architecture']}: {self.rows[0]['reason']}"
            )
        return self.write("completed")

    def _begin(self) -> None:
        if self.folder.exists():
            raise RequestError(f"{self.folder} exists. Give another --name.")
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise OutputError(
                f"{self.folder} can't be created: {error.strerror or error}. Choose another --out."
            ) from error

    def _train(self, candidate: Candidate, row: Row, observer: Observer, share: Budget) -> None:
        name = run_name(candidate.name)
        try:
            result = self.run_one(candidate.job, RunPlace(self.folder, name), observer, share)
            self._measured(row, name, result)
        except (KeyboardInterrupt, Interrupted):
            self._record_interrupted(row, name)
            row.update(status="interrupted" if row["epochs"] else "not begun", reason="interrupted")
            raise
        except TooShort as error:
            row.update(status="too slow", reason=_too_slow_reason(share, error))
            row.update({key: error.account[key] for key in _SPEEDS})
        except (OutputError, DataError):
            raise
        except ZooError as error:
            row.update(status="failed", reason=str(error))
        finally:
            observer.close()
            row["seconds"] = share.spent_s

    def _measured(self, row: Row, name: str, result: RunResult) -> None:
        row.update(status="measured", run=name, epochs=len(result.epochs))
        self.task = result.task
        metric = main_metric(result.task)
        row["curve"] = [metric.value(epoch.val) for epoch in result.epochs]
        row[f"val_{metric.key}"] = metric.value(result.metrics_of("val"))
        row["parameters"] = result.model.parameters
        if result.tuning.budget is not None:
            row.update({key: result.tuning.budget[key] for key in _SPEEDS})
        self._measure_size(row, name)

    def _record_interrupted(self, row: Row, name: str) -> None:
        """Record the progress of an interrupted training."""
        if (self.folder / name / METRICS).is_file():
            records = read_epochs(self.folder / name)
            metric = main_metric_of(records[-1].val) if records else main_metric(None)
            row["curve"] = [metric.value(record.val) for record in records]
            best = (max if metric.higher else min)(filter(None, row["curve"]), default=None)
            row.update({"run": name, "epochs": len(records), f"val_{metric.key}": best})
            self._measure_size(row, name)

    def _measure_size(self, row: Row, name: str) -> None:
        with contextlib.suppress(OSError):
            row["model_bytes"] = (self.folder / name / MODEL / "model.safetensors").stat().st_size

    def write(self, status: str) -> Row:
        """Write the document with the measurements so far."""
        front = pareto([(goodness(row), row["inference_images_per_second"]) for row in self.rows])
        for row, on_it in zip(self.rows, front, strict=True):
            row["pareto"] = on_it
        train = self.candidates[0].job.job.train
        found = {
            "schema": SCHEMA,
            "status": status,
            "name": self.folder.name,
            "dir": str(self.folder),
            "budget_s": self.budget.seconds,
            "share_s": self.budget.seconds / len(self.candidates),
            "protocol": {
                "dataset": self.candidates[0].job.job.dataset.name,
                "image_size": train.image_size,
                "batch_size": train.batch_size,
                "optimizer": train.optimizer.name,
                "lr": train.lr,
            },
            "task": self.task,
            "rows": self.rows,
        }
        write_json(self.folder / DOCUMENT, found)
        return found


_SPEEDS = ("train_images_per_second", "inference_images_per_second")


def _too_slow_reason(share: Budget, error: TooShort) -> str:
    needed = f"which needs about {error.least_s:.0f} s in all"
    return f"its share of {share.seconds:.0f} s is too short for an epoch, {needed}"


def blank_row(name: str) -> Row:
    """Row of a candidate without measurements."""
    measured = ("reason", "run", "val_accuracy", "val_mae", "inference_images_per_second", "train_images_per_second")
    unknown = dict.fromkeys((*measured, "parameters", "model_bytes", "seconds"))
    return {"architecture": name, "status": "not begun", "epochs": 0, "curve": [], "pareto": False, **unknown}


def metric_of(row: Mapping[str, Any]) -> MainMetric:
    """Main metric of a candidate: the accuracy, or the mean absolute error of a regression."""
    return ERROR if row.get("val_accuracy") is None and row.get("val_mae") is not None else main_metric(None)


def score_of(row: Mapping[str, Any]) -> float | None:
    """Main metric of a candidate on val; None without a measurement."""
    found = row.get(f"val_{metric_of(row).key}")
    return None if found is None else float(found)


def goodness(row: Mapping[str, Any]) -> float | None:
    """Score of a candidate such that higher is better: an error is negative."""
    score = score_of(row)
    return score if score is None or metric_of(row).higher else -score


def run_name(architecture: str) -> str:
    """Run name of an architecture: ``timm/resnet18`` -> ``timm-resnet18``."""
    return check_name("".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in architecture)[:100])


def pareto(points: Sequence[tuple[float | None, float | None]]) -> list[bool]:
    """Find the Pareto front: points that no other point dominates.

    Args:
        points: pairs of numbers to maximise; a pair with None is not on the front, and dominates none.
    """
    known = [(a, b) for a, b in points if a is not None and b is not None]

    def beaten(a: float, b: float) -> bool:
        return any(x >= a and y >= b and (x > a or y > b) for x, y in known)

    return [a is not None and b is not None and not beaten(a, b) for a, b in points]
