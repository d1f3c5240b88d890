"""The summary of repeated runs of one job, and the format of summary.json.

``schema``, ``status`` (running|completed|interrupted|failed), ``run`` and ``dir`` (of the summary), ``by`` (seed|fold),
``count``, ``job`` (with ``data.fold`` null for folds), ``task``, ``classes``,
``members[].{run,dir,seed,fold,status,best_epoch,epochs,total_s}`` (``missing`` where a run has not begun),
``metrics.{val,test}.NAME.{mean,std,min,max,values}``, ``out_of_fold.{images,accuracy,f1_macro,f1_micro,
confusion_matrix,per_class}`` (of a regression ``{images,mae,rmse,r2,spearman,per_output}``), ``notices``,
``timing.total_s``.

``std`` is the sample standard deviation (n - 1), null for a single run; ``values`` are in the order of the finished
members. If one of them is null (not a number), the statistics are null too. ``out_of_fold`` counts every training image
once, as predicted by the run that did not train on it; it is null for seeds, and until all folds are finished.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.job.resolve import Resolved
from zoo.runner.job_record import JobRecord
from zoo.runner.repeats_summary import MemberSummary, MetricSpread, OutOfFoldScores, RepeatsSummary
from zoo.runner.run_result import RunResult

SCHEMA = 1
SEED, FOLD = "seed", "fold"
Results = Mapping[str, RunResult]


@dataclass(frozen=True)
class RepeatedRun:
    """One of several repeated runs: its name, its seed or fold, and its job."""

    name: str
    by: str
    number: int
    resolved: Resolved


def summarise(
    folder: Path, status: str, members: Sequence[RepeatedRun], results: Results, told: Mapping[str, str]
) -> RepeatsSummary:
    """Build the content of summary.json.

    Args:
        folder: folder of the summary, next to those of the runs.
        results: results of the finished runs, by name.
        told: status of the other runs, by name.
    """
    ended = [results[member.name] for member in members if member.name in results]
    by = members[0].by
    return RepeatsSummary.read(
        {
            "schema": SCHEMA,
            "status": status,
            "run": folder.name,
            "dir": str(folder),
            "by": by,
            "count": len(members),
            "job": _job(members[0]),
            "task": ended[0].task if ended else None,
            "classes": ended[0].classes if ended else [],
            "members": [_member(member, folder, results.get(member.name), told) for member in members],
            "metrics": {split: _metrics(ended, split) for split in ("val", "test") if _measured(ended, split)},
            "out_of_fold": _out_of_fold(ended) if by == FOLD and len(ended) == len(members) else None,
            "notices": _notices(ended, by),
            "timing": {"total_s": sum(result.timing.total_s or 0.0 for result in ended)},
        }
    )


def spread(values: Sequence[float | None]) -> MetricSpread:
    """Mean, sample standard deviation (n - 1), minimum and maximum of the runs' values.

    Returns:
        ``mean``, ``std``, ``min``, ``max`` and ``values``; ``std`` is None for a single value, all are None if one is.
    """
    known = [float(v) for v in values if v is not None]
    if not known or len(known) < len(values):
        return MetricSpread(mean=None, std=None, min=None, max=None, values=list(values))
    std = statistics.stdev(known) if len(known) > 1 else None
    return MetricSpread(mean=statistics.fmean(known), std=std, min=min(known), max=max(known), values=[*known])


def _job(first: RepeatedRun) -> JobRecord:
    job = first.resolved.job.plain()
    if first.by == FOLD:
        job["data"]["fold"] = None
    return JobRecord.read(job)


def _member(member: RepeatedRun, folder: Path, result: RunResult | None, told: Mapping[str, str]) -> MemberSummary:
    job, ended = member.resolved.job, result or RunResult()
    return MemberSummary(
        run=member.name,
        dir=str(folder.parent / member.name),
        seed=job.seed,
        fold=job.data.fold,
        status=ended.status or told.get(member.name, "missing"),
        best_epoch=ended.best_epoch,
        epochs=None if result is None else len(result.epochs),
        total_s=ended.timing.total_s,
    )


def _measured(ended: Sequence[RunResult], split: str) -> bool:
    return any(result.metrics_of(split).keys() for result in ended)


def _metrics(ended: Sequence[RunResult], split: str) -> dict[str, MetricSpread]:
    """Statistics of every scalar metric; matrices and per-class metrics are left out."""
    found = [result.metrics_of(split).numbers for result in ended]
    names = dict.fromkeys(name for numbers in found for name in numbers)
    return {name: spread([numbers.get(name) for numbers in found]) for name in names}


def _out_of_fold(ended: Sequence[RunResult]) -> OutOfFoldScores | None:
    """Pooled metrics of all training images, each predicted by the run that was not trained on it."""
    if ended[0].has_values:
        return _values_out_of_fold(ended)
    import torch  # a dry run must not import torch

    from zoo.engine.multilabel import label_scores
    from zoo.engine.scores import scores

    parts = [result.metrics["val"] for result in ended]
    total = torch.tensor([part.confusion_matrix for part in parts]).sum(dim=0)
    if total.ndim == 2:
        found = {"images": int(total.sum()), **scores(total, ended[0].classes), **_in_ranks(total, ended[0].task)}
        return OutOfFoldScores.read(found)
    images = [int(torch.tensor(part.confusion_matrix[0]).sum()) for part in parts]
    right = sum((part.accuracy or 0.0) * count for part, count in zip(parts, images, strict=True))
    found = {"images": sum(images), "accuracy": right / sum(images)}
    return OutOfFoldScores.read({**found, **label_scores(total, ended[0].classes)})


def _in_ranks(matrix: Any, task: str | None) -> dict[str, float]:
    """The further metrics of ordered classes, of counts (K, K)."""
    if task != "ordinal":
        return {}
    from zoo.engine.ordinal_scores import mean_rank_error, quadratic_weighted_kappa

    return {"mae_ranks": mean_rank_error(matrix), "qwk": quadratic_weighted_kappa(matrix)}


def _values_out_of_fold(ended: Sequence[RunResult]) -> OutOfFoldScores | None:
    """Pooled metrics of a regression; None where a run's predictions are gone."""
    import torch

    from zoo.engine.regression import RegressionTask
    from zoo.runner.predictions import read_predictions

    try:
        kept = [read_predictions(Path(result.dir or ""), "val") for result in ended]
    except RequestError:
        return None
    values, targets = (
        torch.cat([torch.from_numpy(array) for array in arrays])
        for arrays in ([each.logits for each in kept], [each.targets for each in kept])
    )
    return OutOfFoldScores.read({"images": len(values), **RegressionTask().numbers(values, targets, ended[0].classes)})


def _notices(ended: Sequence[RunResult], by: str) -> list[str]:
    """Collect the runs' notices without duplicates, and add those on limited comparability."""
    texts = [text for result in ended for text in result.notices]
    prints = {result.images_of("val").fingerprint for result in ended}
    if by == SEED and len(prints) > 1:
        texts.append("Each seed held out different images of train for validation: the spread includes their effect.")
    made_with = {str((result.environment.versions, result.environment.device)) for result in ended}
    if len(made_with) > 1:
        texts.append("The runs used different devices or versions: the spread includes their effect.")
    return list(dict.fromkeys(texts))
