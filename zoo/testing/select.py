"""Selection of checks by words of a command line: a plugin, one of its components, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.errors import UnknownName
from zoo.registry.entry import LOCAL, Entry
from zoo.registry.registry import Registry
from zoo.registry.suggest import listing, near, suggestion
from zoo.testing.checking import Check
from zoo.testing.collect import checks, checks_of, find_plugin
from zoo.testing.folder import with_folders

PLACES = (".", "/", "~", "\\")
"""First characters of a word that can only be a path."""


def select(words: Sequence[str], registry: Registry) -> list[Check]:
    """Collect the checks that words ask for, each once, in the order of the words.

    Args:
        words: a plugin (``acme``), a component of a plugin (``acme/my_loss``, or ``acme/loss:my_loss`` where another
            kind has the name too), or the folder of a plugin, which need not be installed.
        registry: registry of the installed plugins.

    Raises:
        UnknownName: there is no such plugin or component, or several kinds have the name.
        RequestError: a folder has no plugin.
    """
    folders = [word for word in words if is_place(word)]
    registry, plugins = with_folders([Path(word).expanduser() for word in folders], registry)
    found = [
        check
        for word in words
        for name in (plugins[Path(word).expanduser()] if word in folders else [word])
        for check in _of_name(name, registry)
    ]
    return list(dict.fromkeys(found))


def everything(registry: Registry) -> list[str]:
    """Words that select all plugins but the disabled, and ``local`` where registry.yaml declares components."""
    names = [plugin.name for plugin in registry.plugins if plugin.state != "disabled"]
    return [*names, LOCAL] if any(entry.origin.plugin == LOCAL for entry in registry.entries()) else names


def is_place(word: str) -> bool:
    """Return whether a word is a path, and not the name of a plugin or the full id of a component."""
    return word.startswith(PLACES) or word.count("/") > 1 or word.endswith("/") or Path(word).is_dir()


def _of_name(word: str, registry: Registry) -> list[Check]:
    plugin, slash, name = word.partition("/")
    if not slash:
        return _of_plugin(word, registry)
    if any(p.name == plugin and p.state != "enabled" for p in registry.plugins):
        return checks(plugin, registry=registry)  # which says why it is not enabled
    return checks_of(find_component(plugin, name, registry))


def _of_plugin(word: str, registry: Registry) -> list[Check]:
    try:
        return checks(word, registry=registry)
    except UnknownName as error:
        ids = [entry.id for entry in registry.entries() if word in entry.names]
        if not ids or word == LOCAL:  # the plugin of the components of registry.yaml, which may have none
            raise
        raise UnknownName(
            f"There is no plugin {word!r}, but a component. To check it, type its full id: zoo plugins check {ids[0]}"
        ) from error


def find_component(plugin: str, name: str, registry: Registry) -> Entry:
    """Find the component of a plugin by its name, or by ``KIND:NAME``.

    Raises:
        UnknownName: there is no such plugin or component, or several kinds have the name.
    """
    kind, _, bare = name.rpartition(":")
    entries = [entry for entry in registry.entries() if entry.origin.plugin == plugin]
    if not entries:
        find_plugin(plugin, registry)  # raises for an unknown one
    kinds = [each for each in dict.fromkeys(entry.kind for entry in entries) if kind in ("", each)]
    found = [_of_kind(each, plugin, bare, registry) for each in kinds]
    matches = [entry for entry in found if entry is not None]
    if len(matches) > 1:
        words = [f"zoo plugins check {plugin}/{entry.kind}:{bare}" for entry in matches]
        raise UnknownName(f"Plugin {plugin!r} has several components named {bare!r}. Choose one: {' or '.join(words)}")
    return matches[0] if matches else _unknown(plugin, bare, kind, entries)


def _of_kind(kind: str, plugin: str, name: str, registry: Registry) -> Entry | None:
    found = registry.plugin_entry(kind, f"{plugin}/{name}")
    local = (e for e in registry.entries(kind) if e.origin.plugin == plugin and name in e.names)
    return found or next(local, None)


def _unknown(plugin: str, name: str, kind: str, entries: Sequence[Entry]) -> Entry:
    names = list(dict.fromkeys(each.component.name for each in entries if kind in ("", each.kind)))
    hint = suggestion(f"{plugin}/{each}" for each in near(name, names))
    whose = f"component {kind}:{name}" if kind else f"component {name!r}"
    known = f" Valid are: {listing(names)}." if names else f" Kinds: {listing({e.kind: 0 for e in entries})}."
    raise UnknownName(f"Plugin {plugin!r} has no {whose}.{hint}{known} See: zoo plugins check {plugin}")
