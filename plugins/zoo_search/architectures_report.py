"""Plain-text report of a comparison of architectures, without rich."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TextIO

from zoo.api.running import Observer
from zoo.reports.kit import text
from zoo.reports.kit.results import MainMetric, main_metric
from zoo.reports.kit.text import UNKNOWN, Lines, clean, count, duration, short_path
from zoo_search.architectures import ComparisonWatcher, goodness, metric_of, score_of

__all__ = [
    "PlainWhich",
    "metric_in",
    "protocol_line",
    "size_text",
    "sorted_rows",
    "still_rising",
    "which_lines",
]

Row = Mapping[str, Any]


class PlainWhich(ComparisonWatcher):
    """Reports a comparison in plain lines, one per network.

    Args:
        stream: output stream.
    """

    def __init__(self, stream: TextIO):
        self._lines = Lines(stream)

    def began(self, found: Row) -> None:
        self._lines.say(protocol_line(found))

    def candidate(self, name: str, number: int, count: int) -> Observer:
        return Observer()

    def told(self, row: Row, found: Row) -> None:
        self._lines.say(row_line(row))


def protocol_line(found: Row) -> str:
    """Describe the settings that all candidates share."""
    made, rows = found["protocol"], found["rows"]
    return (
        f"{clean(found['name'])}: {len(rows)} networks on {clean(made['dataset'])}, {duration(found['share_s'])} each; "
        f"{made['image_size']} px, batches of {made['batch_size']}, {clean(made['optimizer'])} at {made['lr']:g}"
    )


def row_line(row: Row) -> str:
    """Describe a finished candidate."""
    name, status = clean(row["architecture"]), row["status"]
    metric, score = metric_of(row), score_of(row)
    if score is None:
        return f"{name}: {status}" + (f": {clean(row['reason'])}" if row["reason"] else "")
    rate = f"{count(row['inference_images_per_second'])} images/s"
    epochs = f"{row['epochs']} epoch{'' if row['epochs'] == 1 else 's'}"
    return f"{name}: val {metric.name} {metric.text(score)} after {epochs}, inference {rate}"


def still_rising(row: Row) -> bool:
    """Check for accuracy that was still rising, or an error that was still falling, at the end of training."""
    curve, metric = [math.nan if value is None else value for value in row["curve"]], metric_of(row)
    if metric.higher or not curve:
        return text.still_rising(curve)
    return text.still_rising([1 - value / curve[0] for value in curve])


def sorted_rows(found: Row) -> list[Row]:
    """Sort the candidates by their main metric, the best first; those without a value come last."""

    def place(row: Row) -> float:
        good = goodness(row)
        return -math.inf if good is None else good

    return sorted(found["rows"], key=place, reverse=True)


def size_text(size: float | None) -> str:
    """Format a number of bytes in MiB."""
    return UNKNOWN if size is None else f"{size / 2**20:.1f} MiB"


def columns_of(row: Row) -> list[str]:
    """Cells of a candidate in a table."""
    return [
        "*" if row["pareto"] else "",
        clean(row["architecture"]),
        metric_of(row).text(score_of(row)) + ("+" if score_of(row) is not None and still_rising(row) else ""),
        str(row["epochs"] or UNKNOWN),
        count(row["inference_images_per_second"]),
        count(row["train_images_per_second"]),
        count(row["parameters"]),
        size_text(row["model_bytes"]),
    ]


HEADS = ["", "architecture", "val acc", "epochs", "answers/s", "trains/s", "parameters", "size"]
FRONT = "* Pareto-optimal: no other is as accurate and as fast"


def metric_in(found: Row) -> MainMetric:
    """Main metric of a comparison."""
    return next((metric_of(row) for row in found["rows"] if score_of(row) is not None), main_metric(None))


def heads_of(found: Row) -> list[str]:
    """Heads of the table's columns."""
    return [f"val {metric_in(found).short}" if head == "val acc" else head for head in HEADS]


def rising_words(found: Row) -> str:
    """Describe a metric that training longer would improve."""
    metric = metric_in(found)
    return f"{metric.name} was still {'rising' if metric.higher else 'falling'} at the end"


def legend(found: Row) -> list[str]:
    """Explain the marks that occur in the table."""
    signs = [FRONT] if any(row["pareto"] for row in found["rows"]) else []
    return signs + ([f"+ {rising_words(found)}"] if any(still_rising(row) for row in found["rows"]) else [])


def without(found: Row) -> list[str]:
    """List the candidates that could not be measured, with the reason."""
    rows = (row for row in found["rows"] if row["status"] != "measured")
    return [": ".join(clean(row[key]) for key in ("architecture", "status", "reason") if row[key]) for row in rows]


def which_lines(found: Row) -> list[str]:
    """Format a whole comparison."""
    table = [heads_of(found), *(columns_of(row) for row in sorted_rows(found))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    right = {4, 5, 6, 7}
    lines = [
        "  ".join(
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    return ["", *lines, *legend(found), *without(found), *where(found)]


def where(found: Row) -> list[str]:
    """Path of the HTML report, and the next command."""
    lines = [f"page: {short_path(found['dir'])}/report.html"]
    best = sorted_rows(found)[0]
    if score_of(best) is not None:
        lines.append(f"next: zoo run --resume {short_path(found['dir'])}/{best['run']} --epochs {2 * best['epochs']}")
    return lines
