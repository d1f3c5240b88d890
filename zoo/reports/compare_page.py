"""The page of a comparison: a table, the differences with their intervals as a plot, and the images that make them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.evaluation.comparison import NO_DIFFERENCE
from zoo.reports.chart import padded, text_width
from zoo.reports.compare import SHARES, caveat, gap, metric_label, p_value, span
from zoo.reports.drawing import Canvas, Scale, axis_number
from zoo.reports.html import template
from zoo.reports.plots import short_label
from zoo.reports.words import figure
from zoo.storage.files import write_text

__all__ = ["difference_plot", "render_comparison", "write_comparison"]

Document = dict[str, Any]


def write_comparison(found: Document, path: Path) -> None:
    """Write the page of a comparison, whole or not at all.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    write_text(path, render_comparison(found))


def render_comparison(found: Document) -> str:
    """The page of what :func:`zoo.evaluation.comparison.compare_runs` gives."""
    return template("compare.html.j2").render(
        title=" · ".join(run["run"] for run in found["runs"]),
        found=found,
        metrics=list(found["runs"][0]["metrics"]),
        plots=list(_plots(found)),
        label=metric_label,
        figure=figure,
        gap=gap,
        span=span,
        p=p_value,
        no_difference=NO_DIFFERENCE,
        caveat=caveat(found),
    )


def _plots(found: Document) -> Iterable[tuple[str, Any]]:
    from markupsafe import Markup

    for metric in found["runs"][0]["metrics"]:
        svg = difference_plot(found, metric)
        if svg:
            yield f"{metric_label(metric).capitalize()}: difference from {found['runs'][0]['run']}", Markup(svg)


def difference_plot(found: Document, metric: str) -> str:
    """Each run's difference from the first with its 95 % interval, a row a run; empty where there is no interval."""
    scale = 100.0 if metric in SHARES else 1.0
    rows = [(row["run"], row["metrics"][metric]) for row in found["comparisons"] if row["metrics"][metric]["interval"]]
    if not rows:
        return ""
    names = [short_label(name) for name, _ in rows]
    left = 12 + max(map(text_width, names))
    canvas = Canvas(left + 420, 56 + 28 * len(rows))
    ends = [scale * end for _, figures in rows for end in figures["interval"]]
    x = Scale(*padded([0.0, *ends]), left + 8, canvas.width - 16)
    for value in x.ticks():
        canvas.line([(x.at(value), 8), (x.at(value), canvas.height - 46)], "line", stroke_width=1 if value else 2.5)
        canvas.text(x.at(value), canvas.height - 29, axis_number(value), role="soft", size=12)
    for i, (_, figures) in enumerate(rows):
        y, role = 24 + 28 * i, "val" if figures["significant"] else "train"
        low, high = (scale * end for end in figures["interval"])
        found_here = scale * figures["difference"]
        canvas.line([(x.at(low), y), (x.at(high), y)], role, stroke_width=2.5)
        canvas.dot(x.at(found_here), y, role, f"{found_here:+.4g} ({low:+.4g} to {high:+.4g})")
        canvas.text(left, y + 4, names[i], "end", size=12)
    label = "points" if metric in SHARES else metric_label(metric)
    canvas.text((x.start + x.end) / 2, canvas.height - 8, label, size=12)
    return canvas.svg()
