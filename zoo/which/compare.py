"""Which network: each candidate timed and trained for its share of a budget, on the same data in the same way.

``OUT/NAME/`` holds a run of each, and ``architectures.json``: ``schema``, ``status`` (running|completed|interrupted),
``name``, ``dir``, ``budget_s``, ``share_s``, ``protocol`` (``dataset, image_size, batch_size, optimizer, lr, epochs``:
the most that any gets), and ``rows[]`` with ``architecture``, ``status`` (measured|interrupted|too slow|failed|not
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
from time import monotonic
from typing import Any

from zoo.entry import Origin
from zoo.errors import DataError, Interrupted, OutputError, RequestError, ZooError
from zoo.files import write_json
from zoo.hooks import Plugin, hooks_of, new_manager
from zoo.job.resolve import Resolved
from zoo.plugin import hookimpl
from zoo.runner.bench import bench
from zoo.runner.folder import METRICS, MODEL, check_name, made_up_name
from zoo.runner.observer import Observer
from zoo.runner.record import Run
from zoo.runner.runner import Place
from zoo.runner.tuning import trial_parts
from zoo.sweep.pruning import epochs_of

DOCUMENT = "architectures.json"
SCHEMA = 1
_NAME = "zoo.budget"
STEPS = 3
"""Training steps that are timed of each."""
MARGIN = 0.85
"""Of what is left of a share so much is planned with: evaluations and the disk take some."""
OVERRUN = 1.25
"""An epoch that takes so many times the share is not waited for."""
MOST = 50
"""Candidates."""
Row = dict[str, Any]
RunOne = Callable[[Resolved, Sequence[Plugin], Place, Observer], dict[str, Any]]


@dataclass(frozen=True)
class Candidate:
    """A network: its job, and the same on noise, for its speed."""

    name: str
    job: Resolved
    on_noise: Resolved


class Watcher:
    """Hears of a comparison what a report needs, and by default does nothing about it."""

    def began(self, found: Row) -> None:
        """``found`` is the document."""

    def candidate(self, name: str, number: int, count: int) -> Observer:
        """A candidate's turn; who shall watch its training."""
        return Observer()

    def told(self, row: Row, found: Row) -> None:
        """A candidate has had its turn."""


class _OutOfTime(ZooError):
    """The first epoch isn't finished, and the share is used up."""


class _Clock(Observer):
    """Ends a training that doesn't come to the end of its first epoch.

    Args:
        shown: hears everything too.
        limit_s: seconds from the beginning of training.
    """

    def __init__(self, shown: Observer, limit_s: float):
        self.limit_s, self.began, self.trained = limit_s, monotonic(), 0
        self._shown = shown
        for name in ("preparing", "notice", "ended", "failed", "close", "epoch_started"):
            setattr(self, name, getattr(shown, name))

    def started(self, run: Run) -> None:
        self.began = monotonic()
        self._shown.started(run)

    def step(self, seen: int, totals: Any) -> None:
        if not self.trained and monotonic() - self.began > self.limit_s:
            raise _OutOfTime(f"{seen} images of the first epoch took {monotonic() - self.began:.0f} s")
        self._shown.step(seen, totals)

    def epoch_ended(self, record: Row) -> None:
        self.trained += 1
        self._shown.epoch_ended(record)


class _Deadline:
    """Ends a training at the end of an epoch, where another one would not be done in time."""

    def __init__(self, clock: _Clock, limit_s: float):
        self.clock, self.limit_s = clock, limit_s

    @hookimpl
    def zoo_epoch_end(self, run: Run, epoch: Row) -> str | None:
        """The reason to stop."""
        spent = monotonic() - self.clock.began
        done = epoch["epoch"]
        if done >= run.job["train"]["epochs"] or spent * (done + 1) / done < self.limit_s * OVERRUN:
            return None
        return "its share of the budget is used up"


class Comparison:
    """Times and trains candidates, one after the other.

    Args:
        out, name: the comparison lives in ``out/name``.
        budget_s: for all of them; decoding the images and building come on top.
        run_one: runs a job in its place, watched; gives its result document.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        out: Path,
        name: str | None,
        budget_s: float,
        run_one: RunOne,
        watcher: Watcher,
    ):
        self.candidates, self.budget_s, self.run_one, self.watcher = candidates, budget_s, run_one, watcher
        self.share_s = budget_s / len(candidates)
        self.out, self.folder = out, out / check_name(name or made_up_name(out))
        self.rows: list[Row] = [blank_row(candidate.name) for candidate in candidates]
        self.images = (0, 0)

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
                self._turn(candidate, row, self.watcher.candidate(candidate.name, number, len(self.rows)))
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

    def _turn(self, candidate: Candidate, row: Row, observer: Observer) -> None:
        began = monotonic()
        try:
            self._time(candidate, row)
            self._train(candidate, row, observer, self.share_s - (monotonic() - began))
        except (KeyboardInterrupt, Interrupted):
            row.update(status="interrupted" if row["epochs"] else "not begun", reason="interrupted")
            raise
        except _OutOfTime as error:
            row.update(status="too slow", reason=f"no epoch ended in its share of {self.share_s:.0f} s: {error}")
        except (OutputError, DataError):
            raise
        except ZooError as error:
            row.update(status="failed", reason=str(error))
        finally:
            observer.close()
            row["seconds"] = monotonic() - began

    def _time(self, candidate: Candidate, row: Row) -> None:
        found = bench([candidate.on_noise], STEPS, Observer())["benchmarks"][0]
        row.update(
            parameters=found["parameters"],
            train_images_per_second=found["train"]["images_per_second"],
            inference_images_per_second=found["inference"]["images_per_second"],
        )

    def _train(self, candidate: Candidate, row: Row, observer: Observer, left_s: float) -> None:
        epoch_s = self._epoch_s(candidate, row)
        if epoch_s > left_s * OVERRUN:
            row.update(
                status="too slow",
                reason=f"an epoch would take about {epoch_s:.0f} s, and its share has {max(left_s, 0):.0f} s left",
            )
            return
        epochs = max(1, min(int(left_s * MARGIN / epoch_s), candidate.job.job.train.epochs))
        train = candidate.job.job.train.model_copy(update={"epochs": epochs})
        job = candidate.job.decided({"train": train}, "budget")
        clock, name = _Clock(observer, left_s * OVERRUN), run_name(candidate.name)
        watching = Plugin(Origin(_NAME), _NAME, hooks=hooks_of(_NAME, _Deadline(clock, left_s), new_manager()))
        try:
            result = self.run_one(job, [watching], Place(self.folder, name), clock)
        except (KeyboardInterrupt, Interrupted):
            self._keep(row, name, clock.trained)
            raise
        row.update(status="measured", run=name, epochs=len(result["epochs"]))
        row["curve"] = [epoch["val"].get("accuracy") for epoch in result["epochs"]]
        row["val_accuracy"] = result["metrics"]["val"].get("accuracy")
        row["parameters"] = result["model"]["parameters"]  # with as many classes as there are; noise has two
        self._weigh(row, name)

    def _epoch_s(self, candidate: Candidate, row: Row) -> float:
        """How long an epoch will take, by the speeds on noise."""
        if not any(self.images):
            splits = trial_parts(candidate.job, Observer()).splits
            self.images = (len(splits["train"]), len(splits["val"]))
        train, val = self.images
        return float(train / row["train_images_per_second"] + val / row["inference_images_per_second"])

    def _keep(self, row: Row, name: str, epochs: int) -> None:
        """What an interrupted training has come to."""
        if epochs and (self.folder / name / METRICS).is_file():
            row["curve"] = [record["val"].get("accuracy") for record in epochs_of(self.folder / name)]
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
            "budget_s": self.budget_s,
            "share_s": self.share_s,
            "protocol": {
                "dataset": self.candidates[0].job.job.dataset.name,
                "image_size": train.image_size,
                "batch_size": train.batch_size,
                "optimizer": train.optimizer.name,
                "lr": train.lr,
                "epochs": train.epochs,
            },
            "rows": self.rows,
        }
        write_json(self.folder / DOCUMENT, found)
        return found


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
