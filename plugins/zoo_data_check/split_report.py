"""Terminal report of ``zoo data split``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from zoo.reports.kit.console import CommandLine, Page, bare_table, heading, note, say
from zoo.reports.kit.text import clean, count, percent, short_path

__all__ = ["split_report"]


def split_report(document: Mapping[str, Any]) -> RenderableType:
    """Render a division: images per class and split, what stays together, and the next command."""
    path, splits = short_path(document["path"]), document["splits"]
    images = ", ".join(f"{count(each['images'])} {name}" for name, each in splits.items())
    parts: list[RenderableType] = [
        Text.assemble((clean(path), "bold"), f"  {images}"),
        say(f"digest {document['digest'][:12]}, which runs record", "dim"),
    ]
    parts += [note(text) for text in document["notices"]]
    parts += [heading("Images"), _table(document), heading("Kept together")]
    parts += [say(line) for line in _together(document)]
    run = shlex.join(["zoo", "run", "simple_cnn", path, *_values(document)])
    return Page(*parts, Text(), CommandLine(f"next: {run}"))


def _table(document: Mapping[str, Any]) -> RenderableType:
    splits = document["splits"]
    head = "class" if document["task"] != "regression" else ""
    table = bare_table(head, *splits, right=range(1, len(splits) + 1))
    if document["task"] != "regression":
        for name in document["classes"]:
            table.add_row(say(name), *(say(count(split["per_class"][name])) for split in splits.values()))
    table.add_row(Text("all", "bold"), *(say(count(split["images"]), "bold") for split in splits.values()))
    table.add_row(say("share"), *(say(percent(split["share"])) for split in splits.values()))
    if all("from" in split for split in splits.values()):
        for word in ("from", "to"):
            table.add_row(say(word), *(say(split[word]) for split in splits.values()))
    return table


def _together(document: Mapping[str, Any]) -> Iterator[str]:
    for found in document["kept_together"]:
        groups = "group" if found["groups"] == 1 else "groups"
        yield f"by {found['by']}: {count(found['groups'])} {groups} of {count(found['images'])} images"
    if not document["near_duplicates"]:
        yield "near duplicates were not looked for"
    elif not document["kept_together"]:
        yield "nothing: there are no near duplicates and no groups"


def _values(document: Mapping[str, Any]) -> list[str]:
    if document["task"] != "regression":
        return []
    return ["--set", f"dataset.value_columns=[{','.join(document['classes'])}]"]
