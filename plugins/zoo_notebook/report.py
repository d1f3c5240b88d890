"""The report of a result in a notebook: figures, verdict, curves, confusion, worst mistakes as pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.api import Result
from zoo.reports.kit.fragments import (
    accuracy_plot,
    confusion_plot,
    loss_plot,
    metric_rows,
    plus_minus,
    read_pictures,
    split_advice,
    value_plots,
    what_it_is,
)
from zoo.reports.kit.results import baseline_words, diagnose, reading
from zoo.reports.kit.text import figure, label, percent, short_path, value_text
from zoo.runs import PICTURES, RepeatsSummary, RunResult
from zoo_notebook.fragments import dataset_name, fragment, tone_of

__all__ = ["result_html"]

MISTAKES = 8
VALUES = 3
WORST_CLASSES = 6
SIDE = 144
"""Largest side of a picture that is read again, in pixels."""


def result_html(result: Result) -> str:
    """An HTML fragment of a run, an evaluation or several runs."""
    record = result.record
    return _several_html(record) if isinstance(record, RepeatsSummary) else _run_html(record)


def _run_html(result: RunResult) -> str:
    split, splits, verdict = reading.main_split(result), reading.scored_splits(result), diagnose(result)
    return fragment(
        "result.html.j2",
        result=result,
        split=split,
        architecture=result.job.architecture.name,
        dataset=dataset_name(result.job),
        metric=reading.metric_in(result),
        beside=_beside(result),
        least=baseline_words(result, result.metrics_of(split)),
        errors=error_of,
        scores=[(each, result.metrics[each], reading.interval_of(result, each)) for each in splits],
        images=reading.images_in(result, split),
        verdict=verdict,
        figure=figure,
        label=label,
        tone=tone_of(verdict.kind),
        advice=[split_advice(advice) for advice in verdict.advice],
        plots=[(title, _safe(svg)) for title, svg in _curves(result) if svg],
        confusion=_safe(confusion_plot(result, split)),
        classes=reading.per_class(result, split, WORST_CLASSES),
        mistakes=_mistakes(result, split),
        where=short_path(result.dir) if result.dir else None,
        trained=bool(result.epochs),
    )


def _beside(result: RunResult) -> list[str]:
    """Metrics beside the main one."""
    return {"regression": ["rmse", "r2"], "ordinal": ["f1_macro", "mae_ranks"]}.get(result.task or "", ["f1_macro"])


def error_of(mistake: dict[str, Any]) -> str:
    """The error of a value, or the confidence of a class."""
    error = mistake.get("error")
    return percent(mistake.get("confidence")) if error is None else f"{'+' if error > 0 else ''}{value_text(error)}"


def _several_html(summary: RepeatsSummary) -> str:
    rows = [
        (split, label(name), plus_minus(name, each), figure(name, each.min), figure(name, each.max))
        for split, name, each in metric_rows(summary)
    ]
    members = [(summary.number_of(member), member) for member in summary.members]
    return fragment("several.html.j2", summary=summary, title=what_it_is(summary), rows=rows, members=members)


def _curves(result: RunResult) -> Iterable[tuple[str, str]]:
    yield reading.metric_in(result).title, accuracy_plot(result)
    yield "Loss", loss_plot(result)
    if result.has_values and result.dir and result.epochs:
        for split, plots in value_plots(result, Path(result.dir)).items():
            for plot in plots[:VALUES]:
                which = f", {plot.name}" if len(plots) > 1 else ""
                yield f"Predicted against true, {split}{which}", plot.scatter


def _mistakes(result: RunResult, split: str | None) -> list[dict[str, Any]]:
    """The worst mistakes, each with its picture as a data URL, where there is one.

    A run keeps its pictures; those of an evaluation are read again, where its images are files.
    """
    if result.dir and result.epochs:
        drawn: list[dict[str, Any]] = read_pictures(Path(result.dir) / PICTURES).get("mistakes", [])
        return [row for row in drawn if row.get("split", "val") == (split or "val")][:MISTAKES]
    return [
        {**each.document(), "file": _picture(each.name)} for each in result.mistakes.get(split or "", [])[:MISTAKES]
    ]


def _picture(name: str) -> str | None:
    """The image file of this name as a small JPEG in a data URL; None where it isn't one that can be read."""
    from zoo.api.images import open_image
    from zoo.errors import BadImage

    if not Path(name).is_file():
        return None
    try:
        picture = open_image(name).convert("RGB")
    except (OSError, BadImage, AttributeError):  # AttributeError: an array, not a picture
        return None
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _safe(svg: str) -> Any:
    from markupsafe import Markup

    return Markup(svg)
