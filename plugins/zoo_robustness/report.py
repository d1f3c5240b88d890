"""The accuracy on corrupted images as a table of text and as curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.reports.kit.pages import Canvas, Scale
from zoo.reports.kit.text import count, figure, label, percent

__all__ = ["curve", "table_lines"]

Document = Mapping[str, Any]
_DASHES = {"noise": "none", "blur": "7 4", "weather": "2 4", "digital": "10 3 2 3"}
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 320, 60, 470, 16, 270


def table_lines(document: Document) -> Iterator[str]:
    """Format the metric of each kind and strength, then the mean over all of them."""
    metric, strengths = document["metric"], document["strengths"]
    cell = max(7, len(figure(metric, document["clean"])) + 2)
    names = [kind.replace("_", " ") for kind in document["kinds"]]
    first = max(len(label(metric)), *map(len, names))
    heads = [*map(str, strengths), "mean"]
    yield label(metric).ljust(first) + "".join(head.rjust(cell) for head in heads)
    for name, found in zip(names, document["kinds"].values(), strict=True):
        values = [*(found["values"][str(strength)] for strength in strengths), found["mean"]]
        yield name.ljust(first) + "".join(figure(metric, value).rjust(cell) for value in values)
    yield ""
    yield from _sentences(document)


def _sentences(document: Document) -> Iterator[str]:
    metric, interval = document["metric"], document["interval"]
    span = "" if not interval else f" (95% interval {percent(interval[0])} to {percent(interval[1])})"
    relative = "" if document["relative"] is None else f", {percent(document['relative'])} of that on clean images"
    yield f"Mean {label(metric)} on corrupted images: {figure(metric, document['mean'])}{span}{relative}."
    yield (
        f"On clean images: {figure(metric, document['clean'])}. {count(document['images'])} images, corrupted at "
        f"{document['size']} pixels with the parameters of ImageNet-C; the crystals of frost are drawn."
    )


def curve(document: Document) -> str:
    """Draw the mean of each category over the strength, from the clean images on, as SVG."""
    metric, strengths = document["metric"], [0, *document["strengths"]]
    lines = {name: [document["clean"], *means] for name, means in _means(document).items()}
    values = [value for line in lines.values() for value in line]
    low, high = (0.0, 1.0) if figure(metric, 0.0).endswith("%") else (min(values), max(values))
    across, up = Scale(0, max(strengths), _LEFT, _RIGHT), Scale(low, high, _BOTTOM, _TOP)
    canvas = Canvas(_WIDTH, _HEIGHT)
    for tick in up.ticks():
        canvas.line([(_LEFT, up.at(tick)), (_RIGHT, up.at(tick))], "line")
        canvas.text(_LEFT - 8, up.at(tick) + 4, figure(metric, tick), anchor="end", role="soft")
    for strength in strengths:
        canvas.text(across.at(strength), _BOTTOM + 20, strength or "clean", role="soft")
    canvas.text((_LEFT + _RIGHT) / 2, _BOTTOM + 42, "strength", role="soft")
    for i, (name, line) in enumerate(lines.items()):
        points = [(across.at(strength), up.at(value)) for strength, value in zip(strengths, line, strict=True)]
        canvas.line(points, "val", name, stroke_width=2, stroke_dasharray=_DASHES[name])
        for (x, y), strength, value in zip(points, strengths, line, strict=True):
            canvas.dot(x, y, "val", f"{name}, {strength or 'clean'}: {figure(metric, value)}", radius=3)
        key = _TOP + 12 + 22 * i
        canvas.line([(_RIGHT + 20, key), (_RIGHT + 60, key)], "val", stroke_width=2, stroke_dasharray=_DASHES[name])
        canvas.text(_RIGHT + 68, key + 4, name, anchor="start")
    return canvas.svg()


def _means(document: Document) -> dict[str, list[float]]:
    """Mean over the kinds of each category, by strength."""
    found: dict[str, list[float]] = {}
    for name in dict.fromkeys(each["category"] for each in document["kinds"].values()):
        kinds = [each["values"] for each in document["kinds"].values() if each["category"] == name]
        found[name] = [sum(each[str(s)] for each in kinds) / len(kinds) for s in document["strengths"]]
    return found
