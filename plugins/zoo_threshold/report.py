"""A threshold for "not sure" on the terminal: what it leaves unanswered, and how often the rest is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import RenderableType
from rich.text import Text

from zoo.reports.kit.console import ACCENT, GOOD, CommandLine, Middle, Page, bare_table, heading, say
from zoo.reports.kit.text import UNKNOWN, count, percent, short_path
from zoo_threshold.figures import ChosenThreshold, ClassFigures

__all__ = ["thresholds_table"]

CLASSES = 20


def thresholds_table(chosen: ChosenThreshold) -> RenderableType:
    """What ``zoo runs threshold`` has found: the threshold, and by split what it does."""
    below = chosen.below
    said = "with a threshold for each class"
    if not isinstance(below, dict):
        said = f"where the confidence is below {percent(below)}"
    words = f'{chosen.run} says "not sure" {said}' if below != 0 else f"{chosen.run} has no threshold"
    parts: list[RenderableType] = [say(words, "bold"), Text(), _splits(chosen)]
    if isinstance(below, dict):
        parts += [heading("Classes", "on the val images"), *_classes(chosen.splits["val"].per_class)]
    if "test" not in chosen.splits and "below" not in chosen.by:
        parts.append(say("The threshold was chosen on these images, so the figures are slightly optimistic.", "dim"))
    return Page(*parts, *_next(chosen))


def _splits(chosen: ChosenThreshold) -> RenderableType:
    heads = ("", "images", "answered", "accuracy", "95% interval", "without")
    table = bare_table(*heads, right=range(1, 6))
    for split, found in chosen.splits.items():
        low, high = found.interval or (None, None)
        table.add_row(
            say(split, "bold"),
            say(count(found.images)),
            say(f"{count(found.answered)} ({percent(found.share)})"),
            say(percent(found.precision), f"bold {GOOD}"),
            say(UNKNOWN if low is None else f"{100 * low:.1f}–{percent(high)}", "dim"),
            say(percent(found.accuracy), "dim"),
        )
    return table


def _classes(rows: Mapping[str, ClassFigures]) -> Iterable[RenderableType]:
    table = bare_table("class", "below", "answered", "right", "found", right=range(1, 5), most={0: 28})
    for name, found in list(rows.items())[:CLASSES]:
        limit = "never predicted" if found.below > 1 else percent(found.below)
        shares = (say(percent(share)) for share in (found.precision, found.recall))
        table.add_row(Middle(name), say(limit, ACCENT), say(count(found.answered)), *shares)
    yield table
    if len(rows) > CLASSES:
        yield say(f"and {len(rows) - CLASSES} more, with --json", "dim")


def _next(chosen: ChosenThreshold) -> Iterable[RenderableType]:
    run = short_path(chosen.dir)
    if chosen.kept:
        yield say(f"saved in {run}/model/zoo.json, and used by zoo predict", "dim")
        return
    if not isinstance(chosen.below, dict):
        yield heading("Next")
        yield CommandLine(f"zoo predict {run} IMAGE --reject-below {chosen.below:.6g}")
    else:
        yield say("To use it in zoo predict, repeat with --keep.", "dim")
