"""Collection of the checks for a plugin's components."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence

from zoo.errors import UnknownName
from zoo.host.loader import components
from zoo.registry.entry import LOCAL, Entry, module_name
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.registry import Registry
from zoo.registry.suggest import did_you_mean, listing
from zoo.testing.checking import EVERY, Check, contracts
from zoo.testing.plugins import families, plugin_checks
from zoo.testing.subject import Subject

UNNAMED_SAMPLES = 2
"""Number of members that represent a family without samples, from the start of its list."""


def checks(plugin: str, *, registry: Registry | None = None) -> list[Check]:
    """Collect all checks of a plugin and its components, sorted by kind and component.

    Args:
        plugin: name of the entry point, or ``"local"`` for the components of registry.yaml.
        registry: registry of the plugin; by default that of all installed plugins.

    Returns:
        The checks; for a failed or disabled plugin a single one that reports it.

    Raises:
        UnknownName: there is no such plugin.
    """
    known = registry or components()
    if plugin == LOCAL:
        return _in_order(_local(known))
    chosen = find_plugin(plugin, known)
    return plugin_checks(chosen) + _in_order(_to_try(chosen))


def _in_order(entries: Iterable[Entry]) -> list[Check]:
    found = [check for entry in entries for check in checks_of(entry)]
    return sorted(found, key=lambda check: (check.kind, check.component))


def _local(registry: Registry) -> list[Entry]:
    """Components of registry.yaml.

    Raises:
        UnknownName: there are none.
    """
    found = [entry for entry in registry.entries() if entry.origin.plugin == LOCAL]
    if not found:
        raise UnknownName(
            "There is no component to check in registry.yaml, neither in this folder nor in the user's. Declare one "
            "under components; see docs/register-your-own.md."
        )
    return found


def checks_of(entry: Entry) -> list[Check]:
    """Collect all checks of one component: the general ones, then those of its kind."""
    subject = Subject(entry)
    module = entry.component.target.partition(":")[0]
    package = module_name(entry.file) if entry.file else module.partition(".")[0]
    return [
        Check(entry.kind, entry.id, c.name, functools.partial(c.trial, subject), c.mend, package)
        for kind in (EVERY, entry.kind)
        for c in contracts(kind)
    ]


def find_plugin(name: str, registry: Registry) -> LoadedPlugin:
    """Find a plugin by name; of two with that name, the enabled one.

    Raises:
        UnknownName: there is no such plugin.
    """
    found = [plugin for plugin in registry.plugins if plugin.name == name]
    if not found:
        names = [plugin.name for plugin in registry.plugins]
        raise UnknownName(
            f"There is no plugin {name!r}.{did_you_mean(name, names)} There are: {listing(names)}. To check your "
            "own plugin, install it first: pip install -e FOLDER"
        )
    return next((plugin for plugin in found if plugin.state == "enabled"), found[0])


def _to_try(plugin: LoadedPlugin) -> Iterator[Entry]:
    """Components to test; of a family only its samples."""
    samples = {(family.kind, name) for family in families(plugin) for name in family.samples}
    for (_, _), members in _by_factory(plugin.entries).items():
        if members[0].member is None:
            yield from members
            continue
        named = [entry for entry in members if (entry.kind, entry.member) in samples]
        yield from named or members[:UNNAMED_SAMPLES]


def _by_factory(entries: Sequence[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Group the members of each family by their factory; other components stay single."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.kind, entry.component.target if entry.member else entry.id), []).append(entry)
    return groups
