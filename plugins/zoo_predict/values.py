"""Values that a regression predicts: in words, and as columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = [
    "NamedValue",
    "columns_of",
    "has_values",
    "interval_head",
    "interval_text",
    "number_text",
    "value_words",
    "values_in",
]

ONE = "value"
"""Name of the only value of a model, where it has no other, and of its column."""
_OTHER_COLUMNS = ("path", "error", "embedding", "coverage")
_DIGITS = 4


class NamedValue(NamedTuple):
    """A predicted value, and its interval where the model has one."""

    name: str
    value: float
    interval: Sequence[float] | None


def has_values(prediction: Mapping[str, Any]) -> bool:
    """Check for the prediction of a regression."""
    return "value" in prediction or "values" in prediction


def values_in(prediction: Mapping[str, Any], names: Sequence[str] = ()) -> list[NamedValue]:
    """Values of a prediction in the order of the model's; empty for a prediction of classes.

    Args:
        prediction: ``value`` with perhaps ``interval``; or ``values`` and ``intervals`` by name.
        names: names of the model's values; by default the only one is called ``value``.
    """
    if "value" in prediction:
        return [NamedValue(names[0] if names else ONE, prediction["value"], prediction.get("interval"))]
    intervals = prediction.get("intervals") or {}
    return [NamedValue(name, value, intervals.get(name)) for name, value in prediction.get("values", {}).items()]


def columns_of(prediction: Mapping[str, Any]) -> dict[str, float]:
    """Values by column: ``value``, or the name of each; with intervals also ``low`` and ``high``, or ``NAME_low`` …."""
    found: dict[str, float] = {}
    for name, value, interval in values_in(prediction):
        column = f"value_{name}" if name in _OTHER_COLUMNS else name
        found[column] = value
        if interval is not None:
            ends = ("low", "high") if "value" in prediction else (f"{column}_low", f"{column}_high")
            found.update(zip(ends, interval, strict=True))
    return found


def number_text(value: float) -> str:
    """A value with four significant digits, all of those before the point: ``0.01234``, ``4.490``, ``123,457``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    size = math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, _DIGITS - 1 - size)}f}" if -4 <= size < 15 else f"{value:.{_DIGITS - 1}e}"


def interval_text(interval: Sequence[float]) -> str:
    """``2.100 to 6.900``."""
    low, high = map(number_text, interval)
    return f"{low} to {high}"


def interval_head(prediction: Mapping[str, Any]) -> str:
    """Title of an interval: ``90% interval``."""
    coverage = prediction.get("coverage")
    return "interval" if coverage is None else f"{100 * coverage:g}% interval"


def value_words(prediction: Mapping[str, Any], names: Sequence[str] = ()) -> str:
    """Values in words: ``4.490 (2.100 to 6.900)``, or ``x 4.490, y 17.20``; a name other than ``value`` is said."""
    found = values_in(prediction, names)
    return ", ".join(
        f"{'' if each.name == ONE else f'{each.name} '}{number_text(each.value)}"
        f"{'' if each.interval is None else f' ({interval_text(each.interval)})'}"
        for each in found
    )
