"""Lists on the terminal: components and plugins here, runs, jobs and predictions from ``run_tables``; in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from zoo.reports.parts import ACCENT, BAD, GOOD, WARN, Middle, Page, bare_table, heading, say
from zoo.reports.run_tables import job_table, predictions_table, runs_table
from zoo.reports.words import UNKNOWN, clean, count, setting, short_path, shown

__all__ = ["component_info", "components_table", "job_table", "plugins_table", "predictions_table", "runs_table"]

Row = Mapping[str, Any]
ID_WIDTH = 30
"""Names up to this long line up across kinds."""
_PLURALS = {"architecture": "architectures", "loss": "losses"}
_STATES = {"ok": GOOD, "active": GOOD, "enabled": GOOD, "disabled": "dim", "failed": BAD, "set aside": BAD}


def components_table(rows: Sequence[Row]) -> RenderableType:
    """Components by kind: ``kind``, ``id``, ``name``, ``summary``, ``plugin``, ``version``, each."""
    if not rows:
        return say("Nothing found.", "dim")
    usual = max([len(name) for name in map(_id, rows) if len(name) <= ID_WIDTH], default=0)
    parts: list[RenderableType] = []
    for kind, found in groupby(rows, key=lambda row: str(row.get("kind", ""))):
        members = list(found)
        title = _PLURALS.get(kind, f"{kind}s").capitalize()
        parts += [heading(title, count(len(members))), _Entries(members, usual)]
    return Page(*parts)


class _Entries:
    """Names with their summaries beside them. A name is there to be typed: one that is too long is not cut, its
    summary goes below it."""

    def __init__(self, rows: Sequence[Row], width: int):
        self.rows, self.width = rows, width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = " " * (self.width + 2)
        for row in self.rows:
            name, summary = _id(row), clean(row.get("summary") or "")
            lines = textwrap.wrap(summary, max(20, options.max_width - len(indent)))
            if len(name) > self.width:
                yield Text(name, "bold", overflow="fold")
                name = ""
            elif not lines:
                lines = [""]
            for line in lines:
                yield Text(name.ljust(len(indent)), "bold").append(line, "not bold")
                name = ""


def _id(row: Row) -> str:
    return clean(row.get("id") or row.get("name") or UNKNOWN)


def component_info(info: Row) -> RenderableType:
    """Everything about one component: what it is, whose it is, and the parameters that ``--set`` takes."""
    facts = bare_table("", "")
    for label, value in _facts(info):
        facts.add_row(Text(label, ACCENT), value)
    title = Text.assemble((clean(info.get("id", UNKNOWN)), "bold"), "  ", (clean(info.get("kind", "")), "dim"))
    parts: list[RenderableType] = [title, say(info.get("summary") or ""), Text(), facts]
    parameters = info.get("parameters") or []
    if parameters:
        parts += [heading("Parameters", _set_hint(info)), _parameters(parameters)]
    return Page(*parts)


def _facts(info: Row) -> Iterable[tuple[str, RenderableType]]:
    plugin = " ".join(str(info[key]) for key in ("distribution", "version") if info.get(key))
    yield "plugin", say(f"{info.get('plugin', UNKNOWN)}{f' ({plugin})' if plugin else ''}")
    if info.get("source"):
        yield "source", Middle(short_path(info["source"]), least=30)
    for key in ("aliases", "tags"):
        if info.get(key):
            yield key, say(", ".join(map(str, info[key])))
    if info.get("model_parameters") is not None:
        yield "size", say(f"{count(info['model_parameters'])} parameters")
    known = {"id", "kind", "summary", "plugin", "distribution", "version", "source", "aliases", "tags", "parameters"}
    for key, value in info.items():
        if key not in known | {"name", "model_parameters"} and value not in (None, "", [], ()):
            yield key.replace("_", " "), say(setting("", value).strip())


def _set_hint(info: Row) -> str:
    place = {"optimizer": "train.optimizer", "schedule": "train.schedule"}.get(str(info.get("kind")), info.get("kind"))
    return f"--set {place}.NAME=VALUE" if place in ("architecture", "dataset", "loss") or "." in str(place) else ""


def _parameters(parameters: Sequence[Row]) -> Table:
    table = bare_table("name", "type", "default")
    for row in parameters:
        default = Text("required", WARN) if row.get("required") else say(shown(row.get("default")))
        table.add_row(say(row.get("name", UNKNOWN), "bold"), say(row.get("type") or "", "dim"), default)
    return table


def plugins_table(rows: Sequence[Row]) -> RenderableType:
    """Plugins: ``name``, ``distribution``, ``version``, ``state``, ``provides`` (kind -> how many), ``problem``."""
    table = bare_table("plugin", "from", "state", "provides", most={0: 24, 1: 28})
    for row in rows:
        state = str(row.get("state") or UNKNOWN)
        origin = " ".join(str(row[key]) for key in ("distribution", "version") if row.get(key))
        cells = (Text(clean(row.get("name")), "bold", overflow="fold"), Middle(origin, "dim", 16))
        table.add_row(*cells, say(state, _STATES.get(state, "")), say(_provided(row.get("provides") or {})))
    parts: list[RenderableType] = [table] if rows else [say("No plugins.", "dim")]
    for row in rows:
        if row.get("problem"):
            parts += [Text(), Text.assemble((clean(row.get("name")), f"bold {BAD}"), f": {clean(row['problem'])}")]
    return Page(*parts)


def _provided(provides: Mapping[str, int]) -> str:
    return ", ".join(f"{count(n)} {kind if n == 1 else _PLURALS.get(kind, f'{kind}s')}" for kind, n in provides.items())
