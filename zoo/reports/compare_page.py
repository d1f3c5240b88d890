"""The page of a comparison: the sentence, a forest plot of the differences, and the images that make them."""

from __future__ import annotations

from pathlib import Path

from zoo.evaluation.comparison import NO_DIFFERENCE
from zoo.reports.compare import SHARES, Document, caveat, gap, main_figures, metric_label, p_value, span
from zoo.reports.drawing import Scale, axis_number
from zoo.reports.pages import template
from zoo.reports.words import figure
from zoo.storage.files import write_text

LOWER = ("log_loss", "mae", "rmse")
"""Metrics for which lower is better."""

__all__ = ["forest_scale", "render_comparison", "write_comparison"]


def write_comparison(found: Document, path: Path) -> None:
    """Write the page of a comparison, whole or not at all.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    write_text(path, render_comparison(found))


def render_comparison(found: Document) -> str:
    """The page of what :func:`zoo.evaluation.comparison.compare_runs` gives."""
    metrics = list(found["runs"][0]["metrics"])
    scales = [(metric, scale) for metric in metrics if (scale := forest_scale(found, metric))]
    return template("compare.html.j2").render(
        found=found,
        metrics=metrics,
        scales=scales,
        shares=SHARES,
        axis_number=axis_number,
        label=metric_label,
        figure=figure,
        gap=gap,
        span=span,
        p=p_value,
        main=main_figures,
        lower=LOWER,
        no_difference=NO_DIFFERENCE,
        caveat=caveat(found),
    )


def forest_scale(found: Document, metric: str) -> Scale | None:
    """From the differences in a metric to percent of the plot's width, zero in its middle; None without intervals.

    Scores in percent share one scale.
    """
    alike = SHARES if metric in SHARES else (metric,)
    figures = [row["metrics"][name] for row in found["comparisons"] for name in alike if name in row["metrics"]]
    ends = [end for each in figures if each["interval"] for end in (*each["interval"], each["difference"])]
    if not any(row["metrics"][metric]["interval"] for row in found["comparisons"]):
        return None
    most = max(map(abs, ends)) * 1.08 or 1.0
    return Scale(-most, most, 0, 100)
