"""The result of a run: the typed document of result.json, and the one function that reads it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from zoo.errors import RequestError
from zoo.job.run_folder import METRICS, RESULT
from zoo.runner.job_record import JobRecord
from zoo.runner.main_metric import main_metric
from zoo.runner.measurements import BestEpoch, EpochRecord, Mistake, SplitMetrics, SplitSummary
from zoo.runner.records import Number, Record
from zoo.runner.result_parts import (
    ExecutionEnvironment,
    ExecutionTrial,
    ModelSummary,
    RecipeSummary,
    Timing,
    TuningAccount,
    VerdictFacts,
)
from zoo.storage.files import read_json_mapping, read_plain

__all__ = ["RunResult", "damage_reported", "read_epochs", "read_result"]

SCHEMA = 1
_DAMAGE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


class RunResult(Record):
    """The result of a run, or of the evaluation of a model; result.json in a run's folder.

    Every entry can be absent: a run that was stopped before its first epoch has no numbers, an evaluation no epochs.
    Entries of a newer version are kept.

    Args:
        status: ``completed``, ``stopped``, ``interrupted``, ``failed``, or ``evaluated``.
        dir: the run's folder.
        job_sources: dotted path in the job -> the source of its value.
        task: ``single-label``, ``multi-label``, ``ordinal`` or ``regression``.
        thresholds: for multi-label models, one for each class.
        metrics, mistakes, splits: by split.
        best: the epoch whose weights are kept.
        provenance: path of a component in the job -> its id, distribution, version, target and hash. Beside them
            ``plugins.NAME`` -> distribution, version and ``hooks`` of a plugin that observed the run, and what it
            changed: ``stopped`` (epoch and reason), ``sections`` (titles), ``failed`` (hook and problem).
        sections: ``[title, plain text]`` that plugins add to the report.
        analyses: name of an analysis -> split -> its document.

    Example:
        >>> result = read_result(Path("runs/digits"))  # doctest: +SKIP
        >>> result.metrics_of("val").accuracy  # doctest: +SKIP
        0.986
    """

    status: str | None = None
    stop_reason: str | None = None
    run: str | None = None
    dir: str | None = None
    job: JobRecord = JobRecord()
    job_sources: dict[str, str] = Field(default_factory=dict)
    recipe: RecipeSummary | None = None
    task: str | None = None
    classes: list[str] = Field(default_factory=list)
    thresholds: list[Number] | None = None
    splits: dict[str, SplitSummary] = Field(default_factory=dict)
    notices: list[str] = Field(default_factory=list)
    metrics: dict[str, SplitMetrics] = Field(default_factory=dict)
    mistakes: dict[str, list[Mistake]] = Field(default_factory=dict)
    best: BestEpoch | None = None
    epochs: list[EpochRecord] = Field(default_factory=list)
    timing: Timing = Timing()
    environment: ExecutionEnvironment = ExecutionEnvironment()
    provenance: dict[str, Record] = Field(default_factory=dict)
    model: ModelSummary = ModelSummary()
    trial: ExecutionTrial | None = None
    sections: list[list[str]] = Field(default_factory=list)
    analyses: dict[str, Mapping[str, Any]] = Field(default_factory=dict)
    signs: VerdictFacts = VerdictFacts()
    tuning: TuningAccount = TuningAccount()

    @property
    def brief(self) -> str:
        """Folder, status and main metric: ``runs/digits: completed, val accuracy 97.2%``."""
        metric = main_metric("regression" if self.has_values else None)
        found = {split: metric.value(each) for split, each in self.metrics.items()}
        scores = (f"{split} {metric.name} {metric.text(value)}" for split, value in found.items() if value is not None)
        return f"{self.dir or self.run}: {', '.join([self.status or 'scored', *scores])}"

    def __repr__(self) -> str:
        return f"<RunResult {self.brief}>"

    __str__ = __repr__

    @field_validator("splits", "metrics", "mistakes", mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        """A split without numbers is as good as none."""
        return {k: v for k, v in value.items() if v is not None} if isinstance(value, Mapping) else value

    @property
    def several_labels(self) -> bool:
        """True where an image may have several labels."""
        return self.task == "multi-label"

    @property
    def has_values(self) -> bool:
        """True for a regression, whose answers are values instead of classes."""
        return self.task == "regression"

    @property
    def best_epoch(self) -> int | None:
        """The number of the epoch whose weights are kept."""
        return None if self.best is None else self.best.epoch

    def metrics_of(self, split: str | None) -> SplitMetrics:
        """The final numbers of a split; empty where it has none."""
        return self.metrics.get(split or "", SplitMetrics())

    def images_of(self, split: str | None) -> SplitSummary:
        """The summary of a split's images; empty where it has none."""
        return self.splits.get(split or "", SplitSummary())


def read_result(folder: Path) -> RunResult:
    """Read the result.json of a run, of any version.

    Raises:
        RequestError: there is none, or it is damaged.
    """
    try:
        document = read_json_mapping(folder / RESULT)
    except FileNotFoundError:
        raise RequestError(
            f"{folder} has no {RESULT}: the run has not finished. Resume with: zoo run --resume {folder}"
        ) from None
    with damage_reported(folder):
        return RunResult.read(document)


def read_epochs(folder: Path) -> list[EpochRecord]:
    """Read the metrics.jsonl of a run that is going on, or has ended.

    Raises:
        OSError: there is none.
        ValueError: a line is damaged.
    """
    return [EpochRecord.read(json.loads(line)) for line in read_plain(folder / METRICS).splitlines()]


@contextlib.contextmanager
def damage_reported(folder: Path) -> Iterator[None]:
    """Report a document with the right keys and the wrong values as damaged.

    Raises:
        RequestError: the block raised what such a document makes it raise.
    """
    try:
        yield
    except _DAMAGE as error:
        raise RequestError(
            f"The result in {folder} is damaged, or from an incompatible zoo ({type(error).__name__}: {error}). "
            f"Evaluate the model again: zoo evaluate {folder}"
        ) from error
