"""A threshold for "not sure" on the terminal: what it leaves unanswered, and how often the rest is right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from zoo.reports.parts import ACCENT, GOOD, CommandLine, Middle, Page, bare_table, heading, say
from zoo.reports.words import UNKNOWN, count, percent, short_path

__all__ = ["thresholds_table"]

CLASSES = 20


def thresholds_table(document: dict[str, Any]) -> RenderableType:
    """What ``zoo runs threshold`` has found: ``below``, and by split what it does."""
    below = document["below"]
    each = isinstance(below, dict)
    said = "with a threshold for each class" if each else f"where the confidence is below {percent(below)}"
    words = f'{document["run"]} says "not sure" {said}' if below != 0 else f"{document['run']} has no threshold"
    parts: list[RenderableType] = [say(words, "bold"), Text(), _splits(document)]
    if each:
        parts += [heading("Classes", "on the val images"), *_classes(document["splits"]["val"]["per_class"])]
    if "test" not in document["splits"] and "below" not in document["by"]:
        parts.append(say("The threshold was chosen on these images, so the figures are slightly optimistic.", "dim"))
    return Page(*parts, *_next(document))


def _splits(document: dict[str, Any]) -> RenderableType:
    heads = ("", "images", "answered", "accuracy", "95% interval", "without")
    table = bare_table(*heads, right=range(1, 6))
    for split, found in document["splits"].items():
        low, high = found["interval"] or (None, None)
        table.add_row(
            say(split, "bold"),
            say(count(found["images"])),
            say(f"{count(found['answered'])} ({percent(found['share'])})"),
            say(percent(found["precision"]), f"bold {GOOD}"),
            say(UNKNOWN if low is None else f"{100 * low:.1f}–{percent(high)}", "dim"),
            say(percent(found["accuracy"]), "dim"),
        )
    return table


def _classes(rows: dict[str, dict[str, Any]]) -> Iterable[RenderableType]:
    table = bare_table("class", "below", "answered", "right", "found", right=range(1, 5), most={0: 28})
    for name, found in list(rows.items())[:CLASSES]:
        limit = "never predicted" if found["below"] > 1 else percent(found["below"])
        shares = (say(percent(found[key])) for key in ("precision", "recall"))
        table.add_row(Middle(name), say(limit, ACCENT), say(count(found["answered"])), *shares)
    yield table
    if len(rows) > CLASSES:
        yield say(f"and {len(rows) - CLASSES} more, with --json", "dim")


def _next(document: dict[str, Any]) -> Iterable[RenderableType]:
    run = short_path(document["dir"])
    if document["kept"]:
        yield say(f"saved in {run}/model/zoo.json, and used by zoo predict", "dim")
        return
    if not isinstance(document["below"], dict):
        yield heading("Next")
        yield CommandLine(f"zoo predict {run} IMAGE --reject-below {document['below']:.6g}")
    else:
        yield say("To use it in zoo predict, repeat with --keep.", "dim")
