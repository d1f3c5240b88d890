"""Writes commands.md and components.md from the code itself; a test checks that they are what it writes.

python docs/generate.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from zoo.commands import CORE, app, core_command
from zoo.entry import Entry
from zoo.host import discover
from zoo.plugin import KINDS
from zoo.registry import Registry
from zoo.shelf import Shelf, read_layer, shipped_path
from zoo.signature import parameters

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
    inner = {name: core_command(name) for name in CORE} if command is app else command.commands
    for name, each in inner.items():
        yield from _walk(each, f"{path} {name}")


def components() -> str:
    """Every bundled component, with its parameters."""
    bundled = [p for p in discover() if p.origin.bundled]
    registry = Registry(bundled, Shelf([read_layer(shipped_path())]))
    parts = [
        "# Components\n",
        "Made by `python docs/generate.py` from the components' own signatures. `zoo info NAME` shows the same.\n",
    ]
    for kind in KINDS:
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
        lines += ["| parameter | type | default |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(lines)


def _row(parameter: dict[str, Any]) -> str:
    kind = parameter["type"].replace("|", "\\|")
    default = "required" if parameter["required"] else f"`{parameter['default']}`"
    return f"| `{parameter['name']}` | {kind} | {default} |"


def pages() -> dict[str, str]:
    """File name -> text."""
    return {"commands.md": commands(), "components.md": components()}


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
