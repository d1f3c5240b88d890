"""The page of a comparison: a table, the differences with their intervals as a plot, and the images that make them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.comparison import NO_DIFFERENCE
from zoo.files import write_text
from zoo.reports import plots
from zoo.reports.compare import SHARES, caveat, gap, metric_label, p_value, span
from zoo.reports.html import template
from zoo.reports.repeats import figure
from zoo.reports.words import clean

__all__ = ["difference_plot", "render_comparison", "write_comparison"]

Document = dict[str, Any]


def write_comparison(found: Document, path: Path) -> None:
    """Write the page of a comparison, whole or not at all.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    write_text(path, render_comparison(found))


def render_comparison(found: Document) -> str:
    """The page of what :func:`zoo.comparison.compare_runs` gives."""
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
    canvas, axes = plots._figure(5.2, 1.2 + 0.4 * len(rows))
    axes.axvline(0, color=plots.LINE, linewidth=1)
    for place, (_, figures) in enumerate(rows):
        low, high = (scale * end for end in figures["interval"])
        colour = plots.VAL if figures["significant"] else plots.TRAIN
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot([scale * figures["difference"]], [place], "o", color=colour, markersize=6)
    axes.set_yticks(range(len(rows)), [clean(name)[:22] for name, _ in rows], parse_math=False)
    axes.set(ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlabel("points" if metric in SHARES else metric_label(metric), color=plots.INK)
    axes.grid(color=plots.LINE, linewidth=0.6, axis="x")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(plots.LINE)
    return plots._svg(canvas, f"difference-{metric}")
