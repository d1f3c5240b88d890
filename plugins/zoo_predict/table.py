"""Predictions on the terminal: a table in 80 columns, and CSV."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from zoo.reports.kit.console import ACCENT, GOOD, WARN, Middle, Page, bare_table, new_console, say
from zoo.reports.kit.text import UNKNOWN, bar, count, percent, short_path
from zoo_predict.answers import LOW, is_low
from zoo_predict.values import columns_of, has_values, interval_head, interval_text, number_text, values_in

__all__ = ["predictions_table", "progress", "write_csv"]

Row = Mapping[str, Any]
NOT_SURE = "not sure"
_MANY = 10
"""A longer table is followed by counts of the classes."""


def predictions_table(
    predictions: Sequence[Row], names: Sequence[str] = (), *, detector: bool = False
) -> RenderableType:
    """Predictions: ``path``, ``label``, ``confidence`` and the ``top`` classes with their probabilities.

    For multi-label models: ``path``, ``labels`` and ``top``. Low confidences are dim. With a coverage, the ``set`` of
    classes stands in place of the second class. For regressions ``path`` and the values.

    Args:
        predictions: rows of a model.
        names: names of the values of a regression.
        detector: whether a fitted detector of the model decides what is unlike its training images.
    """
    if any(has_values(row) for row in predictions):
        return _values(predictions, names)
    if any("labels" in row for row in predictions):
        return _several_labels(predictions)
    several = any(len(row.get("top") or []) > 2 for row in predictions)  # two classes add up to 100%
    strange = any(row.get("familiar") is False for row in predictions)
    noted = strange or any(row.get("sure") is False for row in predictions)
    second = "set" if any("set" in row for row in predictions) else "second" if several else ""
    columns = ("image", "predicted", "", "confidence", second, *[""] * noted)
    table = bare_table(*columns, right=(3,), most={1: 20, 4: 20})
    for row in predictions:
        table.add_row(*_prediction_row(row, several), *([_doubt(row)] * noted))
    legend = "unlike: the activations are outside of the range of 95% of the validation images"
    legend = "unlike: the detector of the model finds none of its classes in the image" if detector else legend
    counts = [say(_counts(predictions), "dim")] if len(predictions) > _MANY else []
    if not counts and (low := sum(is_low(row) and "sure" not in row for row in predictions)):
        counts = [say(f"{count(low)} of {count(len(predictions))} below {percent(LOW, 0)}: check by eye", "dim")]
    return Page(table, *([say(legend, "dim")] if strange else []), *counts)


def _prediction_row(row: Row, several: bool) -> list[RenderableType]:
    confidence, second = row.get("confidence"), (row.get("top") or [])[1:2] if several else []
    unsure, low = row.get("sure") is False, is_low(row)
    style = f"bold {WARN}" if unsure else f"dim {GOOD}" if low else f"bold {GOOD}"
    return [
        Middle(short_path(row.get("path", UNKNOWN)), "dim", 24),
        Middle(NOT_SURE if unsure else row.get("label", UNKNOWN), style),
        Text(bar(confidence, 8), "dim" if low else ACCENT),
        say(percent(confidence), "dim" if low else ""),
        _second(row, second),
    ]


def _second(row: Row, second: Sequence[Row]) -> RenderableType:
    """The set of classes, where there is one; else the second class, where there is one."""
    if "set" in row:
        return Middle(", ".join(row["set"]), "" if len(row["set"]) == 1 else WARN)
    return Middle("".join(f"{percent(other['probability'], 0)} {other['class']}" for other in second), "dim")


def _doubt(row: Row) -> RenderableType:
    words = [f"perhaps {row.get('label')}"] * (row.get("sure") is False) + ["unlike"] * (row.get("familiar") is False)
    return Middle(", ".join(words), WARN)


def _several_labels(predictions: Sequence[Row]) -> RenderableType:
    table = bare_table("image", "labels", "most probable", most={1: 34, 2: 34})
    for row in predictions:
        named = ", ".join(row.get("labels") or []) or "none"
        probable = ", ".join(f"{percent(t['probability'], 0)} {t['class']}" for t in (row.get("top") or [])[:3])
        path = Middle(short_path(row.get("path", UNKNOWN)), "dim", 24)
        table.add_row(path, say(named, f"bold {GOOD}" if row.get("labels") else "dim"), say(probable, "dim"))
    return Page(table)


def _values(predictions: Sequence[Row], names: Sequence[str]) -> RenderableType:
    """A column for each value, and one for its interval where there is one."""
    first = values_in(predictions[0], names)
    heads = [
        head for each in first for head in (each.name, *[interval_head(predictions[0])] * (each.interval is not None))
    ]
    table = bare_table("image", *heads, right=tuple(range(1, len(heads) + 1)))
    for row in predictions:
        cells: list[RenderableType] = []
        for each in values_in(row, names):
            cells.append(say(number_text(each.value), f"bold {GOOD}"))
            cells += [] if each.interval is None else [say(interval_text(each.interval), "dim")]
        table.add_row(Middle(short_path(row.get("path", UNKNOWN)), "dim", 24), *cells)
    return Page(table, *([say(_range(predictions, names), "dim")] if len(predictions) > _MANY else []))


def _range(predictions: Sequence[Row], names: Sequence[str]) -> str:
    """Smallest, median and largest of each value."""
    columns = zip(*(values_in(row, names) for row in predictions), strict=True)
    parts = []
    for column in columns:
        values = sorted(each.value for each in column)
        low, middle, high = map(number_text, (values[0], median(values), values[-1]))
        parts.append(f"{column[0].name} {low} to {high}, median {middle}")
    return f"{count(len(predictions))} images: {'; '.join(parts)}"


def _counts(predictions: Sequence[Row]) -> str:
    """How many pictures each class has, the most frequent first, and how many confidences are low."""
    sure = [row for row in predictions if row.get("sure") is not False]
    found = sorted(Counter(row["label"] for row in sure).items(), key=lambda each: (-each[1], each[0]))
    classes = [f"{count(n)} {name}" for name, n in found]
    shown = [*classes[:8], *([f"{len(classes) - 8} classes more"] if len(classes) > 8 else [])]
    return f"{count(len(predictions))} images: {', '.join([*shown, *_doubts(predictions)])}"


def _doubts(predictions: Sequence[Row]) -> Iterator[str]:
    if unsure := sum(row.get("sure") is False for row in predictions):
        yield f"{count(unsure)} not sure"
    if low := sum(is_low(row) for row in predictions) - unsure:
        yield f"{count(low)} of these below {percent(LOW, 0)}"


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], object]]:
    """Show a progress bar on stderr if that is a terminal, and remove it at the end.

    Args:
        total: number of pictures.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = new_console(sys.stderr)
    columns = (TextColumn("predicting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=total)
        yield lambda count: bars.advance(task, count)


def write_csv(predictions: Sequence[Row]) -> None:
    """Print predictions as CSV: path, label, confidence and, where known, sure, familiar, set; or path and labels.

    For regressions path and the values.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if predictions and has_values(predictions[0]):
        writer.writerow(["path", *columns_of(predictions[0])])
        writer.writerows([p["path"], *(f"{each:.7g}" for each in columns_of(p).values())] for p in predictions)
        return
    if predictions and "labels" in predictions[0]:
        writer.writerow(["path", "labels"])
        writer.writerows([p["path"], ";".join(p["labels"])] for p in predictions)
        return
    more = [name for name in ("sure", "familiar", "set") if predictions and name in predictions[0]]
    writer.writerow(["path", "label", "confidence", *more])
    writer.writerows(
        [p["path"], p["label"], f"{p['confidence']:.6f}", *(_csv_cell(p[name]) for name in more)] for p in predictions
    )


def _csv_cell(value: Any) -> str:
    return ";".join(value) if isinstance(value, list) else str(value).lower()
