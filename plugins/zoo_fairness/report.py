"""Numbers by group as lines of text and as a forest plot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.reports.kit.pages import Canvas, Scale
from zoo.reports.kit.text import cells, clean, count, figure, label, ljust, percent

__all__ = ["forest_plot", "group_lines"]

WIDTH = 78
"""Columns of a table; metrics that don't fit follow in further tables."""
_NAME, _NAMED = 20, 10
_ROW, _LEFT, _PLOT = 26, 190, 420

Document = Mapping[str, Any]


def group_lines(document: Document, whole: Document) -> Iterator[str]:
    """Format the numbers of each group and of the whole split, then the worst group and the gap.

    Args:
        document: what :func:`zoo_fairness.analysis.document_of` returned.
        whole: the numbers of the split.
    """
    total = {**whole, "images": sum(each["images"] for each in document["groups"].values())}
    rows = {**document["groups"], "all images": total}
    metrics = [name for name in document["gaps"] if any(_is_number(each.get(name)) for each in rows.values())]
    shown = [metric for metric in metrics if metric != "f1_micro" or "accuracy" not in metrics]
    for block in _blocks(document, rows, shown):
        yield from block
        yield ""
    yield from _sentences(document)


def _blocks(document: Document, rows: Mapping[str, Document], metrics: Sequence[str]) -> Iterator[list[str]]:
    """Tables with as many metrics as fit into the width."""
    names = [document["column"], *map(_shortened, rows)]
    left = [ljust(name, max(map(cells, names)) + 2) for name in names]
    images = ["images", *(count(each["images"]) for each in rows.values())]
    left = [name + number.rjust(max(map(len, images))) for name, number in zip(left, images, strict=True)]
    block = left
    for metric in metrics:
        column = [label(metric), *(_value(metric, each) for each in rows.values())]
        wider = [f"{line}  {ljust(cell, max(map(cells, column)))}" for line, cell in zip(block, column, strict=True)]
        if block is not left and max(map(cells, wider)) > WIDTH:
            yield [line.rstrip() for line in block]
            block = left
            wider = [f"{line}  {cell}" for line, cell in zip(block, column, strict=True)]
        block = wider
    yield [line.rstrip() for line in block]


def _value(metric: str, numbers: Document) -> str:
    value, interval = numbers.get(metric), (numbers.get("intervals") or {}).get(metric)
    if not _is_number(value):
        return figure(metric, None)
    span = "" if not interval else f" ({_bare(metric, interval[0])} to {_bare(metric, interval[1])})"
    return f"{figure(metric, value)}{span}"


def _bare(metric: str, value: float) -> str:
    return figure(metric, value).removesuffix("%")


def _sentences(document: Document) -> Iterator[str]:
    """The worst group and the gap of the first metric, and small groups."""
    for metric, gap in list(document["gaps"].items())[:1]:
        yield _gap_sentence(metric, gap, document["groups"])
        p = document.get("chance", {}).get(metric)
        if p is not None and gap["difference"]:
            yield f"Random groups of these sizes have such a gap with probability {_probability(p)}."
    few = document["few"]
    if small := {name: each["images"] for name, each in document["groups"].items() if each["images"] < few}:
        named = [f"{clean(name)} {images}" for name, images in small.items()]
        more = f" … and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        sizes = f"{', '.join(named[:_NAMED])}{more}"
        left_out = any(name not in document["compared"] for name in small)
        out = "they are not compared" if left_out else "the gap is uncertain"
        yield f"Groups of fewer than {few} images ({sizes}): their numbers are uncertain, and {out}."


def _gap_sentence(metric: str, gap: Document, groups: Document) -> str:
    if not gap["difference"]:
        return (
            f"No gap: all compared groups have the same {label(metric)}, {figure(metric, groups[gap['best']][metric])}."
        )
    worst, best = (f"{clean(gap[end])}, {figure(metric, groups[gap[end]][metric])}" for end in ("worst", "best"))
    points = " points" if figure(metric, 0.0).endswith("%") else ""
    ends = "" if gap["interval"] is None else " to ".join(_gap(metric, value) for value in gap["interval"])
    span = f", 95% interval {ends}" if ends else ""
    difference = f"{_gap(metric, gap['difference'])}{points}{span}"
    return f"Worst {label(metric)}: {worst}. Best: {best}. Gap: {difference}."


def _gap(metric: str, value: float) -> str:
    return f"{100 * value:.1f}" if figure(metric, 0.0).endswith("%") else figure(metric, value)


def _probability(p: float) -> str:
    return percent(p) if p >= 0.001 else "below 0.1%"


def _shortened(name: str) -> str:
    name = clean(name)
    return name if cells(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def forest_plot(document: Document) -> str:
    """Draw the first metric of each group with its interval, as SVG; empty without a metric."""
    if not document["gaps"]:
        return ""
    metric = next(iter(document["gaps"]))
    rows = {name: each for name, each in document["groups"].items() if _is_number(each.get(metric))}
    ends = {name: (each.get("intervals") or {}).get(metric) or [each[metric]] * 2 for name, each in rows.items()}
    low, high = min(end[0] for end in ends.values()), max(end[1] for end in ends.values())
    across = Scale(low, high if high > low else low + 1, _LEFT, _LEFT + _PLOT)
    canvas = Canvas(_LEFT + _PLOT + 90, _ROW * (len(rows) + 1))
    for i, (name, each) in enumerate(rows.items()):
        y, value = _ROW * (i + 0.5), f"{label(metric)} {_value(metric, each)}"
        title = f"{clean(name)}: {value}, {count(each['images'])} images"
        role = "cell-wrong" if name == document["gaps"][metric]["worst"] else "val"
        canvas.text(_LEFT - 12, y + 4, _shortened(name), anchor="end")
        canvas.line([(across.at(ends[name][0]), y), (across.at(ends[name][1]), y)], role, title, stroke_width=2)
        canvas.dot(across.at(each[metric]), y, role, title)
        canvas.text(_LEFT + _PLOT + 80, y + 4, figure(metric, each[metric]), anchor="end")
    for place, anchor in ((low, "start"), (high, "end")):
        canvas.text(across.at(place), _ROW * (len(rows) + 0.6), figure(metric, place), anchor=anchor, role="soft")
    return canvas.svg()
