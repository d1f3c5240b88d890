"""``zoo plugins``: list, install, check and repair plugins."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from zoo.commands.group import CommandGroup
from zoo.errors import PluginError

if TYPE_CHECKING:
    from zoo.host.diagnosis import PluginFinding
    from zoo.registry.loaded_plugin import LoadedPlugin
    from zoo.registry.registry import Registry
    from zoo.reports.checks import CheckProgress


class _Plugins(CommandGroup):
    place = "plugins"


@click.group(name="plugins", cls=_Plugins)
def group() -> None:
    """Install, write, check and repair plugins."""


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def list_plugins(as_json: bool) -> None:
    """List plugins and their components."""
    from zoo.host.context import registry_here

    registry = registry_here(quiet=True)
    rows = [_row(p) for p in registry.plugins]
    if as_json:
        from zoo.storage.files import dump_json

        click.echo(dump_json(rows))
        return
    from zoo.reports.lists import plugin_lines, print_lines, width_here

    print_lines(plugin_lines(rows, width_here()))
    _print_notes([*registry.clashes(), *_settings_notes(registry)])


def _row(plugin: LoadedPlugin) -> dict[str, Any]:
    from zoo.host.provisions import provisions

    return {
        "name": plugin.name,
        "distribution": plugin.origin.distribution,
        "version": plugin.origin.version,
        "state": plugin.state,
        **provisions(plugin),
        "problem": plugin.problem,
        "load_ms": round(plugin.load_ms, 2),
    }


def _settings_notes(registry: Registry) -> Iterator[str]:
    """Notes on required plugins that are not installed, on invalid settings, and on options that are left out."""
    from zoo.commands.analysis_options import analysis_clashes
    from zoo.commands.evaluate import evaluate
    from zoo.commands.plugin_options import option_clashes
    from zoo.commands.run import run
    from zoo.host.requirements import unmet_requirements

    yield from map(str, unmet_requirements(registry.shelf))
    yield from registry.settings.problems()
    yield from option_clashes(registry, [run])
    yield from analysis_clashes(registry, [evaluate, run])


@group.command("install")
@click.argument("what", metavar="NAME|PATH|REQUIREMENT")
@click.option("-U", "--upgrade", is_flag=True, help="Upgrade an installed plugin to the newest version.")
@click.option("-e", "--editable", is_flag=True, help="Install a folder in editable mode.")
@click.option("--no-build-isolation", is_flag=True, help="Build with the installed packages, without network access.")
def install(what: str, upgrade: bool, editable: bool, no_build_isolation: bool) -> None:
    """Install a plugin into the current environment.

    The argument is a NAME of the catalogue (docs/plugins-directory.md), a folder or wheel, or a requirement as for pip.
    The versions of torch, torchvision and the zoo itself are not changed.
    """
    from zoo.host import management
    from zoo.registry.config import open_shelf

    shelf = open_shelf()
    for line in shelf.refused:
        click.echo(f"Note: {line}", err=True)
    target = management.find_target(what, shelf.catalogue)
    click.echo(f"Installing {target.words} …", err=True)
    rows = management.install(target, upgrade=upgrade, editable=editable, isolated=not no_build_isolation)
    for row in rows:
        click.echo(f"{row['distribution']} {row['version']} is installed.")
        _print_contributions(row)
        _print_notes(row["clashes"])


def _print_contributions(row: dict[str, Any]) -> None:
    """Print the components that a plugin provides, or its fault.

    Raises:
        PluginError: the plugin can't be loaded.
    """
    from zoo.registry.suggest import listing

    name = row["name"]
    if row["state"] == "failed":
        raise PluginError(
            f"{row['distribution']} {row['version']} is installed, but its plugin {name!r} can't be used: "
            f"{row['problem']}. See: zoo plugins doctor {name}. Uninstall it: zoo plugins uninstall "
            f"{row['distribution']}"
        )
    if row["state"] == "disabled":
        click.echo(f"Its plugin {name!r} is disabled. Enable it: zoo plugins enable {name}")
        return
    click.echo(f"Its plugin {name!r} provides:" if row["brings"] else f"Its plugin {name!r} provides no components.")
    for kind, ids in row["brings"].items():
        click.echo(f"  {kind}  {listing(ids)}")
    if row["brings"]:
        click.echo(f"For details: zoo info {next(iter(row['brings'].values()))[0]}")


def _print_notes(clashes: Iterable[str]) -> None:
    """Print a note for each short name that several plugins provide."""
    for line in clashes:
        click.echo(f"Note: {line}")


@group.command("uninstall")
@click.argument("name")
def uninstall(name: str) -> None:
    """Uninstall a plugin.

    NAME is the name of the plugin or its distribution. Its dependencies are kept.
    """
    from zoo.host import management

    distribution, plugins = management.uninstall(name)
    click.echo(f"Uninstalled {distribution} with the plugins: {', '.join(plugins)}.")


@group.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Disable a plugin, so that it is not imported."""
    from zoo.host import management

    path = management.disable(name)
    click.echo(f"Disabled {name} in {path}. To enable it again: zoo plugins enable {name}")


@group.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Enable a disabled plugin, or one that runs leave out after a failure."""
    from zoo.host import management
    from zoo.registry.config import open_shelf

    changed = management.enable(name, open_shelf())
    click.echo(f"Enabled {name}." if changed else f"{name} is enabled already.")


@group.command("doctor")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def doctor(context: click.Context, name: str | None, as_json: bool) -> None:
    """Diagnose plugins and suggest fixes.

    The exit code is 1 if a plugin does not work.
    """
    from dataclasses import asdict

    from zoo.host.context import registry_here
    from zoo.host.diagnosis import consult
    from zoo.storage.files import dump_json

    registry = registry_here(quiet=True, careful=True)
    plugins, findings = consult(registry, name)
    if as_json:
        click.echo(dump_json([asdict(f) for f in findings]))
    else:
        for finding in findings:
            click.echo(_finding_text(finding))
        clashes = registry.clashes([p.name for p in plugins])
        settings = [] if name else list(_settings_notes(registry))
        _print_notes([*clashes, *settings])
        if not findings and not clashes and not settings:
            _print_provisions(plugins if name else ())
            click.echo(f"{len(plugins)} plugin{'' if len(plugins) == 1 else 's'} checked, no problems found.")
    if any(f.serious for f in findings):
        context.exit(1)


def _print_provisions(plugins: Iterable[LoadedPlugin]) -> None:
    """Print a line for each plugin that works, with the number of what it provides."""
    from zoo.reports.lists import provided

    for plugin in plugins:
        if plugin.state == "enabled":
            click.echo(f"{plugin.name} provides {provided(_row(plugin)) or 'nothing'}.")


def _finding_text(finding: PluginFinding) -> str:
    room = max((len(command) for _, command in finding.remedies), default=0)
    lines = [
        f"{finding.plugin} ({finding.distribution} {finding.version}): {finding.problem}",
        f"  phase: {finding.phase}",
        *(f"  {line}" for line in finding.details.splitlines()),
        *(f"  {command.ljust(room)}   # {why}" for why, command in finding.remedies),
    ]
    return "\n".join(lines) + "\n"


@group.command("check")
@click.argument("names", nargs=-1, metavar="[NAME|NAME/COMPONENT|PATH]...")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def check(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Check the components of plugins against their contracts.

    NAME is an installed plugin, or local for the components of registry.yaml, NAME/COMPONENT one of its components
    (NAME/KIND:COMPONENT where several kinds have that name), PATH the folder of a plugin that need not be installed;
    the default is all plugins, and the components of registry.yaml. The exit code is 1 if a check fails.
    """
    from zoo.host.context import registry_here
    from zoo.storage.files import dump_json
    from zoo.testing.run import run_checks
    from zoo.testing.select import everything, select

    registry = registry_here(quiet=True, careful=True)
    owed = select(names or everything(registry), registry)
    if as_json:
        report = run_checks(owed)
        click.echo(dump_json([outcome.as_dict() for outcome in report.outcomes]))
    else:
        from zoo.reports.checks import report_lines
        from zoo.reports.lists import print_lines, width_here

        with _progress(len(owed)) as progress:
            report = run_checks(owed, progress.tell, progress.begin)
        print_lines(report_lines(report, width_here()))
    if report.failed:
        context.exit(1)


def _progress(total: int) -> CheckProgress:
    """Create the display of the running check; in a pipe it shows nothing."""
    from zoo.reports.checks import CheckProgress
    from zoo.reports.terminal import is_terminal

    if not is_terminal(sys.stderr):
        return CheckProgress()
    from zoo.reports.check_progress import TerminalProgress  # rich is slow to import

    return TerminalProgress(total)
