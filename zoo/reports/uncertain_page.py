"""Confidence intervals and calibration on the page of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from zoo.reports import reading
from zoo.reports.chart import Chart
from zoo.reports.uncertain import Rows, calibration_words, numbers_table
from zoo.reports.words import percent
from zoo.runner.measurements import CalibrationScores
from zoo.runner.run_result import RunResult

__all__ = ["UncertainSection", "reliability_plot", "uncertain_sections"]


@dataclass(frozen=True)
class UncertainSection:
    """The section of a split: its table, the baseline's answer, the calibration in words and its plot (SVG)."""

    split: str
    rows: Rows
    baseline: str
    calibration: str
    plot: str


def uncertain_sections(result: RunResult) -> Iterable[UncertainSection]:
    """A section for each split that has intervals."""
    from markupsafe import Markup

    for split in result.metrics:
        rows, metrics = numbers_table(result, split), result.metrics_of(split)
        if rows:
            answer = reading.label_names(metrics.baseline.answer)
            plot = Markup(reliability_plot(metrics.calibration))
            words = calibration_words(metrics.calibration)
            yield UncertainSection(split, rows, answer, words, plot)


def reliability_plot(found: CalibrationScores) -> str:
    """Accuracy over confidence, bin by bin, before and after the temperature; empty where nothing was measured."""
    if not found.reliability:
        return ""
    chart = Chart((420, 340), (0, 1.02), (0, 1.02), "confidence", "accuracy")
    chart.curve([(0, 0), (1, 1)], "line", 1.5)
    scaled = [] if found.scaled is None else found.scaled.reliability
    for rows, role, label in (
        (found.reliability, "train", "uncalibrated"),
        (scaled, "val", "with temperature"),
    ):
        if rows:
            most = max(row.images for row in rows)
            points = [(row.confidence, row.accuracy) for row in rows]
            chart.curve(points, role, 1.5)
            titles = [f"{row.images:,} images: {percent(row.accuracy)} right" for row in rows]
            chart.dots(points, role, titles, [2 + 5 * math.sqrt(row.images / most) for row in rows])
            chart.legend(role, label, dot=True)
    return chart.svg()
