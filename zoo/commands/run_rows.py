"""Rows for ``zoo runs list``: filtering, sorting and ranking of runs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.runner.measurements import SplitMetrics
    from zoo.runner.run_result import RunResult

WHEN = "when"
_BY = ("when", "run", "took")
_LOWER = ("loss", "error", "ece", "nll", "hamming", "seconds", "took", "mae", "rmse", "mae_ranks")
"""Endings of metrics for which lower values are better."""
_AGO = re.compile(r"(\d{1,6})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
Row = Mapping[str, Any]


def since(text: str) -> datetime:
    """Parse a time: ``2026-05-01``, ``2026-05-01T12:00``, or an age such as ``36h``, ``7d``, ``2w``.

    Raises:
        RequestError: it has none of these forms.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return datetime.now().astimezone() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise RequestError(
            f"{text!r} is not a time. Give a date, --since 2026-05-01, or an age, --since 7d (36h, 2w)."
        ) from None


def chosen(rows: Iterable[Row], dataset: str | None, after: datetime | None) -> list[Row]:
    """Select runs of a dataset, given by name, full id or folder, that are not older than a time."""
    return [
        row
        for row in rows
        if (dataset is None or _is_of(row, dataset)) and (after is None or datetime.fromisoformat(row["when"]) >= after)
    ]


def _is_of(row: Row, dataset: str) -> bool:
    name, root = str(row.get("dataset") or ""), str(row.get("data") or "")
    return dataset in (name, name.rpartition("/")[2], root, Path(root).name if root else name)


def ordered(rows: list[Row], by: str, *, reverse: bool = False) -> list[Row]:
    """Sort rows by a number, best first, and add it as ``value``, with the ``rank``; rows without it come last.

    Args:
        by: ``val/accuracy`` and the like, ``took``, or ``run``; ``when`` keeps the order.
        reverse: sort worst first.

    Raises:
        RequestError: no run has such a number; the message lists the valid ones.
    """
    if by in (WHEN, "run"):
        found = rows if by == WHEN else sorted(rows, key=lambda row: row["run"])
        return found[::-1] if reverse else found
    rows = [{**row, "value": row.get("total_s") if by == "took" else number_at(row["metrics"], by)} for row in rows]
    having = [row for row in rows if isinstance(row["value"], int | float) and math.isfinite(row["value"])]
    if rows and not having:
        valid = sorted({name for row in rows for name in numbers_in(row["metrics"])})
        raise RequestError(
            f"No run here has {by!r}. Sort by {', '.join(_BY)}{''.join(f', {name}' for name in valid[:12])}."
        )
    lower = by.endswith(_LOWER) is not reverse
    having.sort(key=lambda row: row["value"] if lower else -row["value"])
    ranked = [{**row, "rank": i} for i, row in enumerate(having, 1)]
    return ranked + [row for row in rows if row not in having]


def number_at(metrics: Any, path: str) -> Any:
    """Look up ``val/accuracy`` or ``val/calibration/ece`` in nested metrics; None where it is missing."""
    for part in path.split("/"):
        metrics = metrics.get(part) if isinstance(metrics, dict) else None
    return None if isinstance(metrics, bool) else metrics


def numbers_in(metrics: Mapping[str, Mapping[str, object] | None]) -> Iterable[str]:
    """Paths of the scalar metrics that rows can be sorted by."""
    for split, each in metrics.items():
        for name, value in (each or {}).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield f"{split}/{name}"


def find_rows(out: Path) -> list[Row]:
    """Collect a row for each run in a folder, newest first."""
    from zoo.job.run_folder import IMPORTED, JOB

    files = [path for name in (JOB, IMPORTED) for path in out.glob(f"*/{name}")]
    files.sort(key=lambda p: (-p.stat().st_mtime, p.parent.name))
    return [_row(path) for path in files]


def _row(path: Path) -> Row:
    """Build the row of a run from its job file, or of an imported model from its record."""
    from zoo.job.run_folder import IMPORTED, RESULT
    from zoo.runner.run_result import RunResult, damage_reported, read_result
    from zoo.storage.files import read_json_mapping

    folder = path.parent
    when = datetime.fromtimestamp(path.stat().st_mtime).astimezone().isoformat(timespec="seconds")
    try:
        if path.name == IMPORTED:
            with damage_reported(folder):  # its training is unknown
                record = read_json_mapping(path)
                result = RunResult.read({"status": record["status"], "job": {"architecture": record["architecture"]}})
        else:
            result = read_result(folder)
    except RequestError:
        status = "damaged" if (folder / RESULT).is_file() else "not ended"
        return {"run": folder.name, "status": status, "when": when, "metrics": {}}
    return {"run": folder.name, **_columns(result), "when": when}


def _columns(result: RunResult) -> Row:
    """Extract a row's columns from a result."""
    job = result.job
    return {
        "status": str(result.status),
        "architecture": job.architecture.name,
        "dataset": job.dataset.name,
        "data": job.data_folder or None,
        "epochs": len(result.epochs),
        "val_accuracy": result.metrics_of("val").accuracy,
        "best_epoch": result.best_epoch,
        "total_s": result.timing.total_s,
        "metrics": {split: dict(_scalars(each)) for split, each in result.metrics.items()},
    }


def _scalars(metrics: SplitMetrics) -> Iterable[tuple[str, Any]]:
    """Scalar metrics, their intervals, and two entries of the calibration."""
    numbers, entries = metrics.numbers, {**metrics}
    for name, value in entries.items():
        if name in numbers or name == "intervals":
            yield name, value
        elif name == "calibration":
            yield name, {"ece": metrics.calibration.ece, "temperature": metrics.calibration.temperature}
