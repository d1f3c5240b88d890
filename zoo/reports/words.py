"""Numbers, times, names and bars as text. Pure functions, no rich."""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.runner.main_metric import UNKNOWN, value_text
from zoo.storage import files

__all__ = [
    "UNKNOWN",
    "bar",
    "cells",
    "clean",
    "clock",
    "compact",
    "component",
    "count",
    "duration",
    "legible",
    "ljust",
    "number",
    "percent",
    "setting",
    "short_path",
    "shown",
    "sparkline",
    "value_text",
]

_SPARKS = "▁▂▃▄▅▆▇█"
# One character for one, so that columns stay where they are on a terminal that lacks these.
_PLAIN = str.maketrans(
    {
        **dict(zip(_SPARKS, "_.:-=+*#", strict=True)),
        **dict(zip("·…–—×→★✓✗⋮━╸╺─│’“”≥≤±²", '.~--x>*+x:=- -|\'""><~2', strict=True)),
    }
)


SHARES = ("accuracy", "f1_macro", "f1_micro")
"""Metrics that are shown in percent."""
VALUES = ("mae", "rmse")
"""Metrics in the unit of the data."""
LABELS = {
    "f1_macro": "F1 macro",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "spearman": "Spearman",
    "mae_ranks": "MAE in ranks",
    "qwk": "QWK",
}


def percent(fraction: float | None, digits: int = 1) -> str:
    """``0.9104`` -> ``"91.0%"``; what is missing or not a number is a dash."""
    return UNKNOWN if fraction is None or math.isnan(fraction) else f"{100 * fraction:.{digits}f}%"


def number(value: float | None) -> str:
    """A loss in at most seven characters."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value) or abs(value) < 100:
        return f"{value:.4f}"
    return f"{value:.1f}" if abs(value) < 10_000 else f"{value:.1e}"


def count(value: float | None) -> str:
    """``19034177`` -> ``"19,034,177"``."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def parameters_text(model: Any) -> str:
    """``94,186 parameters``, with those that the loss trains: ``94,186 parameters + 640 in the loss``."""
    beside = f" + {count(model.loss_parameters)} in the loss" if model.loss_parameters else ""
    return f"{count(model.parameters)} parameters{beside}"


def mebibytes(number: float) -> str:
    """A file's size: ``12.34 MiB``."""
    return f"{number / 2**20:.2f} MiB"


def duration(seconds: float | None) -> str:
    """Seconds in words: ``"8.2 s"``, ``"9 min 12 s"``, ``"1 h 04 min"``."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def clock(seconds: float | None) -> str:
    """Seconds in at most eight characters: ``"8.2s"``, ``"9:12"``, ``"1:04:00"``."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def clean(text: object) -> str:
    """Text that is safe to print on one line: white space is a space, what does not print (escape codes) is ``�``."""
    if text is None:
        return UNKNOWN
    return "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in str(text))


def component(spec: object) -> str:
    """A component of a job in words: ``{"name": "focal", "gamma": 2}`` -> ``"focal (gamma 2)"``."""
    if not isinstance(spec, Mapping):
        return clean(spec)
    params = ", ".join(setting(key, value) for key, value in spec.items() if key != "name" and value is not None)
    name = clean(spec.get("name", UNKNOWN))
    return clean(f"{name} ({params})") if params else name


def setting(key: str, value: Any) -> str:
    """A parameter in words: ``"gamma 2"``, ``"channels [32, 64]"``."""
    return clean(f"{key} {_value(value)}")


def shown(value: Any) -> str:
    """Format a single value, such that None, "" and 0 differ."""
    return "none" if value is None else clean(_value(value)) or '""'


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return str(value)


def short_path(path: object) -> str:
    """Format a path as a user would type it: relative to the working folder where it lies in it."""
    given = Path(str(path))
    short = files.short_path(given)
    return clean(path if short is given else short)  # as it was typed, for it may be an address


def bar(fraction: float | None, width: int) -> str:
    """A horizontal bar of ``width`` characters, filled to ``fraction`` (0..1) in half characters."""
    if fraction is None or math.isnan(fraction):
        return " " * width
    full, half = divmod(round(min(max(fraction, 0.0), 1.0) * width * 2), 2)
    return ("━" * full + "╸" * half).ljust(width)


def sparkline(values: Sequence[float], low: float, high: float, width: int) -> str:
    """Values as a row of little columns between ``low`` and ``high``; means of neighbours where they are many."""
    groups = min(len(values), width)
    edges = [round(i * len(values) / groups) for i in range(groups + 1)] if groups else []
    means = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    return "".join(_spark(mean, low, high) for mean in means)


def _spark(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return " "
    share = (value - low) / (high - low) if high > low else 1.0
    return _SPARKS[min(int(share * len(_SPARKS)), len(_SPARKS) - 1)] if share > 0 else _SPARKS[0]


def cells(text: str) -> int:
    """Columns of a text on a terminal: a wide (CJK) character takes two, a combining one none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def ljust(text: str, width: int) -> str:
    """Pad a text with spaces to columns of a terminal."""
    return text + " " * max(0, width - cells(text))


def legible(text: str, encoding: str | None, width: Callable[[str], int] = cells) -> str:
    """Text that ``encoding`` can carry, as wide as before: plain characters for fine ones, ``?`` for the rest.

    Args:
        text: any text.
        encoding: of the stream; None for UTF-8.
        width: how many columns a character takes.
    """
    encoding = encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text if encoding.lower().startswith("utf") else text.translate(_PLAIN)
        return "".join(_carried(char, encoding, width) for char in plain)
    return text


def _carried(char: str, encoding: str, width: Callable[[str], int]) -> str:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return "?" * width(char)
    return char


def compact(value: float | None) -> str:
    """A value in the unit of the data, in at most seven characters."""
    text = value_text(value, 3)
    return text if len(text) <= 7 or value is None else f"{value:.1e}"


def label(name: str) -> str:
    """The name of a metric in reports."""
    return LABELS.get(name, clean(name))


def figure(name: str, value: float | None) -> str:
    """The value of a metric: accuracies and F1 in percent, an error in the unit of the data, a loss, others."""
    if value is None:
        return UNKNOWN
    if name in SHARES:
        return percent(value)
    if name in VALUES:
        return value_text(value)
    return number(value) if name == "loss" else f"{value:.4g}"
