"""Plots of a regression's predictions, as SVG for a page: predicted against true values, and the errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.errors import RequestError
from zoo.reports.chart import Chart, padded
from zoo.reports.plots import short_label
from zoo.reports.words import value_text
from zoo.runner.predictions import predictions_file, read_predictions
from zoo.runner.run_result import RunResult

__all__ = ["ValuePlots", "error_histogram", "error_plot", "scatter_plot", "value_plots"]

MOST = 2000
"""Number of images above which neighbours share a dot."""
CELLS = 64
"""Cells of a side of the plot, each with one dot for its images."""
BARS = 40
"""Maximum number of bars of a histogram."""
OUTPUTS = 6
"""Maximum number of values that are drawn."""
SIZE = (400, 330)
Column = NDArray[np.float64]


@dataclass(frozen=True)
class ValuePlots:
    """The plots of one value.

    Args:
        name: of the value.
        scatter: predicted against true values.
        errors: errors against predicted values.
        histogram: of the errors.
    """

    name: str
    scatter: str
    errors: str
    histogram: str


def value_plots(result: RunResult, folder: Path) -> dict[str, list[ValuePlots]]:
    """Draw the predictions of each split that are stored in a folder.

    Args:
        result: of a regression; there are no plots of another one.
        folder: of the run, or of an evaluation.

    Returns:
        Split -> the plots of each of its values.
    """
    if not result.has_values:
        return {}
    found = {}
    for split in result.metrics:
        if predictions_file(folder, split).is_file() and (plots := _plots(folder, split, result.classes)):
            found[split] = plots
    return found


def _plots(folder: Path, split: str, classes: list[str]) -> list[ValuePlots]:
    """Draw a split's predictions; none where they can't be read, or are of another model."""
    try:
        kept = read_predictions(folder, split)
    except RequestError:
        return []
    if kept.classes != classes or not kept.has_values:
        return []
    columns = zip(classes, kept.targets.T, kept.logits.T, strict=True)
    drawn = ((name, true.astype(np.float64), value.astype(np.float64)) for name, true, value in columns)
    return [
        ValuePlots(name, scatter_plot(true, value, kept.names), error_plot(true, value), error_histogram(value - true))
        for name, true, value in list(drawn)[:OUTPUTS]
    ]


def scatter_plot(true: Column, predicted: Column, names: list[str]) -> str:
    """Predicted against true values, (N,) each, with the diagonal of perfect answers."""
    ends = padded([*true.tolist(), *predicted.tolist()])
    chart = Chart(SIZE, ends, ends, "true", "predicted")
    chart.curve([(ends[0], ends[0]), (ends[1], ends[1])], "soft", 1.5, stroke_dasharray="5 4")
    _dots(chart, true, predicted, "true {}, predicted {}", names)
    chart.legend("val", "images", dot=True)
    return chart.svg()


def error_plot(true: Column, predicted: Column) -> str:
    """Errors against predicted values, (N,) each, with a line at 0."""
    errors = predicted - true
    across = padded(predicted.tolist())
    chart = Chart(SIZE, across, padded([0.0, *errors.tolist()]), "predicted", "predicted − true")
    chart.curve([(across[0], 0.0), (across[1], 0.0)], "soft", 1.5, stroke_dasharray="5 4")
    _dots(chart, predicted, errors, "predicted {}, error {}")
    chart.legend("val", "images", dot=True)
    return chart.svg()


def error_histogram(errors: Column) -> str:
    """Number of images by error, (N,)."""
    bars = min(BARS, max(5, round(2 * len(errors) ** (1 / 3))))
    counts, edges = np.histogram(errors, bars)
    chart = Chart(SIZE, padded(edges.tolist()), (0.0, float(counts.max()) * 1.05), "predicted − true", "images")
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        (left, top), (right, bottom) = chart.at((low, count)), chart.at((high, 0.0))
        title = f"{value_text(low)} to {value_text(high)}: {count:,} image{'' if count == 1 else 's'}"
        chart.canvas.rect((left, top), (max(1.0, right - left - 1), bottom - top), "val", title, fill_opacity=0.75)
    chart.curve([(0.0, 0.0), (0.0, float(counts.max()) * 1.05)], "soft", 1.5, stroke_dasharray="5 4")
    return chart.svg()


def _dots(chart: Chart, x: Column, y: Column, words: str, names: list[str] | None = None) -> None:
    """A dot for each image; of many images one for each cell, the darker the more there are."""
    if len(x) > MOST:
        for at, images, opacity in _cells(x, y):
            title = f"about {words.format(*map(value_text, at))}: {images:,} images"
            chart.canvas.dot(*chart.at(at), "val", title, 3, fill_opacity=opacity)
        return
    for i, at in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        title = words.format(*map(value_text, at)) + (f"\n{short_label(names[i])}" if names else "")
        chart.canvas.dot(*chart.at(at), "val", title, 3, fill_opacity=0.45)


def _cells(x: Column, y: Column) -> Iterator[tuple[tuple[float, float], int, float]]:
    """Middle of each occupied cell, its number of images, and the opacity of its dot."""
    counts, across, up = np.histogram2d(x, y, CELLS)
    most = counts.max()
    for i, j in np.argwhere(counts).tolist():
        middle = float(across[i : i + 2].mean()), float(up[j : j + 2].mean())
        yield middle, int(counts[i, j]), round(0.15 + 0.85 * float(np.sqrt(counts[i, j] / most)), 2)
