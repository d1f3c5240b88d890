"""The registry of a command line: opened once, and passed to whatever the command calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zoo.registry.registry import Registry

_OPENED, _TOLD = f"{__name__}.registry", f"{__name__}.told"


def registry_of(context: click.Context, *, quiet: bool = False, careful: bool = False) -> Registry:
    """The registry of the command line that a context belongs to.

    Args:
        quiet: don't report plugins that were set aside; else they are reported once, on stderr.
        careful: import each third-party plugin in a process of its own first; for a command that opens no other.
    """
    from zoo.host.loader import open_registry, say_failures

    meta = context.find_root().meta
    registry: Registry | None = meta.get(_OPENED)
    if registry is None:
        registry = meta[_OPENED] = open_registry(careful=careful)
    if not quiet and not meta.get(_TOLD):
        meta[_TOLD] = True
        say_failures(registry.plugins)
    return registry


def registry_here(*, quiet: bool = False, careful: bool = False) -> Registry:
    """As :func:`registry_of`, of the command that is running."""
    return registry_of(click.get_current_context(), quiet=quiet, careful=careful)
