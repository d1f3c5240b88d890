"""The plugins of a command line: loaded once, and passed to the functions that a command calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zoo.plugin import CacheKind
    from zoo.registry.entry import Entry
    from zoo.registry.loaded_plugin import LoadedPlugin
    from zoo.registry.registry import Registry

_SHELF, _BUNDLED, _REGISTRY, _REPORTED = (f"{__name__}.{name}" for name in ("shelf", "bundled", "registry", "reported"))


def registry_of(context: click.Context, *, quiet: bool = False, careful: bool = False) -> Registry:
    """The registry of the command line that a context belongs to.

    Args:
        quiet: don't report plugins that were set aside; else they are reported once, on stderr.
        careful: import each third-party plugin in a process of its own first; for a command that opens no other.
    """
    from zoo.host.loader import open_registry, say_failures

    meta = context.find_root().meta
    registry: Registry | None = meta.get(_REGISTRY)
    if registry is None:
        bundled = _bundled(context)
        registry = meta[_REGISTRY] = open_registry(careful=careful, bundled=bundled, shelf=meta[_SHELF])
    if not quiet and not meta.get(_REPORTED):
        meta[_REPORTED] = True
        say_failures(registry.plugins)
    return registry


def registry_if_open(context: click.Context) -> Registry | None:
    """The registry of the command line that a context belongs to, if the command has opened it."""
    found: Registry | None = context.find_root().meta.get(_REGISTRY)
    return found


def registry_here(*, quiet: bool = False, careful: bool = False) -> Registry:
    """As :func:`registry_of`, of the command that is running."""
    return registry_of(click.get_current_context(), quiet=quiet, careful=careful)


def bundled_of(context: click.Context) -> list[Entry]:
    """The entries of the zoo's own plugins; no other plugin is imported for them."""
    return [entry for plugin in _bundled(context) for entry in plugin.entries]


def cache_kinds_here() -> dict[str, CacheKind]:
    """Return every kind of file in the user's cache, by name."""
    from zoo.storage.cache import kinds_with

    return kinds_with(registry_here(quiet=True).cache_kinds)


def _bundled(context: click.Context) -> list[LoadedPlugin]:
    from zoo.host.loader import load_bundled, readable_shelf

    meta = context.find_root().meta
    if _BUNDLED not in meta:
        meta[_SHELF] = readable_shelf()
        meta[_BUNDLED] = load_bundled(meta[_SHELF])
    found: list[LoadedPlugin] = meta[_BUNDLED]
    return found
