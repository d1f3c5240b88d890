"""HTML report of a sweep: the best trial, parallel coordinates of all trials, and parameter importance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.reports.kit.pages import Canvas, Scale, axis_number, hover_parts, template
from zoo.reports.kit.text import duration, short_path
from zoo.storage import write_text
from zoo_search.space import Range, Space, make_space
from zoo_search.store import trial_name
from zoo_search.sweep_report import heads, next_command, param_text, params_text, ranked, value_text

__all__ = ["parallel_plot", "progress_plot", "write_sweep_page"]

Document = dict[str, Any]
TOP, BOTTOM, LEFT, APART = 46, 26, 56, 150
WIDTH, HEIGHT = 900, 330
"""Pixels; many parameters make a wider plot, with ``APART`` pixels between their axes."""


def write_sweep_page(found: Document, path: Path) -> None:
    """Write the HTML report of a sweep's document, atomically.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    write_text(path, render_sweep_page(found))


def render_sweep_page(found: Document) -> str:
    """Render the HTML report of a sweep's document."""
    from markupsafe import Markup

    paths, best = list(found["space"]), found["best"]
    return template("sweep.html.j2", "zoo_search").render(
        found=found,
        rows=ranked(found),
        paths=paths,
        heads=heads(paths),
        value=lambda value: value_text(found, value),
        param=param_text,
        best=params_text(best) if best else "",
        summary=_summary(found),
        failed=any(row["status"] == "failed" for row in found["trials"]),
        plots=[(title, note, Markup(svg)) for title, note, svg in _plots(found) if svg],
        command=next_command(found),
        **_commands(found),
        **hover_parts(),
    )


def _summary(found: Document) -> str:
    """Count the trials by status: ``8 of 20 trials: 5 completed, 3 pruned. Total time 1 min 52 s.``"""
    statuses = [row["status"] for row in found["trials"]]
    counts = [f"{statuses.count(each)} {each}" for each in dict.fromkeys(statuses)]
    trials = f"{len(statuses)} of {found['count']} trials" + (f": {', '.join(counts)}" if counts else "")
    return f"{trials}. Total time {duration(found['timing']['total_s'])}."


def _commands(found: Document) -> dict[str, str]:
    """Commands that continue the sweep, that add trials to it, and that show a trial."""
    folder, best = short_path(found["dir"]), found["best"]
    ended = sum(row["status"] != "running" for row in found["trials"])
    again = f"zoo sweep --resume {folder}"
    number = best["number"] if best else 1
    return {
        "resume": again if ended < found["count"] else "",
        "again": f"{again} --trials {2 * found['count']}",
        "show": f"zoo runs show {folder}/{trial_name(number)}",
    }


def _plots(found: Document) -> list[tuple[str, str, str]]:
    """Title, note and SVG of each plot; the SVG is empty where there is nothing to draw."""
    return [
        (
            "Trials and their parameters",
            "One line per trial; the thick line is the best, and dashed lines were pruned or failed.",
            parallel_plot(found),
        ),
        ("Values in order of the trials", "The line is the best value so far.", progress_plot(found)),
    ]


def _measured(found: Document) -> list[dict[str, Any]]:
    """Trials with a value, the best last, so that it is drawn on top."""
    return [dict(row) for row in reversed(ranked(found)) if row["value"] is not None]


def _trial_words(found: Document, row: dict[str, Any]) -> str:
    return f"trial {row['number']}: {value_text(found, row['value'])} {row['status']}"


def _value_scale(found: Document, rows: list[dict[str, Any]], start: float, end: float) -> Scale:
    values = [row["value"] for row in rows]
    low, high = min(values), max(values)
    return Scale(low, high, start, end) if found["maximize"] else Scale(high, low, start, end)


def parallel_plot(found: Document) -> str:
    """SVG plot in parallel coordinates: an axis per parameter and one for the value, a line per trial.

    Returns:
        The SVG; empty without a measured trial.
    """
    rows, space = _measured(found), make_space(found["space"])
    if not rows:
        return ""
    apart = max(APART, (WIDTH - 2 * LEFT) / len(space))
    canvas = Canvas(2 * LEFT + apart * len(space), HEIGHT)
    places = [LEFT + apart * i for i in range(len(space) + 1)]
    scales = {path: _scale(part) for path, part in space.items()}
    last = _ends(found, rows)
    for row in rows:
        height = [_at(scales[path], space, path, row["params"][path]) for path in space]
        points = list(zip(places, [*height, last(row["value"])], strict=True))
        best = (found["best"] or {}).get("number") == row["number"]
        pruned = row["status"] != "completed"
        style = {"stroke_width": 3 if best else 1.4, "stroke_opacity": 1 if best else 0.3 if pruned else 0.75}
        told = f"{_trial_words(found, row)} with {params_text(row)}"
        canvas.line(
            points, "val" if best else "train", told, **style, **({"stroke_dasharray": "4 3"} if pruned else {})
        )
    for place, (path, head) in zip(places, zip(space, heads(list(space)), strict=True), strict=False):
        _axis(canvas, place, head, _ticks(scales[path], space[path]))
    values = {value_text(found, row["value"]): last(row["value"]) for row in (rows[0], rows[-1])}
    _axis(canvas, places[-1], found["monitor"], values, end=True)
    return canvas.svg()


def _ends(found: Document, rows: list[dict[str, Any]]) -> Any:
    return _value_scale(found, rows, HEIGHT - BOTTOM, TOP).at


def _scale(part: Any) -> Scale:
    start, end = HEIGHT - BOTTOM, TOP
    if isinstance(part, Range):
        return Scale(part.low, part.high, start, end, part.log)
    return Scale(0, len(part.texts) - 1, start, end)


def _at(scale: Scale, space: Space, path: str, text: str) -> float:
    part = space[path]
    return scale.at(float(text) if isinstance(part, Range) else part.texts.index(text))


def _ticks(scale: Scale, part: Any) -> Mapping[str, float]:
    if isinstance(part, Range):
        return {axis_number(value): scale.at(value) for value in scale.ticks()}
    return {text: scale.at(i) for i, text in enumerate(part.texts)}


def _axis(canvas: Canvas, x: float, head: str, ticks: Mapping[str, float], end: bool = False) -> None:
    canvas.line([(x, TOP), (x, HEIGHT - BOTTOM)], "ink", stroke_opacity=0.5)
    canvas.text(x, TOP - 22, _short(head), size=14)
    for text, y in ticks.items():
        canvas.line([(x - 3, y), (x + 3, y)], "ink")
        canvas.text(x + 8, y + 4, _short(text), "start", "ink" if end else "soft", 12)


def _short(text: str) -> str:
    return text if len(text) <= 18 else f"{text[:8]}…{text[-9:]}"


def progress_plot(found: Document) -> str:
    """SVG plot of each trial's value in order of creation, with the best so far as a line."""
    rows = sorted(_measured(found), key=lambda row: row["number"])
    if len(rows) < 2:
        return ""
    canvas = Canvas(WIDTH, 260)
    x = Scale(1, rows[-1]["number"], LEFT + 8, canvas.width - 20)
    values = [row["value"] for row in rows]
    y = Scale(min(values), max(values), 260 - 44, 16)
    for value in y.ticks():
        canvas.line([(LEFT, y.at(value)), (canvas.width - 12, y.at(value))], "line")
        canvas.text(LEFT - 6, y.at(value) + 4, value_text(found, value), "end", "soft", 12)
    canvas.line(
        [(x.at(n), y.at(v)) for n, v in _best_so_far(rows, found["maximize"])],
        "val",
        stroke_width=2,
        stroke_opacity=0.6,
    )
    for row in rows:
        told = _trial_words(found, row)
        role = "val" if row["status"] == "completed" else "train"
        canvas.dot(x.at(row["number"]), y.at(row["value"]), role, told, 4)
    for number in sorted({1, rows[-1]["number"]}):
        canvas.text(x.at(number), 260 - 24, number, role="soft", size=12)
    canvas.text(canvas.width / 2, 260 - 6, "trial", size=12)
    return canvas.svg()


def _best_so_far(rows: list[dict[str, Any]], maximize: bool) -> list[tuple[int, float]]:
    """Corners of a staircase: trial number, and the best value until then."""
    corners: list[tuple[int, float]] = []
    for row in rows:
        if row["status"] != "completed":
            continue
        number, value = row["number"], row["value"]
        if corners:
            before = corners[-1][1]
            corners.append((number, before))
            value = max(before, value) if maximize else min(before, value)
        corners.append((number, value))
    return corners
