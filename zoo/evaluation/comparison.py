"""Paired comparison of runs on the images that all of them were evaluated on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.engine.bootstrap import (
    f1_macro,
    group_identical,
    mean_draws,
    resampled_counts,
    try_draws,
)
from zoo.engine.confidence_intervals import metric_score, one_thread
from zoo.engine.outputs import takes
from zoo.engine.statistics import CONFIDENCE, holm, mcnemar, paired_interval
from zoo.errors import RequestError, ZooError
from zoo.evaluation.group_comparison import compare_groups
from zoo.evaluation.value_comparison import (
    NO_DIFFERENCE,
    Document,
    bootstrapped,
    compared_values,
    value_numbers,
    value_verdict,
)
from zoo.job.run_folder import JOB, RESULT
from zoo.model.split_digest import recorded_split_digest
from zoo.registry.registry import Registry
from zoo.runner.matching import matched
from zoo.runner.predictions import Predictions, read_predictions, split_of
from zoo.runner.repeats_summary import SUMMARY
from zoo.runner.run_result import read_result

__all__ = ["ALPHA", "NO_DIFFERENCE", "compare", "compare_runs"]

ALPHA = 1 - CONFIDENCE
"""Family-wise significance level."""
SHOWN = 20
"""Maximum number of listed images that only one of two runs classifies correctly."""
Score = Callable[[Any, Any], float]


def compare_runs(
    folders: Sequence[Path],
    registry: Registry,
    split: str | None = None,
    *,
    shared: bool = False,
    group: str | None = None,
) -> Document:
    """Compare runs with the first of them.

    Args:
        folders: folders of two or more runs.
        registry: registry of the metrics.
        split: val or test; by default test where the first run has predictions for it, else val.
        shared: compare on the common images, where the runs were evaluated on different ones.
        group: compare within each group of images too, by a column that an evaluation with ``--group`` stored.

    Returns:
        ``split``, ``images``, ``runs[].{run,dir,seed,images,metrics}`` and ``comparisons[]``, see :func:`compare`; with
        ``group`` also that ``column`` and ``groups[]``, see :func:`zoo.evaluation.group_comparison.compare_groups`.

    Raises:
        RequestError: a run has no predictions, or predictions for other images; or the same dataset was divided into
            other splits for it.
    """
    names = _names(folders)
    for folder in folders:
        _check_single(folder)
    if not shared:
        _check_divisions(folders, names)
    wanted = split_of(folders[0], split)
    kept = {name: read_predictions(folder, wanted) for name, folder in zip(names, folders, strict=True)}
    same = matched(kept, wanted, shared=shared)
    metrics = {**_rank_errors(folders), **_common_metrics(folders, same[names[0]], registry)}
    rows = [
        {"run": name, "dir": str(folder), "seed": _job_of(folder).get("seed"), "images": len(kept[name].names)}
        for name, folder in zip(names, folders, strict=True)
    ]
    with one_thread():
        found = compare(same, metrics)
        groups = {} if group is None else {"column": group, "groups": compare_groups(same, group, compare)}
    for row, values in zip(rows, found.pop("values"), strict=True):
        row["metrics"] = values
    return {"split": wanted, "images": len(same[names[0]].names), "runs": rows, **found, **groups}


def _names(folders: Sequence[Path]) -> list[str]:
    """Names of the runs: their folders' names, or full paths where names are ambiguous."""
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise RequestError("A run can't be compared with itself: give two or more runs. See: zoo runs list")
    short = [folder.name for folder in folders]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]


def _check_single(folder: Path) -> None:
    """Check that a folder is a single run, not the summary of several.

    Raises:
        RequestError: the folder is the summary of several runs.
    """
    if (folder / SUMMARY).is_file() and not (folder / JOB).is_file():
        raise RequestError(f"{folder} has several runs. Compare one of them; for their names: zoo runs show {folder}")


def _check_divisions(folders: Sequence[Path], names: Sequence[str]) -> None:
    """Check that runs on the same dataset were trained with the same division into splits.

    Raises:
        RequestError: two of them were not.
    """
    found: dict[Any, tuple[str, str]] = {}
    for folder, name in zip(folders, names, strict=True):
        digest = recorded_split_digest(folder)
        dataset = _job_of(folder).get("dataset")
        root = dataset.get("root") if isinstance(dataset, Mapping) else None
        if digest is None or root is None:
            continue
        first, before = found.setdefault(root, (name, digest))
        if before != digest:
            raise RequestError(
                f"{first} and {name} were trained with different splits of {root} (digests {before[:12]} and "
                f"{digest[:12]}), so they differ in their training images too. Train both with one file; or compare "
                "them on the images that neither was trained on: --shared"
            )


def _job_of(folder: Path) -> Mapping[str, Any]:
    """The job of a run; empty where there is none."""
    from zoo.storage.safe_yaml import read_mapping

    return read_mapping(folder / JOB) if (folder / JOB).is_file() else {}


def _rank_errors(folders: Sequence[Path]) -> dict[str, Score]:
    """Mean absolute error in ranks, where the classes of all runs have an order; else empty."""
    if not all((folder / RESULT).is_file() and read_result(folder).task == "ordinal" for folder in folders):
        return {}
    return {"mae_ranks": lambda logits, targets: float(np.abs(logits.argmax(axis=1) - targets).mean())}


def _common_metrics(folders: Sequence[Path], kept: Predictions, registry: Registry) -> dict[str, Score]:
    """Metrics of the jobs that all runs share with the same parameters; empty where they can't be built."""
    import torch

    from zoo.job.layers import flatten
    from zoo.job.names import canonical, identify_in
    from zoo.job.request import make_request
    from zoo.job.resolve import resolve
    from zoo.runner.build import build_list, unique_names
    from zoo.storage.safe_yaml import read_mapping

    identify = identify_in(registry)
    jobs = [flatten(read_mapping(folder / JOB)) for folder in folders if (folder / JOB).is_file()]
    asked = [canonical(job, identify).get("metrics") for job in jobs]
    if not asked or not asked[0] or len(asked) < len(folders):
        return {}
    try:
        resolved = resolve(make_request({}, file=folders[0] / JOB), registry)
        names = kept.classes
        given = {"multilabel": kept.multilabel, "regression": kept.has_values, "classes": names}
        built = build_list(resolved, "metrics", resolved.job.metrics, len(names), **given)
    except ZooError:
        return {}

    def on_arrays(metric: Any) -> Score:
        score: Any = metric_score(metric)
        return lambda logits, targets: score(torch.from_numpy(logits), torch.from_numpy(targets))

    each = zip(unique_names(resolved.job.metrics), asked[0], built, strict=True)
    shared = {name: metric for name, said, metric in each if all(said in (one or []) for one in asked)}
    return {name: on_arrays(m) for name, m in shared.items() if not any(takes(m.update).values())}  # logits are kept


# -- the numbers ------------------------------------------------------------------------------------------


def compare(same: Mapping[str, Predictions], metrics: Mapping[str, Score] | None = None) -> Document:
    """Compare predictions for the same images, in the same order, with the first of them.

    Args:
        same: predictions by run.
        metrics: further scores by name: functions of logits (N, K) and targets.

    Returns:
        ``values`` (of each run, by metric), ``comparisons[].{run,against,verdict,counts,metrics,only_first,
        only_second}``, with ``metrics.NAME.{difference,interval,p,p_holm,test,significant}``; ``difference`` is the
        run's value minus the first run's, and significance is decided by ``p_holm``.
    """
    (first, one), *others = same.items()
    numbers = {name: dict(_numbers(each, metrics or {})) for name, each in same.items()}
    rows = [_compared(first, one, name, each, numbers, metrics or {}) for name, each in others]
    for metric in numbers[first]:
        found = [row["metrics"][metric] for row in rows]
        for figures, p in zip(found, holm([figures["p"] for figures in found]), strict=True):
            figures["p_holm"] = p
            figures["significant"] = p < ALPHA
    for row in rows:
        row["verdict"] = verdict(row)
    return {"values": [numbers[name] for name in same], "comparisons": rows}


def _numbers(kept: Predictions, metrics: Mapping[str, Score]) -> Iterator[tuple[str, float]]:
    if kept.has_values:
        yield from value_numbers(kept)
    else:
        yield "accuracy", float(kept.right.mean())
        yield "f1_macro", float(_f1(kept))
        yield "log_loss", float(_losses(kept).mean())
    for name, score in metrics.items():
        yield name, score(kept.logits, kept.targets)


def _f1(kept: Predictions) -> float:
    if kept.multilabel:
        return _label_f1(kept.targets & kept.predicted, kept.targets, kept.predicted)
    (true, predicted), counts = group_identical(kept.targets, kept.predicted)
    return float(f1_macro(counts[None], true, predicted)[0])


def _label_f1(hits: NDArray[Any], real: NDArray[Any], given: NDArray[Any]) -> float:
    below = real.sum(axis=0) + given.sum(axis=0)
    f1 = 2 * hits.sum(axis=0) / np.maximum(below, 1)
    return float(f1[below > 0].mean()) if (below > 0).any() else 0.0


def _losses(kept: Predictions) -> NDArray[np.float64]:
    """Negative log-likelihood of each image, (N,), by the temperature-scaled probabilities."""
    scaled = kept.logits.astype(np.float64) / kept.temperature
    if kept.multilabel:
        signed: NDArray[np.float64] = np.where(kept.targets, -scaled, scaled)
        return np.asarray(np.logaddexp(0, signed).mean(axis=1))
    rows = np.arange(len(scaled))
    losses: NDArray[np.float64] = np.logaddexp.reduce(scaled, axis=1) - scaled[rows, kept.targets]
    return losses


def _compared(
    first: str, one: Predictions, name: str, other: Predictions, numbers: Document, metrics: Mapping[str, Score]
) -> Document:
    found = compared_values(one, other) if one.has_values else _compared_classes(one, other)
    for metric, score in metrics.items():

        def drawn(chosen: Any, score: Score = score) -> float:
            return score(other.logits[chosen], other.targets[chosen]) - score(one.logits[chosen], one.targets[chosen])

        found[metric] = bootstrapped(try_draws(drawn, len(one.names)))
    for metric, figures in found.items():
        figures["difference"] = numbers[name][metric] - numbers[first][metric]
    shown = {} if one.has_values else _images(one, other)
    return {"run": name, "against": first, "metrics": found, **shown}


def _compared_classes(one: Predictions, other: Predictions) -> Document:
    only_one, only_other = int((one.right & ~other.right).sum()), int((other.right & ~one.right).sum())
    return {
        "accuracy": _accuracy(only_one, only_other, len(one.names)),
        "f1_macro": bootstrapped(_f1_draws(one, other)),
        "log_loss": bootstrapped(mean_draws(_losses(other) - _losses(one))),
    }


def _images(one: Predictions, other: Predictions) -> Document:
    """Numbers of images that both, one or none of two runs classify correctly, and some of those that one does."""
    right, also = one.right, other.right
    only_one, only_other = np.flatnonzero(right & ~also), np.flatnonzero(also & ~right)
    counts = {"both_right": int((right & also).sum()), "only_first": len(only_one), "only_second": len(only_other)}
    return {
        "counts": {**counts, "both_wrong": int((~right & ~also).sum())},
        "only_first": [one.names[i] for i in only_one[:SHOWN]],
        "only_second": [one.names[i] for i in only_other[:SHOWN]],
    }


def _accuracy(only_first: int, only_second: int, images: int) -> Document:
    interval = list(paired_interval(only_first, only_second, images))
    return {"interval": interval, "p": mcnemar(only_first, only_second), "test": "exact McNemar"}


def _f1_draws(one: Predictions, other: Predictions) -> NDArray[np.float64]:
    """Differences of the macro F1 in each resample, paired by image."""
    if one.multilabel:

        def drawn(chosen: Any) -> float:
            real = one.targets[chosen]
            first, second = one.predicted[chosen], other.predicted[chosen]
            return _label_f1(real & second, real, second) - _label_f1(real & first, real, first)

        return try_draws(drawn, len(one.names), 1000)
    (true, first, second), counts = group_identical(one.targets, one.predicted, other.predicted)
    return np.concatenate(
        [f1_macro(drawn, true, second) - f1_macro(drawn, true, first) for drawn in resampled_counts(counts)]
    )


def verdict(row: Document) -> str:
    """Verdict by accuracy, or by mean absolute error: the better run, or no significant difference."""
    if "mae" in row["metrics"]:
        return value_verdict(row)
    figures = row["metrics"]["accuracy"]
    if not figures["significant"]:
        return f"{row['run']} against {row['against']}: {NO_DIFFERENCE} in accuracy"
    better, worse = (row["run"], row["against"])[:: 1 if figures["difference"] > 0 else -1]
    return f"{better} is better than {worse} by {100 * abs(figures['difference']):.1f} points of accuracy"
