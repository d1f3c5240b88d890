"""The summary of several runs as a typed document: summary.json."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from zoo.runner.job_record import JobRecord
from zoo.runner.records import Number, Record
from zoo.runner.run_result import damage_reported
from zoo.storage.files import read_json_mapping

__all__ = ["SUMMARY", "MemberSummary", "MetricSpread", "OutOfFoldScores", "RepeatsSummary", "read_summary"]

SUMMARY = "summary.json"


class MetricSpread(Record):
    """One number over several runs.

    Args:
        std: the sample's (n - 1); None of a single run.
        values: in the order of the runs that have ended. Where one of them is None (not a number), so are the others.
    """

    mean: Number | None = None
    std: Number | None = None
    min: Number | None = None
    max: Number | None = None
    values: list[Number | None] = Field(default_factory=list)


class MemberSummary(Record):
    """One of the runs; its status is ``missing`` where it has not begun."""

    run: str = ""
    dir: str = ""
    seed: int | None = None
    fold: int | None = None
    status: str = "missing"
    best_epoch: int | None = None
    epochs: int | None = None
    total_s: Number | None = None


class OutOfFoldScores(Record):
    """The numbers of all training images, each predicted by the run that did not train on it."""

    images: int
    accuracy: Number | None = None
    f1_macro: Number | None = None
    mae: Number | None = None
    rmse: Number | None = None
    r2: Number | None = None
    spearman: Number | None = None


class TotalTime(Record):
    """Seconds of all runs together."""

    total_s: Number | None = None


class RepeatsSummary(Record):
    """The summary of several runs of one job.

    Args:
        status: ``running``, ``completed``, ``interrupted`` or ``failed``.
        run, dir: the name and the folder of the summary.
        by: ``seed`` or ``fold``, the difference between the runs.
        job: with ``data.fold`` None where it is each in turn.
        metrics: split -> name of a number -> its spread.
        out_of_fold: None until all folds are done, and for seeds.
    """

    status: str | None = None
    run: str | None = None
    dir: str | None = None
    by: str
    count: int
    job: JobRecord = JobRecord()
    task: str | None = None
    classes: list[str] = Field(default_factory=list)
    members: list[MemberSummary] = Field(default_factory=list)
    metrics: dict[str, dict[str, MetricSpread]] = Field(default_factory=dict)
    out_of_fold: OutOfFoldScores | None = None
    notices: list[str] = Field(default_factory=list)
    timing: TotalTime = TotalTime()

    def number_of(self, member: MemberSummary) -> int | None:
        """The seed or the fold of a run."""
        return member.fold if self.by == "fold" else member.seed


def read_summary(folder: Path) -> RepeatsSummary:
    """Read the summary.json of a folder.

    Raises:
        FileNotFoundError: there is none.
        RequestError: it is damaged.
    """
    document = read_json_mapping(folder / SUMMARY)
    with damage_reported(folder):
        return RepeatsSummary.read(document)
