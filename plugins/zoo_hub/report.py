"""Text reports of shared models: pushed, pulled, and lists of them. Without rich."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.reports.kit.results import ERROR, main_metric
from zoo.reports.kit.text import UNKNOWN, cells, clean, count, ljust

__all__ = ["model_lines", "pulled_lines", "pushed_lines"]

Row = Mapping[str, Any]
_DIGEST = 12


def model_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Format models in two lines each: location, metric, size and digest; then a description."""
    if not rows:
        yield "No models found. Download one: zoo models pull SOURCE. Share one: zoo models push RUN FOLDER"
        return
    told = any("digest" in row for row in rows)  # the hub's own list contains only name and licence
    table = [("model", "measured", "size", "digest"), *map(_cells, rows)] if told else [(_name(row),) for row in rows]
    widths = [max(map(cells, column)) + 2 for column in zip(*table, strict=True)]
    lines = ["".join(map(ljust, row, widths)).rstrip() for row in table]
    yield from lines[:1] * told
    for row, line in zip(rows, lines[told:], strict=True):
        yield line
        yield f"  {_what(row)}"


def _name(row: Row) -> str:
    return clean(row.get("at") or row.get("name"))


def _cells(row: Row) -> tuple[str, ...]:
    digest = str(row.get("digest") or UNKNOWN)[:_DIGEST]
    return (_name(row), measured(row.get("metric")), size(row.get("bytes")), digest)


def _what(row: Row) -> str:
    """Description of a model, or the problem with it."""
    if row.get("problem"):
        return clean(row["problem"])
    network = [clean(row["architecture"]), answers(row)] if row.get("architecture") else []
    return ", ".join([*network, f"licence {clean(row.get('license'))}", *["private"] * bool(row.get("private"))])


def answers(about: Row) -> str:
    """Number of classes, or of values, of a model."""
    count_of, one = about["classes"], about.get("task") == "regression"
    return f"{count(count_of)} {'value' if one else 'classes'}{'s' if one and count_of != 1 else ''}"


def measured(metric: Row | None) -> str:
    """Format a metric with its 95 % interval: ``98.3% (96.4–99.2%)``."""
    if not metric:
        return UNKNOWN
    ends = metric.get("interval")
    main = ERROR if str(metric.get("name", "")).endswith("/mae") else main_metric(None)
    span = f" ({main.span(ends)})" if ends else ""
    return f"{'' if main.is_share else 'MAE '}{main.text(metric['value'])}{span}"


def size(count_of_bytes: int | None) -> str:
    """Format a number of bytes in KiB or MiB."""
    if count_of_bytes is None:
        return UNKNOWN
    if count_of_bytes < 1 << 20:
        return f"{count_of_bytes / 2**10:.1f} KiB"
    return f"{count_of_bytes / 2**20:,.1f} MiB"


def pushed_lines(document: Row) -> Iterator[str]:
    """Describe a shared model, and how others fetch it."""
    written = document["status"] == "not written"
    if written:
        yield from [str(document["readme"]).rstrip(), ""]
    heads = {"unchanged": "there already", "not written": "would write", "pushed": "written"}
    yield f"{heads[document['status']].ljust(14)}{clean(document['to'])}"
    for name, bytes_ in document["files"].items():
        yield f"{'':14}{name.ljust(20)}{size(bytes_)}"
    yield f"{'licence'.ljust(14)}{clean(document['license'])}"
    yield f"{'digest'.ljust(14)}{document['digest']}"
    if document.get("revision"):
        yield f"{'commit'.ljust(14)}{document['revision']}"
    for notice in document["notices"]:
        yield f"note: {clean(notice)}"
    if not written:
        yield f"get it: zoo models pull {_quoted(document['to'])} --sha256 {document['digest']}"


def pulled_lines(document: Row) -> Iterator[str]:
    """Describe a fetched model, and how it is used."""
    head = "there already" if document["status"] == "unchanged" else "pulled"
    yield f"{head.ljust(14)}{clean(document['dir'])}  {size(document['bytes'])}"
    yield f"{'network'.ljust(14)}{clean(document['architecture'])}, {answers(document)}"
    if document.get("metric"):
        metric = document["metric"]
        value = measured(metric).removeprefix("MAE ")  # its name is there
        yield f"{'measured'.ljust(14)}{clean(metric['name'])} {value}, as specified by its author"
    yield f"{'licence'.ljust(14)}{clean(document['license'])}"
    yield f"{'digest'.ljust(14)}{document['digest']}"
    if document.get("revision"):
        yield f"{'commit'.ljust(14)}{document['revision']}"
    for notice in document.get("notices") or []:
        yield f"note: {clean(notice)}"
    yield f"next: zoo predict {_quoted(document['dir'])} photo.jpg"


def _quoted(path: object) -> str:
    import shlex

    return shlex.quote(clean(path))
