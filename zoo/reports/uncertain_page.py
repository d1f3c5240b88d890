"""The page of a run: what chance leaves open, and whether its confidence means what it says."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from zoo.reports import reading
from zoo.reports.chart import Chart
from zoo.reports.uncertain import calibration_words, numbers_table
from zoo.reports.words import percent

__all__ = ["reliability_plot", "uncertain_sections"]


def uncertain_sections(result: reading.Result) -> Iterable[dict[str, Any]]:
    """For each split that was scored: ``split``, ``rows``, ``baseline``, ``calibration`` (words) and ``plot`` (SVG)."""
    from markupsafe import Markup

    for split in result.get("metrics") or {}:
        rows, metrics = numbers_table(result, split), reading.split_metrics(result, split)
        if rows:
            answer = reading.label_names((metrics.get("baseline") or {}).get("answer"))
            plot = Markup(reliability_plot(metrics.get("calibration") or {}))
            words = calibration_words(metrics)
            yield {"split": split, "rows": rows, "baseline": answer, "calibration": words, "plot": plot}


def reliability_plot(found: dict[str, Any]) -> str:
    """Accuracy over confidence, bin by bin, before and after the temperature; empty where nothing was measured."""
    if not found.get("reliability"):
        return ""
    chart = Chart((420, 340), (0, 1.02), (0, 1.02), "confidence", "accuracy")
    chart.curve([(0, 0), (1, 1)], "line", 1.5)
    scaled = (found.get("scaled") or {}).get("reliability") or []
    for rows, role, label in (
        (found["reliability"], "train", "as the network gives it"),
        (scaled, "val", "by temperature"),
    ):
        if rows:
            most = max(row["images"] for row in rows)
            points = [(row["confidence"], row["accuracy"]) for row in rows]
            chart.curve(points, role, 1.5)
            titles = [f"{row['images']:,} images: {percent(row['accuracy'])} right" for row in rows]
            chart.dots(points, role, titles, [2 + 5 * math.sqrt(row["images"] / most) for row in rows])
            chart.legend(role, label, dot=True)
    return chart.svg()
