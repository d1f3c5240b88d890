"""Failures of a model on a split, as its page shows them: classes, confused pairs, and mistakes with their pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.reports import reading
from zoo.reports.words import value_text
from zoo.runner.run_result import RunResult

__all__ = ["error_text", "failing_splits", "mistakes_in", "pairs_in", "worst_first"]

PAIRS = 15
"""At most so many confused pairs."""


def failing_splits(result: RunResult) -> list[str]:
    """The splits with figures by class or with mistakes."""
    known = dict.fromkeys([*result.metrics, *result.mistakes])
    return [s for s in known if result.metrics_of(s).per_class or pairs_in(result, s) or result.mistakes.get(s)]


def error_text(mistake: Mapping[str, Any]) -> str:
    """The error of a regression's answer, with its sign."""
    error = mistake.get("error")
    return "" if error is None else f"{'+' if error > 0 else ''}{value_text(error)}"


def worst_first(result: RunResult, split: str) -> list[reading.ClassRow]:
    """A row for each class, the lowest F1 first; classes without images come last."""
    rows = reading.per_class(result, split)
    return sorted(rows, key=lambda row: (row.scores.support == 0, row.scores.f1 or 0.0))


def pairs_in(result: RunResult, split: str) -> list[tuple[str, str, int, float]]:
    """The most confused pairs; none of two classes, whose matrix says it all."""
    matrix, classes = reading.confusion_of(result, split), result.classes
    return reading.confused_pairs(matrix, classes, PAIRS) if len(classes) == len(matrix) > 2 else []


def mistakes_in(result: RunResult, split: str, pictures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The worst mistakes with the files of their pictures, as far as there are pictures.

    Args:
        pictures: the index of :mod:`zoo.runner.pictures`; a row without ``split``, of an older run, is of val.
    """
    drawn = {row["name"]: row for row in pictures.get("mistakes", []) if row.get("split", "val") == split}
    mistakes = result.mistakes.get(split, [])
    return [{**drawn.get(m.name, {}), **m.document(), "name": reading.image_name(result, m.name)} for m in mistakes]
