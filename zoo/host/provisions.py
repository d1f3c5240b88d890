"""What a plugin provides, in numbers."""

from __future__ import annotations

from collections import Counter

from zoo.host.hookspecs import LIFECYCLE
from zoo.registry import kinds
from zoo.registry.loaded_plugin import LoadedPlugin


def provisions(plugin: LoadedPlugin) -> dict[str, dict[str, int]]:
    """Count what a plugin provides.

    Returns:
        ``provides``: the number of its components, by kind; ``extends``: the number of its kinds, recipes, fields of
        settings and hooks of runs, without those that it has none of.
    """
    further = {
        "kind": len(kinds.declared_by(plugin.name)) if plugin.state == "enabled" else 0,
        "recipe": len(plugin.recipes),
        "setting": len(plugin.settings.fields) if plugin.settings else 0,
        "hook": sum(hook in LIFECYCLE for hook in plugin.hooks),
    }
    return {
        "provides": dict(sorted(Counter(entry.kind for entry in plugin.entries).items())),
        "extends": {name: number for name, number in further.items() if number},
    }
