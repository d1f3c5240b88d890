"""Flatten a job, an epoch and a result to names and values, the only form that trackers support."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["dataset_name", "epoch_numbers", "final_numbers", "parameters", "table"]

Value = bool | int | float | str


def dataset_name(run: Any) -> str:
    """Name of the dataset without its plugin, for a project or an experiment of a tracker: ``digits``."""
    return str(run.job["dataset"]["name"]).rpartition("/")[2]


def parameters(run: Any) -> dict[str, Value]:
    """Parameters of a run: the job by dotted paths, and the sizes of the model and the splits."""
    flat = dict(_leaves("", run.job))
    if "parameters" in run.model:
        flat["model.parameters"] = run.model["parameters"]
    for split, summary in run.splits.items():
        flat[f"splits.{split}.images"] = summary["images"]
    flat["values" if getattr(run, "task", None) == "regression" else "classes"] = len(run.classes)
    return flat


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Value]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), item)
    elif isinstance(value, bool | int | float | str):
        yield path, value
    elif value is not None:  # unset values are omitted
        yield path, json.dumps(value, default=str, ensure_ascii=False)


def epoch_numbers(epoch: Mapping[str, Any]) -> dict[str, float]:
    """Scalars of an epoch's record: ``train/loss``, ``val/accuracy`` …, ``lr``, ``images_per_second``, ``seconds``.

    The numbers that callbacks log are named ``logged/NAME``.
    """
    flat = _numbers({group: epoch.get(group) or {} for group in ("train", "val", "logged")})
    flat |= _numbers({"": {name: epoch.get(name) for name in ("lr", "images_per_second", "seconds")}})
    return flat


def final_numbers(result: Mapping[str, Any]) -> dict[str, float]:
    """Final metrics of the best weights: ``final/val/accuracy``, ``final/test/loss`` …"""
    return _numbers({f"final/{split}": numbers for split, numbers in result.get("metrics", {}).items()})


def _numbers(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    return {
        f"{group}/{name}" if group else name: float(value)
        for group, numbers in groups.items()
        for name, value in numbers.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def table(rows: Mapping[str, object]) -> str:
    """Format names and values as a Markdown table."""
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def _cell(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    return " ".join(str(value).split()).replace("|", "\\|")
