"""Terminal reports of ``zoo data check`` and ``zoo data stats``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from zoo.reports.kit.console import ACCENT, BAD, GOOD, WARN, CommandLine, Page, bare_table, heading, note, say
from zoo.reports.kit.text import clean, count, duration, percent, short_path

__all__ = ["MARKS", "check_report", "item_words", "left_out_words", "stats_report"]

MARKS = {"error": ("✗", BAD), "warning": ("⚠", WARN), "note": ("·", "dim")}
_SHOWN = 3
"""Number of images or groups per finding; the HTML report shows more, and the JSON document all."""
_WORDS = {
    "conflict": "under two labels",
    "leak": "also in another split",
    "exact": "exact duplicates",
    "near": "near duplicates",
    "suspect": "suspects",
    "unreadable": "unreadable",
}
_ONE = {"exact": "exact duplicate", "near": "near duplicate", "suspect": "suspect"}


def check_report(document: Mapping[str, Any]) -> RenderableType:
    """Render a check: findings by severity, each with its first images and advice, and the next command."""
    parts: list[RenderableType] = [_head(document)]
    parts += [note(text) for text in document.get("notices") or []]
    for finding in document["findings"]:
        parts += [Text(), *_finding(finding)]
    if not document["findings"]:
        parts += [Text(), say("✓ No problems found.", GOOD)]
    if (fixed := document.get("fix")) is not None:
        parts += [heading("Clean list"), say(left_out_words(fixed))]
    if (suspects := document.get("suspects")) is not None:
        parts.append(say(f"{short_path(suspects['path'])}: {count(suspects['images'])} images with a label to settle"))
    parts += [Text(), *(CommandLine(f"next: {command}") for command in _next(document))]
    return Page(*parts)


def _head(document: Mapping[str, Any]) -> Text:
    splits = ", ".join(f"{count(facts['images'])} {name}" for name, facts in document["splits"].items())
    took = duration(document.get("seconds"))
    line = Text.assemble((clean(document["dataset"]), "bold"), f"  {splits}")
    return line.append(f"\nlabels judged by {clean(document['features']['from'])}; took {took}", "dim")


def _finding(finding: Mapping[str, Any]) -> Iterator[RenderableType]:
    mark, style = MARKS[finding["severity"]]
    yield Text.assemble((f"{mark} ", style), clean(finding["summary"]))
    items: Sequence[Mapping[str, Any]] = finding["items"]
    for item in items[:_SHOWN]:
        for i, words in enumerate(item_words(item)):
            yield _indented(say(words, "dim"), 4 if i == 0 else 6)
    if len(items) > _SHOWN:
        yield _indented(say(f"and {count(len(items) - _SHOWN)} more", "dim"), 4)
    if finding["next"]:
        yield _indented(say(f"→ {finding['next']}", ACCENT), 2)


def _indented(text: Text, by: int) -> Padding:
    return Padding(text, (0, 0, 0, by), expand=False)


def item_words(item: Mapping[str, Any]) -> list[str]:
    """Describe an image of a finding; a group takes a line for each image."""
    if "items" in item:
        alike = "same pixels" if item["exact"] else f"{percent(item['alike'], 0)} alike"
        first, *others = item["items"]
        words = [f"{short_path(first['name'])} ({_place(first)}, {alike})"]
        return words + [f"= {short_path(other['name'])} ({_place(other)})" for other in others]
    if "images" in item:
        return [f"{clean(item['name'])}: {count(item['images'])}"]
    if "looks_like" in item:
        return [f"{short_path(item['name'])} ({_place(item)}, looks like {clean(item['looks_like'])})"]
    why = item.get("reason") or item.get("why")
    return [f"{short_path(item['name'])} ({_place(item)}{', ' + clean(why) if why else ''})"]


def _place(item: Mapping[str, Any]) -> str:
    return clean(", ".join(word for word in (item["split"], item["label"]) if word))


def left_out_words(fixed: Mapping[str, Any]) -> str:
    """Summarise a clean list: ``clean.csv: 2,900 images; left out: 60 exact duplicates, 40 unreadable``."""
    out = ", ".join(f"{count(many)} {_reason(reason, many)}" for reason, many in fixed["left_out"].items())
    parts = ", ".join(f"{count(many)} {name}" for name, many in fixed["splits"].items())
    out = out.replace("labels", "values") if fixed.get("values") else out
    return f"{short_path(fixed['path'])}: {count(fixed['kept'])} images ({parts}); left out: {out or 'nothing'}"


def _reason(reason: str, many: int) -> str:
    return _ONE.get(reason, _WORDS[reason]) if many == 1 else _WORDS[reason]


def _next(document: Mapping[str, Any]) -> Iterator[str]:
    if (suspects := document.get("suspects")) is not None and suspects["images"]:
        pool = document.get("data") or document["dataset"]
        yield shlex.join(["zoo", "label", str(pool), "--only", short_path(suspects["path"])])
    if (fixed := document.get("fix")) is not None:
        named = ["--set", f"dataset.value_columns=[{','.join(document['classes'])}]"] if fixed.get("values") else []
        yield shlex.join(["zoo", "run", "simple_cnn", short_path(fixed["path"]), *named])
    elif (page := document.get("page")) is not None:
        yield f"open {short_path(page)} in a browser"
    else:
        data = ["--data", str(document["data"])] if document.get("data") else []
        yield (
            shlex.join(["zoo", "data", "check", str(document["dataset"]), *data, "-o", "check.html"])
            + (", to view them")
        )


def stats_report(document: Mapping[str, Any]) -> RenderableType:
    """Render the statistics of a dataset."""
    values = document.get("values", {})
    classes = [] if values else document["classes"]
    table = bare_table("" if values else "class", *document["splits"], right=range(1, len(document["splits"]) + 1))
    for name in classes:
        table.add_row(say(name), *(say(count(facts["per_class"][name])) for facts in document["splits"].values()))
    table.add_row(Text("all", "bold"), *(say(count(f["readable"]), "bold") for f in document["splits"].values()))
    spread = bare_table("", "least", "10 %", "median", "90 %", "most", right=range(1, 6))
    for name, digits in (("width", 0), ("height", 0), ("aspect", 2)):
        spread.add_row(Text(name, ACCENT), *(say(f"{value:,.{digits}f}") for value in document[name].values()))
    facts = bare_table("", "")
    for name, value in _facts(document):
        facts.add_row(Text(name, ACCENT), say(value))
    return Page(
        say(document["dataset"], "bold"),
        heading("Images"),
        table,
        *([heading("Values"), _values_table(values)] if values else []),
        heading("Sizes", "pixels, upright"),
        spread,
        Text(),
        facts,
    )


def _values_table(values: Mapping[str, Any]) -> RenderableType:
    """Percentiles of each value of a regression, by split."""
    table = bare_table("", "", "least", "10 %", "median", "90 %", "most", right=range(2, 7))
    for value, splits in values.items():
        for name, spread in splits.items():
            table.add_row(Text(clean(value), ACCENT), say(name), *(say(f"{each:.4g}") for each in spread.values()))
    return table


def _facts(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, label in (("forms", "files"), ("modes", "modes")):
        yield label, ", ".join(f"{count(many)} {name}" for name, many in document[key].items())
    yield "grey", count(document["grey"])
    yield "rotated by EXIF", count(document["turned"])
    yield "unreadable", count(len(document["unreadable"]))
    for key in ("mean", "std"):
        if document[key] is not None:
            yield key, f"[{', '.join(f'{value:.3f}' for value in document[key])}]"
