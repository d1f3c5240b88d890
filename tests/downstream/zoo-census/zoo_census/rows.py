"""Rows about runs, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.runs import is_run, read_result


def census(folder: str | Path = "runs") -> list[dict[str, Any]]:
    """List the runs of a folder: name, status, classes, accuracy; an unreadable one has a problem instead."""
    root = Path(folder)
    found = sorted(path for path in root.iterdir() if is_run(path)) if root.is_dir() else []
    return [row(path) for path in found]


def row(path: Path) -> dict[str, Any]:
    try:
        result = read_result(path)
    except ZooError as error:
        return {"run": path.name, "problem": str(error)}
    val = result.metrics.get("val")
    return {
        "run": path.name,
        "status": result.status,
        "classes": len(result.classes),
        "accuracy": None if val is None else val.accuracy,
    }
