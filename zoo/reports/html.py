"""``report.html`` and ``evaluation.html``: one file each, offline, with no script but the page's own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.job.run_folder import PICTURES
from zoo.reports import failures, plots, reading, words
from zoo.reports.advice import again, next_commands, split_advice
from zoo.reports.pages import template
from zoo.reports.trial import tried
from zoo.reports.uncertain import baseline_words, calibration_words, numbers_table, span_words
from zoo.reports.verdict import diagnose
from zoo.runner.run_result import RunResult
from zoo.storage.files import read_plain, write_text

__all__ = ["read_pictures", "render_html", "write_report"]


def write_report(result: RunResult, path: Path, pictures: Path | None = None) -> None:
    """Write the report of a result, whole or not at all, with its pictures.

    Args:
        pictures: their folder; by default that of the run, beside the page.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    listed = read_pictures(path.parent / PICTURES if pictures is None else pictures)
    write_text(path, render_html(result, listed, path.parent if pictures is None else pictures))


def render_html(result: RunResult, pictures: Mapping[str, Any] | None = None, predictions: Path | None = None) -> str:
    """The report of a result as a page.

    Args:
        pictures: ``mistakes`` and ``augmented``, as :mod:`zoo.runner.pictures` lists them, files as addresses.
        predictions: folder with the stored predictions of a regression, for its plots.
    """
    verdict = diagnose(result)
    advice = [split_advice(advice) for advice in verdict.advice]
    metric = reading.metric_in(result)
    curves = {metric.title: plots.accuracy_plot(result), "Loss": plots.loss_plot(result)}
    return template("report.html.j2").render(
        result=result,
        reading=reading,
        confusion_plot=plots.confusion_plot,
        reliability_plot=plots.reliability_plot,
        numbers_table=numbers_table,
        span_words=span_words,
        calibration_words=calibration_words,
        metric=metric,
        label=words.label,
        baseline_words=baseline_words,
        extra=_extra,
        values=_value_plots(result, predictions),
        verdict=verdict,
        advice=advice,
        next=_commands(result, advice),
        failures=failures,
        error=failures.error_text,
        failing=failures.failing_splits(result),
        measured=[split for split in result.metrics if numbers_table(result, split)],
        thresholds=dict(zip(result.classes, result.thresholds or [], strict=False)),
        confusion_rem=min(46, 18 + 2 * len(result.classes)),
        curves=[(title, svg) for title, svg in curves.items() if svg],
        best=result.best_epoch,
        job=list(leaves(result.job.document())),
        environment=[*leaves(result.environment.document()), *tried(result.trial), *_provenance(result)],
        pictures=pictures or {},
    )


def _extra(name: str, value: float) -> str:
    """The value of a metric beside the main one."""
    return words.figure(name, value) if name in words.LABELS else words.number(value)


def _value_plots(result: RunResult, predictions: Path | None) -> Mapping[str, Any]:
    """Plots of a regression; an import of numpy that other reports do without."""
    if predictions is None or not result.has_values:
        return {}
    from zoo.reports.value_plots import value_plots

    return value_plots(result, predictions)


def _commands(result: RunResult, advice: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What to type next, as ``(purpose, command)``: what may improve the result, what uses it, and the run again."""
    repeated = [("repeat this run", again(result))] if result.epochs else []
    purposes: dict[str, str] = {}
    for why, command in [*advice, *next_commands(result), *repeated]:
        purposes.setdefault(command, why)
    return [(why, command) for command, why in purposes.items() if command]


def read_pictures(folder: Path) -> dict[str, Any]:
    """The pictures listed in a folder, each file as a data URL; none where there is no list."""
    try:
        listed = json.loads(read_plain(folder / "index.json"))
        return {
            kind: [{k: _address(folder, v) if k in ("file", "heat") else v for k, v in row.items()} for row in rows]
            for kind, rows in listed.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _address(folder: Path, name: str | None) -> str | None:
    """The file as a data URL; None for one that could not be made."""
    if name is None:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(read_plain(folder / Path(name).name)).decode()}"


def _provenance(result: RunResult) -> Iterable[tuple[str, Any]]:
    return leaves({path: each.document() for path, each in result.provenance.items()})


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Every value of nested mappings with its dotted path; a list of components is one value, in words."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield f"{prefix}{key}", ", ".join(map(words.component, value))
        else:
            yield f"{prefix}{key}", value
