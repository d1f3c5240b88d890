"""What stands beside the numbers of a result: intervals, the least that a model must beat, and calibration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zoo.reports import reading
from zoo.reports.words import clean, figure, label, number, percent

__all__ = ["calibration_words", "numbers_table", "span_words", "uncertain_lines"]

Rows = list[tuple[str, str, str, str]]


def uncertain_lines(result: reading.Result, split: str) -> Iterable[str]:
    """Sentences for the terminal, of what a split's table has no column for."""
    metrics = reading.split_metrics(result, split)
    ends = metrics.get("intervals") or {}
    extra = reading.extra_metrics(metrics)
    shown = {"f1_macro": metrics.get("f1_macro"), "loss": metrics.get("loss"), **extra}
    spans = [f"{label(name)} {span_words(name, ends[name])}" for name in shown if name in ends]
    if spans:
        yield f"{split}, 95% intervals: {' · '.join(spans)}"
    yield from (f"{split}: {text}" for text in [_baseline(metrics), calibration_words(metrics)] if text)


def span_words(name: str, ends: list[float]) -> str:
    """An interval of a metric: ``97.2–99.6%``."""
    low, high = ends
    return f"{figure(name, low).removesuffix('%')}–{figure(name, high)}"


def _baseline(metrics: dict[str, Any]) -> str:
    least = metrics.get("baseline") or {}
    if least.get("accuracy") is None:
        return ""
    return (
        f"always answering {reading.label_names(least.get('answer'))} would be right for {percent(least['accuracy'])}"
    )


def calibration_words(metrics: dict[str, Any]) -> str:
    """How far the confidence is from the accuracy, as the network gives it and by its temperature."""
    found = metrics.get("calibration") or {}
    if found.get("ece") is None:
        return ""
    words, scaled = f"confidence is off by {percent(found['ece'])} (ECE)", found.get("scaled")
    if not scaled:
        return words
    heat = found["temperature"]
    if heat == 1.0:
        return f"{words}; no temperature makes it better"
    return f"{words}, by temperature {heat:.2f} by {percent(scaled['ece'])} ({clean(scaled['how'])})"


def numbers_table(result: reading.Result, split: str | None) -> Rows:
    """Every number of a split for the page: its name, value, 95 % interval, and what always one answer would have."""
    metrics = reading.split_metrics(result, split)
    ends, least = metrics.get("intervals") or {}, metrics.get("baseline") or {}
    names = [name for name in ("accuracy", "f1_macro", "loss") if name in metrics]
    rows = []
    for name in [*names, *reading.extra_metrics(metrics)]:
        title = reading.accuracy_name(result) if name == "accuracy" else label(name)
        other = figure(name, least[name]) if least.get(name) is not None else ""
        rows.append((title, figure(name, metrics[name]), span_words(name, ends[name]) if name in ends else "", other))
    found = metrics.get("calibration") or {}
    for title, each in (("log loss", found), ("log loss by temperature", found.get("scaled") or {})):
        if each.get("nll") is not None:
            rows.append((title, number(each["nll"]), "", ""))
    return rows if ends else []
