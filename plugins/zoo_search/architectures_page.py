"""HTML report of a comparison of architectures: accuracy, or error, over inference speed, with the Pareto front."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.reports.kit.pages import Canvas, Labels, Scale, axis_number, hover_parts, template
from zoo.reports.kit.results import MainMetric
from zoo.reports.kit.text import clean, count
from zoo.storage import write_text
from zoo_search.architectures import metric_of, score_of
from zoo_search.architectures_report import (
    metric_in,
    protocol_line,
    row_line,
    size_text,
    sorted_rows,
    still_rising,
    where,
    without,
)

__all__ = ["scatter_plot", "write_which_page"]

WIDTH, HEIGHT, LEFT, BOTTOM = 900, 400, 64, 52


def write_which_page(found: Mapping[str, Any], path: Path) -> None:
    """Write the HTML report of a comparison's document, atomically.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    write_text(path, render_which_page(found))


def render_which_page(found: Mapping[str, Any]) -> str:
    """Render the HTML report of a comparison's document."""
    from markupsafe import Markup

    return template("architectures.html.j2", "zoo_search").render(
        found=found,
        rows=sorted_rows(found),
        protocol=protocol_line(found).partition(": ")[2],
        without=without(found),
        rising=still_rising,
        metric=metric_in(found),
        score=score_of,
        size=size_text,
        plot=Markup(scatter_plot(found)),
        lead=_lead(found),
        next=next((line.partition(": ")[2] for line in where(found) if line.startswith("next: ")), None),
        again=_again(found),
        **hover_parts(),
    )


def _lead(found: Mapping[str, Any]) -> str:
    """Name the most accurate network, and the fastest other one on the Pareto front."""
    best, *others = sorted_rows(found)
    sentence = f"{clean(best['architecture'])} is the most accurate on val: {_figures(best)}."
    front = [row for row in others if row["pareto"]]
    if not front:
        return sentence
    fast = max(front, key=lambda row: float(row["inference_images_per_second"]))
    return f"{sentence} {clean(fast['architecture'])} is the fastest on the Pareto front: {_figures(fast)}."


def _figures(row: Mapping[str, Any]) -> str:
    rate = row["inference_images_per_second"]
    metric, value = metric_of(row), metric_of(row).text(score_of(row))
    return (value if metric.is_share else f"{metric.name} {value}") + (f" at {count(rate)} images/s" if rate else "")


def _again(found: Mapping[str, Any]) -> str:
    """Command that compares the same networks with twice the budget."""
    names = ",".join(row["architecture"] for row in found["rows"])
    budget = max(1, round(2 * found["budget_s"]))
    task = f" --task {found['task']}" if found.get("task") in ("regression", "ordinal") else ""
    return f"zoo compare-architectures DATASET --budget {budget}s --architectures {shlex.quote(names)}{task}"


def scatter_plot(found: Mapping[str, Any]) -> str:
    """SVG plot of the main metric over inference speed (log scale), with the Pareto front; empty without measurements.

    A better network is higher: the axis of an error points down.
    """
    rows = [r for r in found["rows"] if score_of(r) is not None and r["inference_images_per_second"]]
    if not rows:
        return ""
    rates = [row["inference_images_per_second"] for row in rows]
    metric, scores = metric_in(found), [score for score in map(score_of, rows) if score is not None]
    room = max((max(scores) - min(scores)) * 0.12, 0.005 * (1 if metric.is_share else max(scores)))
    x = Scale(min(rates) / 1.4, max(rates) * 1.4, LEFT, WIDTH - 20, log=True)
    ends = (HEIGHT - BOTTOM, 14) if metric.higher else (14, HEIGHT - BOTTOM)
    y = Scale(min(scores) - room, max(scores) + room, *ends)
    canvas = Canvas(WIDTH, HEIGHT)
    _axes(canvas, x, y, metric)
    front = sorted((row for row in rows if row["pareto"]), key=lambda row: float(row["inference_images_per_second"]))
    canvas.line(
        [(x.at(row["inference_images_per_second"]), y.at(score_of(row) or 0.0)) for row in front],
        "val",
        stroke_opacity=0.5,
        stroke_width=2,
        stroke_dasharray="6 4",
    )
    dots = [(x.at(row["inference_images_per_second"]), y.at(score)) for row, score in zip(rows, scores, strict=True)]
    labels = Labels(canvas, dots)
    for row, at in zip(rows, dots, strict=True):
        canvas.dot(*at, "val" if row["pareto"] else "train", row_line(row), 6)
        labels.put(*at, clean(row["architecture"]))
    return canvas.svg()


def _axes(canvas: Canvas, x: Scale, y: Scale, metric: MainMetric) -> None:
    for value in y.ticks():
        canvas.line([(LEFT, y.at(value)), (WIDTH - 12, y.at(value))], "line")
        canvas.text(LEFT - 8, y.at(value) + 4, metric.text(value), "end", "soft", 12)
    for value in x.ticks():
        canvas.line([(x.at(value), HEIGHT - BOTTOM), (x.at(value), HEIGHT - BOTTOM + 4)], "ink")
        canvas.text(x.at(value), HEIGHT - BOTTOM + 18, axis_number(value), role="soft", size=12)
    canvas.line([(LEFT, HEIGHT - BOTTOM), (WIDTH - 12, HEIGHT - BOTTOM)], "ink", stroke_opacity=0.4)
    canvas.text((LEFT + WIDTH) / 2, HEIGHT - 8, "inference, images per second", size=13)
