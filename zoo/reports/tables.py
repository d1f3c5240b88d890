"""The description of a component on a terminal; tables of runs and jobs are in ``run_tables``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from zoo.reports.lists import provided
from zoo.reports.parts import ACCENT, WARN, Middle, Page, bare_table, heading, say
from zoo.reports.run_tables import job_table, runs_table
from zoo.reports.words import UNKNOWN, clean, count, setting, short_path, shown

__all__ = ["component_info", "job_table", "plugin_info", "runs_table"]

Row = Mapping[str, Any]


def component_info(info: Row) -> RenderableType:
    """Describe one component: summary, origin, and the parameters for ``--set``."""
    facts = bare_table("", "")
    for label, value in _facts(info):
        facts.add_row(Text(label, ACCENT), value)
    title = Text.assemble((clean(info.get("id", UNKNOWN)), "bold"), "  ", (clean(info.get("kind", "")), "dim"))
    parts: list[RenderableType] = [title, say(info.get("summary") or ""), Text(), facts]
    parameters = info.get("parameters") or []
    if parameters:
        parts += [heading("Parameters", _set_hint(info)), _parameters(parameters)]
    return Page(*parts)


def plugin_info(info: Row) -> RenderableType:
    """Describe one plugin: its origin, what it provides, and its settings with their values and sources."""
    facts = bare_table("", "")
    for label, value in (
        ("from", " ".join(str(info[key]) for key in ("distribution", "version") if info.get(key))),
        ("state", info.get("state")),
        ("provides", provided(info)),
        ("recipes", ", ".join(info.get("recipes") or ())),
    ):
        if value:
            facts.add_row(Text(label, ACCENT), say(value))
    title = Text.assemble((clean(info.get("id", UNKNOWN)), "bold"), "  ", ("plugin", "dim"))
    settings = info.get("settings") or []
    hint = f"--set plugins.{clean(info.get('id'))}.NAME=VALUE"
    parts: list[RenderableType] = [title, Text(), facts]
    parts += [heading("Settings", hint), _settings(settings)] if settings else []
    return Page(*parts)


def _settings(settings: Sequence[Row]) -> Table:
    """A row for each setting: its name, and below its type and value the source, the option, and the help."""
    table = bare_table("name", "type and value")
    for row in settings:
        value = Text.assemble((clean(row.get("type") or ""), "dim"), f" = {shown(row.get('value'))}")
        source = Text(clean(row.get("source")), "dim")
        others = ", ".join(clean(row[key]) for key in ("option", "variable") if row.get(key))
        words = [Text(clean(row[key])) for key in ("help",) if row.get(key)]
        table.add_row(
            say(row.get("name", UNKNOWN), "bold"), Text("\n").join([value, source, *words, Text(others, "dim")])
        )
    return table


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
    """A row for each parameter: its name, and below its type and default its description."""
    table = bare_table("name", "type and default")
    for row in parameters:
        default = ("required", WARN) if row.get("required") else f"= {shown(row.get('default'))}"
        value = Text.assemble((clean(row.get("type") or ""), "dim"), " ", default)
        words = clean(row.get("description") or "")
        table.add_row(say(row.get("name", UNKNOWN), "bold"), Text("\n").join([value, Text(words)]) if words else value)
    return table
