"""``zoo plugins``: what is installed, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import UnknownName

if TYPE_CHECKING:
    from zoo.host import Plugin


@click.group(name="plugins")
def group() -> None:
    """List plugins, and see what is wrong with one."""


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_plugins(as_json: bool) -> None:
    """List the plugins: name, distribution, state, and what each brings."""
    rows = [_row(p) for p in _plugins()]
    if as_json:
        from zoo.files import dump_json

        click.echo(dump_json(rows))
        return
    from zoo.reports.lists import plugin_lines, print_lines, width_here

    print_lines(plugin_lines(rows, width_here()))


@group.command("doctor")
@click.argument("name", required=False)
def doctor(name: str | None) -> None:
    """Say what is wrong with a plugin: phase, distribution, version, traceback, and what to type."""
    plugins = _plugins()
    if name is not None:
        from zoo.names import did_you_mean

        names = [p.name for p in plugins]
        if name not in names:
            raise UnknownName(f"There is no plugin {name!r}.{did_you_mean(name, names)} See: zoo plugins list")
        plugins = [p for p in plugins if p.name == name]
    failed = [p for p in plugins if p.state == "failed"]
    for plugin in failed:
        click.echo(_account(plugin))
    if not failed:
        click.echo(f"{len(plugins)} {'plugin is' if len(plugins) == 1 else 'plugins are'} well.")


def _plugins() -> list[Plugin]:
    from zoo.registry import open_registry

    return open_registry().plugins


def _row(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.origin.distribution,
        "version": plugin.origin.version,
        "state": plugin.state,
        "provides": dict(sorted(Counter(e.kind for e in plugin.entries).items())),
        "problem": plugin.problem,
        "load_ms": round(plugin.load_ms, 2),
    }


def _account(plugin: Plugin) -> str:
    origin = plugin.origin
    return (
        f"{plugin.name} ({plugin.target}) of {origin.distribution} {origin.version} failed in phase {plugin.phase!r}:\n"
        f"{plugin.details}"
        f"Mend it: pip install -U {origin.distribution}    Or take it out: pip uninstall {origin.distribution}\n"
        f"Or leave it and turn it off, in registry.yaml: plugins: {{disable: [{plugin.name}]}}"
    )
