"""The plots of a run's page, as SVG that stands in it: their text stays text, their colours are the page's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain

from zoo.reports import reading
from zoo.reports.chart import Chart, padded, text_width
from zoo.reports.drawing import Canvas
from zoo.reports.words import clean, percent
from zoo.runner.measurements import CalibrationScores, ReliabilityBin
from zoo.runner.run_result import RunResult

__all__ = ["accuracy_plot", "confusion_plot", "loss_plot", "reliability_plot", "short_label"]

PLOT_CLASSES = 30
"""A confusion matrix of more classes can't be read."""
CELL_CLASSES = 15
"""Up to so many, each cell has its number in it."""
LABEL = 22
"""Characters of a class name at an axis."""
LABEL_SIZE = 11
"""Of the letters of class names, in pixels."""


def loss_plot(result: RunResult) -> str:
    """Loss over the epochs; empty where there is nothing to draw."""
    return _curves(result, "loss", "loss")


def accuracy_plot(result: RunResult) -> str:
    """The main metric over the epochs: the accuracy in percent, or the mean absolute error."""
    metric = reading.metric_in(result)
    if not metric.is_share:
        return _curves(result, metric.key, metric.name)
    return _curves(result, "accuracy", f"{metric.name}, %", 100.0)


def short_label(name: object) -> str:
    """A name at an axis: its beginning and its end, where it is long."""
    text = clean(name)
    return text if len(text) <= LABEL else f"{text[: LABEL // 3]}…{text[-(LABEL - LABEL // 3 - 1) :]}"


def _curves(result: RunResult, metric: str, label: str, scale: float = 1.0) -> str:
    epochs = [record.epoch or i for i, record in enumerate(result.epochs, 1)]
    curves = {split: [scale * v for v in reading.curve(result, split, metric)] for split in ("train", "val")}
    curves = {split: values for split, values in curves.items() if any(map(math.isfinite, values))}
    if not curves:
        return ""
    chart = Chart((520, 320), padded(epochs), padded(chain(*curves.values())), "epoch", label, whole_x=True)
    points = {split: list(zip(epochs, values, strict=True)) for split, values in curves.items()}
    for split, each in points.items():
        chart.curve(each, split)
        if len(epochs) < 3:
            chart.dots(each, split, [""] * len(each), [4] * len(each))
        chart.legend(split, split)
    _mark_best(chart, result, metric, scale)
    chart.columns([(epoch, _title(epoch, i, curves, label)) for i, epoch in enumerate(epochs)], points)
    return chart.svg()


def _title(epoch: int, index: int, curves: Mapping[str, Sequence[float]], label: str) -> str:
    """The values of an epoch, a line each."""
    sign = "%" if label.endswith("%") else ""
    lines = [f"{split} {values[index]:.4g}{sign}" for split, values in curves.items() if math.isfinite(values[index])]
    return "\n".join([f"epoch {epoch}", *lines])


def _mark_best(chart: Chart, result: RunResult, metric: str, scale: float) -> None:
    best = result.best_epoch
    value = next((record.val.value(metric) for record in result.epochs if record.epoch == best), None)
    if best is None or value is None or not math.isfinite(value):
        return
    ends = [(best, chart.y.low), (best, chart.y.high)]
    chart.curve(ends, "val", 1, stroke_dasharray="3 3")
    chart.dots([(best, scale * value)], "val", [""], [5])
    chart.legend("val", f"best: epoch {best}", dot=True)


def confusion_plot(result: RunResult, split: str | None) -> str:
    """The confusion matrix, a row a true class, shaded by the share of its row; empty for many classes."""
    matrix = reading.confusion_of(result, split)
    classes = [short_label(name) for name in result.classes]
    if not 0 < len(matrix) <= PLOT_CLASSES or len(classes) != len(matrix):
        return ""
    side = 84 if len(matrix) <= 4 else 38 if len(matrix) <= 10 else 34 if len(matrix) <= CELL_CLASSES else 18
    upright = any(text_width(name, LABEL_SIZE) > side - 4 for name in classes)
    longest = max(text_width(name, LABEL_SIZE) for name in classes)
    left, below = 34 + longest, (longest if upright else 14) + 34
    canvas = Canvas(left + side * len(classes) + 4, 4 + side * len(classes) + below)
    _cells(canvas, matrix, classes, left, side)
    _names(canvas, classes, left, side, upright)
    return canvas.svg()


def _names(canvas: Canvas, classes: list[str], left: float, side: int, upright: bool) -> None:
    """Of the classes, on both sides."""
    whole = side * len(classes)
    for i, name in enumerate(classes):
        middle = (i + 0.5) * side
        canvas.text(left - 6, 4 + middle + 4, name, "end", size=LABEL_SIZE)
        if upright:
            canvas.text(left + middle + 4, whole + 12, name, "end", size=LABEL_SIZE, upright=True)
        else:
            canvas.text(left + middle, whole + 20, name, size=LABEL_SIZE)
    canvas.text(left + whole / 2, canvas.height - 8, "predicted")
    canvas.text(16, 4 + whole / 2, "true", upright=True)


def _cells(canvas: Canvas, matrix: list[list[int]], classes: list[str], left: float, side: int) -> None:
    filled = [(i, j, cell, cell / sum(row)) for i, row in enumerate(matrix) for j, cell in enumerate(row) if cell]
    for i, j, cell, share in filled:
        # A third of a class gone wrong is as glaring as can be: errors are small shares, and matter.
        role, strength = ("cell-right", share) if i == j else ("cell-wrong", min(1.0, 3 * share))
        x, y = left + j * side, 4 + i * side
        title = f"true {classes[i]}\npredicted {classes[j]}\n{cell:,} images, {percent(share)} of the true class"
        canvas.rect((x + 1, y + 1), (side - 2, side - 2), role, title, fill_opacity=round(0.12 + 0.88 * strength, 3))
        if len(matrix) <= 4:
            canvas.text(x + side / 2, y + side / 2 - 2, f"{cell:,}", size=14)
            canvas.text(x + side / 2, y + side / 2 + 15, percent(share), size=14)
        elif len(matrix) <= CELL_CLASSES:
            canvas.text(x + side / 2, y + side / 2 + 4, f"{cell:,}", size=LABEL_SIZE if cell < 10_000 else 8)


def reliability_plot(found: CalibrationScores) -> str:
    """Accuracy over confidence, bin by bin, before and after the temperature; empty where nothing was measured."""
    if not found.reliability:
        return ""
    chart = Chart((420, 340), (0, 1.02), (0, 1.02), "confidence", "accuracy")
    chart.curve([(0, 0), (1, 1)], "line", 1.5)
    scaled = [] if found.scaled is None else found.scaled.reliability
    for rows, role, label in (
        (found.reliability, "train", "raw confidence"),
        (scaled, "val", "temperature-scaled"),
    ):
        if rows:
            most = max(row.images for row in rows)
            points = [(row.confidence, row.accuracy) for row in rows]
            chart.curve(points, role, 1, stroke_opacity=0.45)
            chart.dots(points, role, map(_bin_title, rows), [2 + 5 * math.sqrt(row.images / most) for row in rows])
            chart.legend(role, label, dot=True)
    return chart.svg()


def _bin_title(row: ReliabilityBin) -> str:
    return f"confidence {percent(row.confidence)}: {percent(row.accuracy)} of {row.images:,} images right"
