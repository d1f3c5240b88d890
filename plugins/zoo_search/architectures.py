"""Which network: each candidate trained for its share of a budget, on the same data in the same way.

``OUT/NAME/`` holds a run of each, and ``architectures.json``: ``schema``, ``status`` (running|completed|interrupted),
``name``, ``dir``, ``budget_s``, ``share_s``, ``protocol`` (``dataset, image_size, batch_size, optimizer, lr``),
and ``rows[]`` with ``architecture``, ``status`` (measured|interrupted|too slow|failed|not
begun), ``reason``, ``run``, ``val_accuracy``, ``curve`` (val accuracy by epoch), ``epochs``,
``inference_images_per_second``, ``train_images_per_second``, ``parameters``, ``model_bytes``, ``seconds``,
``pareto`` (no other is both as accurate and as fast, and better in one).
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.jobs import Resolved
from zoo.api.running import Budget, Observer, RunPlace, TooShort
from zoo.errors import DataError, Interrupted, OutputError, RequestError, ZooError
from zoo.runs import METRICS, MODEL, RunResult, check_name, made_up_name, read_epochs
from zoo.storage import write_json

DOCUMENT = "architectures.json"
SCHEMA = 1
END_S = 1.0
"""Seconds that the comparison's own page and the end of the process take."""
MOST = 50
"""Candidates."""
Row = dict[str, Any]
RunOne = Callable[[Resolved, RunPlace, Observer, Budget], RunResult]


@dataclass(frozen=True)
class Candidate:
    """A network and its job."""

    name: str
    job: Resolved


class ComparisonWatcher:
    """Hears of a comparison what a report needs, and by default does nothing about it."""

    def began(self, found: Row) -> None:
        """``found`` is the document."""

    def candidate(self, name: str, number: int, count: int) -> Observer:
        """A candidate's turn; who shall watch its training."""
        return Observer()

    def told(self, row: Row, found: Row) -> None:
        """A candidate has had its turn."""


class Comparison:
    """Trains candidates, one after the other, each for an equal share of the time that is left.

    Args:
        out, name: the comparison lives in ``out/name``.
        budget: for all of them, with everything that they need.
        run_one: runs a job in its place, watched, fitted to a budget; gives its result.
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

    def run(self) -> Row:
        """
        Returns:
            The document; of an interrupted comparison it has what was measured.

        Raises:
            ZooError: not one could be measured, or the folder can't be written.
        """
        self._begin()
        try:
            self.watcher.began(self.write("running"))
            for number, (candidate, row) in enumerate(zip(self.candidates, self.rows, strict=True), 1):
                share = Budget((self.budget.left_s - END_S) / (len(self.rows) - number + 1))
                self._turn(candidate, row, self.watcher.candidate(candidate.name, number, len(self.rows)), share)
                gc.collect()
                self.watcher.told(row, self.write("running"))
        except (KeyboardInterrupt, Interrupted):
            return self.write("interrupted")
        if not any(row["status"] == "measured" for row in self.rows) and all(
            row["status"] == "failed" for row in self.rows
        ):
            raise ZooError(
                f"Not one of the networks could be trained. {self.rows[0]['architecture']}: {self.rows[0]['reason']}"
            )
        return self.write("completed")

    def _begin(self) -> None:
        if self.folder.exists():
            raise RequestError(f"{self.folder} exists. Give another --name.")
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise OutputError(
                f"{self.folder} can't be made: {error.strerror or error}. Choose another --out."
            ) from error

    def _turn(self, candidate: Candidate, row: Row, observer: Observer, share: Budget) -> None:
        name = run_name(candidate.name)
        try:
            result = self.run_one(candidate.job, RunPlace(self.folder, name), observer, share)
            self._measured(row, name, result)
        except (KeyboardInterrupt, Interrupted):
            self._keep(row, name)
            row.update(status="interrupted" if row["epochs"] else "not begun", reason="interrupted")
            raise
        except TooShort as error:
            row.update(status="too slow", reason=_needs(share, error))
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
        row["curve"] = [epoch.val.accuracy for epoch in result.epochs]
        row["val_accuracy"] = result.metrics_of("val").accuracy
        row["parameters"] = result.model.parameters
        if result.tuning.budget is not None:
            row.update({key: result.tuning.budget[key] for key in _SPEEDS})
        self._weigh(row, name)

    def _keep(self, row: Row, name: str) -> None:
        """What an interrupted training has come to."""
        if (self.folder / name / METRICS).is_file():
            row["curve"] = [record.val.accuracy for record in read_epochs(self.folder / name)]
            row.update(run=name, epochs=len(row["curve"]), val_accuracy=max(filter(None, row["curve"]), default=None))
            self._weigh(row, name)

    def _weigh(self, row: Row, name: str) -> None:
        with contextlib.suppress(OSError):
            row["model_bytes"] = (self.folder / name / MODEL / "model.safetensors").stat().st_size

    def write(self, status: str) -> Row:
        """Write down what was measured so far."""
        front = pareto([(row["val_accuracy"], row["inference_images_per_second"]) for row in self.rows])
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
            "rows": self.rows,
        }
        write_json(self.folder / DOCUMENT, found)
        return found


_SPEEDS = ("train_images_per_second", "inference_images_per_second")


def _needs(share: Budget, error: TooShort) -> str:
    needed = f"which takes about {error.least_s:.0f} s in all"
    return f"its share of {share.seconds:.0f} s has no time for one epoch, {needed}"


def blank_row(name: str) -> Row:
    """A candidate of which nothing is known yet."""
    measured = ("reason", "run", "val_accuracy", "inference_images_per_second", "train_images_per_second")
    unknown = dict.fromkeys((*measured, "parameters", "model_bytes", "seconds"))
    return {"architecture": name, "status": "not begun", "epochs": 0, "curve": [], "pareto": False, **unknown}


def run_name(architecture: str) -> str:
    """A run's name for an architecture's: ``timm/resnet18`` -> ``timm-resnet18``."""
    return check_name("".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in architecture)[:100])


def pareto(points: Sequence[tuple[float | None, float | None]]) -> list[bool]:
    """Which points no other beats: none is as good in both numbers, and better in one.

    Args:
        points: two numbers each, more is better; one with None is not on the front, and beats nobody.
    """
    known = [(a, b) for a, b in points if a is not None and b is not None]

    def beaten(a: float, b: float) -> bool:
        return any(x >= a and y >= b and (x > a or y > b) for x, y in known)

    return [a is not None and b is not None and not beaten(a, b) for a, b in points]
