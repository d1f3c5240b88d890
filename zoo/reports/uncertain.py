"""Confidence intervals, the baseline and the calibration of a result, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zoo.reports import reading
from zoo.reports.words import clean, figure, label, number, percent
from zoo.runner.measurements import BaselineScores, CalibrationScores, SplitMetrics
from zoo.runner.run_result import RunResult

__all__ = ["baseline_words", "calibration_words", "numbers_table", "span_words", "uncertain_lines"]

Rows = list[tuple[str, str, str, str]]


def uncertain_lines(result: RunResult, split: str) -> Iterable[str]:
    """Sentences for the terminal, of what a split's table has no column for."""
    metrics = result.metrics_of(split)
    ends, main = metrics.intervals, ("mae",) if result.has_values else ("f1_macro",)
    shown = (*main, "loss", *reading.extra_metrics(metrics))
    spans = [f"{label(name)} {span_words(name, ends[name])}" for name in shown if name in ends]
    if spans:
        yield f"{split}, 95% intervals: {' · '.join(spans)}"
    yield from (
        f"{split}: {text}" for text in [_baseline(metrics.baseline), calibration_words(metrics.calibration)] if text
    )


def span_words(name: str, ends: Sequence[float]) -> str:
    """An interval of a metric: ``97.2–99.6%``."""
    low, high = ends
    return f"{figure(name, low).removesuffix('%')}–{figure(name, high)}"


def _baseline(least: BaselineScores) -> str:
    if least.accuracy is None:
        return ""
    return f"always predicting {reading.label_names(least.answer)} has accuracy {percent(least.accuracy)}"


def baseline_words(result: RunResult, metrics: SplitMetrics) -> str:
    """The main metric of always the same answer: ``always answering the median 4.5: MAE 2.489``; empty without it."""
    metric, least = reading.metric_in(result), metrics.baseline
    value = metric.value(least)
    if value is None:
        return ""
    answer = f"the {'medians' if isinstance(least.answer, list) else 'median'} " if result.has_values else ""
    return f"always answering {answer}{reading.label_names(least.answer)}: {metric.name} {metric.text(value)}"


def calibration_words(found: CalibrationScores) -> str:
    """How far the confidence is from the accuracy, uncalibrated and by its temperature."""
    if found.ece is None:
        return ""
    words, heat, scaled = f"expected calibration error (ECE) {percent(found.ece)}", found.temperature, found.scaled
    if scaled is None or heat is None:
        return words
    if heat == 1.0:
        return f"{words}; temperature scaling does not improve it"
    return f"{words}; {percent(scaled.ece)} with temperature {heat:.2f} ({clean(scaled.how)})"


def numbers_table(result: RunResult, split: str | None) -> Rows:
    """Every number of a split for the page: its name, value, 95 % interval, and what always one answer would have."""
    metrics = result.metrics_of(split)
    ends, numbers, known = metrics.intervals, metrics.numbers, metrics.keys()
    names = [name for name in (reading.metric_in(result).key, "f1_macro", "loss") if name in known]
    rows = []
    for name in [*names, *reading.extra_metrics(metrics)]:
        title = reading.accuracy_name(result) if name == "accuracy" else label(name)
        least = metrics.baseline.value(name)
        other = "" if least is None else figure(name, least)
        rows.append(
            (title, figure(name, numbers.get(name)), span_words(name, ends[name]) if name in ends else "", other)
        )
    found = metrics.calibration
    for title, each in (("log loss", found), ("log loss with temperature", found.scaled)):
        if each is not None and each.nll is not None:
            rows.append((title, number(each.nll), "", ""))
    return rows if ends else []
