"""The report of an extension: on the console, in report.html, and as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zoo.reports.kit.text import percent

if TYPE_CHECKING:
    from zoo_extend.cost import Cost, Recall
    from zoo_extend.extension import Extension

__all__ = ["document", "lines", "section"]


def document(found: Extension) -> dict[str, Any]:
    """The document of ``zoo extend --json``."""
    result = found.result
    return {
        "status": "extended",
        "run": result.run,
        "dir": result.dir,
        "classes": result.classes,
        **found.facts,
        "identical": found.identical,
        "metrics": {name: dict(each.numbers) for name, each in result.metrics.items()},
        "notices": result.notices,
        "seconds": result.timing.total_s,
    }


def lines(found: Extension) -> Iterator[str]:
    """Lines of the report on a console."""
    result = found.result
    yield f"{result.run}: {result.model.begins}"
    yield f"{len(result.classes)} classes: {', '.join(result.classes)}"
    yield from _found(found.cost, found.recalls, found.identical)
    yield from (f"notice: {text}" for text in result.notices)
    yield f"run: {result.dir}"
    yield f"next: zoo predict {result.dir} photo.jpg"


def section(cost: Cost, recalls: Mapping[str, Recall], identical: str) -> list[str]:
    """Title and text of the section in report.html."""
    return ["What the new classes cost", "\n".join(_found(cost, recalls, identical))]


def _found(cost: Cost, recalls: Mapping[str, Recall], identical: str) -> Iterator[str]:
    yield identical
    yield (
        f"old classes, {cost.images:,} val images: accuracy {percent(cost.before)} before "
        f"({_span(cost.before_interval)}), {percent(cost.after)} after ({_span(cost.after_interval)})"
    )
    verdict = "a significant difference" if cost.significant else "no significant difference"
    low, high = (100 * end for end in cost.interval)
    yield (
        f"  difference {100 * cost.difference:+.1f} points ({low:+.1f} to {high:+.1f}), {cost.taken} taken for a new "
        f"class; exact McNemar test p = {cost.p:.2g}: {verdict}"
    )
    for name, each in recalls.items():
        yield f"{name}, {each.images:,} val images: recall {percent(each.share)} ({_span(each.interval)})"


def _span(interval: tuple[float, float]) -> str:
    return " to ".join(percent(end) for end in interval)
