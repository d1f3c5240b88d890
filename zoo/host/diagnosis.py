"""Diagnosis of plugins: the problem, the lines of code, and commands that fix it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from zoo.errors import UnknownName
from zoo.host import faults
from zoo.host.author import editable_folder, line_to_edit, stale_entry_points
from zoo.registry.entry import DISTRIBUTION
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.registry import Registry
from zoo.registry.suggest import did_you_mean
from zoo.registry.tracebacks import plugin_frames


@dataclass(frozen=True)
class PluginFinding:
    """A problem or a remark about a plugin.

    Args:
        plugin: name of the plugin.
        distribution, version: its distribution; None where unknown.
        serious: the plugin or a part of it doesn't work.
        phase: phase of the failure: install, find, require, import, validate, contribute, or the hook of a run.
        problem: description in one line.
        details: traceback, reduced to the plugin's frames.
        remedies: pairs of a description and a command.
    """

    plugin: str
    distribution: str | None
    version: str | None
    serious: bool
    phase: str
    problem: str
    details: str = ""
    remedies: tuple[tuple[str, str], ...] = ()


def examine(plugin: LoadedPlugin) -> Iterator[PluginFinding]:
    """Yield the findings about one plugin; none for a healthy one."""
    origin = plugin.origin
    whose = (origin.plugin, origin.distribution, origin.version)
    if plugin.state == "failed":
        assert plugin.error is not None
        details = plugin.account or plugin_frames(plugin.error, plugin.target)
        yield PluginFinding(*whose, True, str(plugin.phase), str(plugin.problem), details, tuple(_remedies(plugin)))
    elif plugin.heavy:
        problem = f"importing it loads {', '.join(plugin.heavy)} and takes {plugin.load_ms:,.0f} ms for every command"
        advice = ("show the time of each plugin", "zoo --trace-plugins list")
        yield PluginFinding(*whose, False, "import", problem, remedies=(advice, *_turn_off(plugin)))
    if plugin.state == "enabled" and (fault := faults.recall(plugin)):
        again = [("try it again", f"zoo plugins enable {plugin.name}")] if fault.stuck else []
        remedies = (*_repairs(plugin, fault.traceback), *again, *_turn_off(plugin))
        yield PluginFinding(*whose, True, fault.phase, fault.problem, fault.traceback, remedies)


def _remedies(plugin: LoadedPlugin) -> Iterator[tuple[str, str]]:
    dist = str(plugin.origin.distribution)
    if plugin.rivals:
        yield from (("keep only one of them", f"zoo plugins uninstall {name}") for name in (dist, *plugin.rivals))
        return
    if plugin.phase not in ("find", "require"):
        wanted = _missing(dist) or _not_found(plugin)
        if wanted:
            yield "install what it needs", f"{_pip()} install {shlex.join(wanted)}"
        yield from _repairs(plugin, plugin.account)
    elif plugin.phase == "require":
        needs = [r for r in metadata.requires(dist) or [] if r.lower().startswith(DISTRIBUTION)]
        yield "install the zoo version that it needs", f"{_pip()} install -U {shlex.join(needs)}"
        yield "or install a compatible version of it", f"zoo plugins install --upgrade {dist}"
    yield from _turn_off(plugin)


def _repairs(plugin: LoadedPlugin, account: str) -> Iterator[tuple[str, str]]:
    """Remedies for a mistake in a plugin's code: for its author the line to edit, for others a newer version."""
    if editable_folder(plugin.origin.distribution) is None:
        yield "check for a newer version", f"zoo plugins install --upgrade {plugin.origin.distribution}"
        return
    if place := line_to_edit(plugin, account):
        yield "edit this line", place
    yield "then check it", f"zoo plugins check {plugin.name}"


def _stale(plugin: LoadedPlugin) -> Iterator[PluginFinding]:
    """Findings about entry points that have changed since an editable installation."""
    origin = plugin.origin
    folder = editable_folder(origin.distribution)
    remedy = (
        "install it again, as after each change of entry points",
        f"{_pip()} install -e {shlex.quote(str(folder))}",
    )
    for problem in stale_entry_points(str(origin.distribution)):
        yield PluginFinding(
            origin.plugin, origin.distribution, origin.version, True, "install", problem, remedies=(remedy,)
        )


def _turn_off(plugin: LoadedPlugin) -> Iterator[tuple[str, str]]:
    if plugin.phase != "find":
        yield "disable it", f"zoo plugins disable {plugin.name}"
    if not plugin.origin.bundled:
        yield "uninstall it", f"zoo plugins uninstall {plugin.origin.distribution}"


def _missing(distribution: str) -> list[str]:
    """Requirements of a distribution that are not installed."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in metadata.requires(distribution) or []]
    except (metadata.PackageNotFoundError, ValueError):
        return []
    return [str(r) for r in wanted if (r.marker is None or r.marker.evaluate({"extra": ""})) and not _installed(r)]


def _installed(requirement: object) -> bool:
    from packaging.requirements import Requirement

    assert isinstance(requirement, Requirement)
    try:
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def _not_found(plugin: LoadedPlugin) -> list[str]:
    """Name of the module that could not be imported, which most distributions share; empty for other errors."""
    error = plugin.error
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return []
    name = error.name.partition(".")[0]
    return [] if name == plugin.target.partition(":")[0].partition(".")[0] else [name]


def _pip() -> str:
    from zoo.host.installer import find_tool

    return shlex.join(find_tool().shown)


def consult(registry: Registry, name: str | None = None) -> tuple[list[LoadedPlugin], list[PluginFinding]]:
    """Examine all plugins, or one.

    Returns:
        The examined plugins, and the findings, in order of the plugins' names.

    Raises:
        UnknownName: there is no such plugin.
    """
    plugins = registry.plugins
    if name is not None:
        names = [word for p in plugins for word in (p.name, p.origin.distribution or "")]
        if name not in names:
            raise UnknownName(f"There is no plugin {name!r}.{did_you_mean(name, names)} See: zoo plugins list")
        plugins = [p for p in plugins if name in (p.name, p.origin.distribution)]
    firsts = {plugin.origin.distribution: plugin for plugin in reversed(plugins) if not plugin.origin.bundled}
    stale = [finding for plugin in reversed(firsts.values()) for finding in _stale(plugin)]
    return plugins, [*(finding for plugin in plugins for finding in examine(plugin)), *stale]
