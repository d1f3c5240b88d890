"""Writes the pages that are the code's own words; a test checks that they are what it writes.

python docs/generate.py
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from zoo.commands import app
from zoo.commands.group import CommandGroup, command_of
from zoo.host import hookspecs
from zoo.host.hook_calls import PATIENCE
from zoo.host.loader import discover, load_bundled
from zoo.plugin import KINDS, SERVICES, Component, Family, Imported
from zoo.registry.config import RegistryConfig, read_layer, shipped_path
from zoo.registry.entry import Entry
from zoo.registry.registry import Registry
from zoo.registry.signature import parameters

HERE = Path(__file__).parent
FAMILY = 3  # more components than this with one target are one family


def commands() -> str:
    """Every command with its help, as it is printed."""
    parts = [
        "# Commands\n",
        "Made by `python docs/generate.py`. Exit codes: 0 done, 1 the run failed, 2 the request is wrong,",
    ]
    parts.append(
        "130 interrupted, resumable. Every command takes `--help`; `zoo --debug COMMAND …` prints a traceback.\n"
    )
    for path, command in _walk(app, "zoo"):
        context = click.Context(command, info_name=path, terminal_width=100, **command.context_settings)
        parts.append(f"## `{path}`\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, each in (_inner(command) if isinstance(command, CommandGroup) else command.commands).items():
        yield from _walk(each, f"{path} {name}")


def _inner(group: CommandGroup) -> dict[str, click.Command]:
    """A group's own commands, then those that the zoo's own plugins contribute to it."""
    own = {name: command for name in group.own_commands() if (command := group.own_command(name)) is not None}
    entries = sorted((e for p in load_bundled() for e in p.entries if e.kind == "command"), key=lambda e: e.id)
    contributed = {e.component.name: e for e in entries if e.component.group == group.place}
    return {**own, **{name: command_of(entry) for name, entry in sorted(contributed.items())}}


def components() -> str:
    """Every bundled component, with its parameters."""
    bundled = [p for p in discover() if p.origin.bundled]
    registry = Registry(bundled, RegistryConfig([read_layer(shipped_path())]))
    parts = [
        "# Components\n",
        "Made by `python docs/generate.py` from the components' own signatures. `zoo info NAME` shows the same.\n",
    ]
    for kind in (kind for kind in KINDS if kind != "command"):  # they are in commands.md
        groups: dict[str, list[Entry]] = {}
        for entry in registry.entries(kind):
            groups.setdefault(entry.component.target, []).append(entry)
        if groups:
            parts.append(f"## {kind}\n")
            parts += [_component(entries) for entries in groups.values()]
    return "\n".join(parts)


def _component(entries: list[Entry]) -> str:
    first = entries[0]
    family = len(entries) > FAMILY
    title = f"{first.origin.plugin}/*" if family else first.component.name
    many = f" {len(entries)} of them: `zoo list {first.kind} --search WORD`." if family else ""
    lines = [f"### `{title}`\n", f"{first.component.summary}.{many}\n"]
    if not family:
        aliases = f", also {', '.join(f'`{a}`' for a in first.component.aliases)}" if first.component.aliases else ""
        lines.append(f"Full id `{first.id}`{aliases}; `{first.component.target}`.\n")
    rows = [_row(p.as_dict()) for p in parameters(first.kind, first.factory())]
    if rows:
        lines += ["| parameter | type | default | description |", "| --- | --- | --- | --- |", *rows, ""]
    return "\n".join(lines)


def _row(parameter: dict[str, Any]) -> str:
    kind = parameter["type"].replace("|", "\\|")
    default = "required" if parameter["required"] else f"`{parameter['default']}`"
    words = parameter["description"].replace("|", "\\|")
    return f"| `{parameter['name']}` | {kind} | {default} | {words} |"


def hooks() -> str:
    """Every hook of the specification, with what a component of its kind must be."""
    parts = [
        "# Hooks\n",
        "Made by `python docs/generate.py` from `zoo/host/hookspecs.py` and `zoo/plugin.py`. A plugin implements the",
        "hooks that it needs, each marked with `@hookimpl`, and takes those of the arguments that it needs, without",
        "defaults.",
        "How to write one: [write a plugin](write-a-plugin.md).\n",
        "## Contributing\n",
        "These give components: plain data, as a list or by `yield`, in any order. Nothing of a plugin stays that",
        "gives something else, or one name twice, or raises. They can't be wrappers.\n",
    ]
    kinds = {hook: kind for kind, hook in hookspecs.CONTRIBUTIONS.items()}
    for name in hookspecs.NAMES:
        if name not in kinds and "## Watching a run\n" not in parts:
            parts += ["## Watching a run\n", *WATCHING]
        text = inspect.getdoc(getattr(hookspecs, name)) or ""
        parts.append(f"### `{name}({', '.join(inspect.signature(getattr(hookspecs, name)).parameters)})`\n\n{text}\n")
        if name in kinds:
            component = {**KINDS, **SERVICES}[kinds[name]]
            parts.append(f"**`{component.__name__}`**: {inspect.getdoc(component)}\n")
    parts += ["## What an importer gives\n", f"{inspect.getdoc(Imported)}\n"]
    parts += ["## A component\n", f"{inspect.getdoc(Component)}\n", "## A family\n", f"{inspect.getdoc(Family)}"]
    return _as_markdown("\n".join(parts))


WATCHING = [
    "Each plugin's are called in a thread of their own, one after the other. One that raises, gives something of the",
    f"wrong type, or hasn't returned in 10 s (`{PATIENCE}` is the limit) is left out of the rest of the run; a line",
    "says so, and `zoo plugins doctor` shows it till it goes right. One that hasn't returned is left out of later runs",
    "too, until the plugin changes or `zoo plugins enable` lets it be tried again. `result` and `epoch` are copies.\n",
]


def _as_markdown(text: str) -> str:
    """Docstrings' double backquotes, and their lists of arguments."""
    text = re.sub(r"``(.+?)``", r"`\1`", text)
    text = re.sub(r"^(Args|Raises):$", r"\1:\n", text, flags=re.MULTILINE)
    return re.sub(r"^    (?=\w+(, \w+)*: )", "- ", text, flags=re.MULTILINE) + "\n"


def catalogue() -> str:
    """The plugins that registry.yaml knows of."""
    parts = [
        "# Catalogue\n",
        "Made by `python docs/generate.py` from `catalogue` in `registry.yaml`. `zoo plugins install NAME` installs",
        "one; a user's or a working folder's `registry.yaml` can add its own, and a folder's replaces none of these.\n",
        "| name | package | what it is | provides |",
        "| --- | --- | --- | --- |",
    ]
    for name, item in sorted(RegistryConfig([read_layer(shipped_path())]).catalogue.items()):
        provides = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in (item.get("provides") or {}).items())
        parts.append(
            f"| `{name}` | `{item.get('package', name)}` | {item.get('summary', '')} | {provides or 'hooks'} |"
        )
    return "\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """File name -> text."""
    return {
        "commands.md": commands(),
        "components.md": components(),
        "hooks.md": hooks(),
        "catalogue.md": catalogue(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
