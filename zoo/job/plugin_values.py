"""Settings of plugins in a job: ``plugins.medical.stop_at``, beside the values that the job's schema knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from zoo.registry.plugin_settings import SECTION
from zoo.registry.settings_book import PluginSettings

PREFIX = f"{SECTION}."

Plain = Mapping[str, Any]


def is_setting(path: str) -> bool:
    """Check that a dotted path is one of a plugin's setting, whose value is not flattened further."""
    return path.startswith(PREFIX) and path.count(".") == 2


def take_settings(layer: MutableMapping[str, Any], source: str, problems: list[str]) -> tuple[str, Mapping[str, Any]]:
    """Remove the settings of plugins from a layer of dotted values.

    Returns:
        The source, and the settings by plugin.
    """
    found: dict[str, Plain] = {}
    for path in [path for path in layer if path == SECTION or path.startswith(PREFIX)]:
        value = layer.pop(path)
        if is_setting(path):
            _, plugin, name = path.split(".")
            found[plugin] = {**found.get(plugin, {}), name: value}
        elif value not in (None, {}):
            problems.append(f"{source}: {path} is not of the form plugins.PLUGIN.NAME=VALUE.")
    return source, found


def dotted(settings: Mapping[str, PluginSettings]) -> tuple[Plain, dict[str, str]]:
    """Values and sources of all settings by dotted path, as plain data."""
    values = {
        f"{PREFIX}{plugin}.{name}": value
        for plugin, each in settings.items()
        for name, value in each.schema.plain(each.made).items()
    }
    sources = {
        f"{PREFIX}{plugin}.{name}": source for plugin, each in settings.items() for name, source in each.sources.items()
    }
    return values, sources


def setting_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Describe the settings that differ between a run's job.yaml and a job; those that only one has are left out."""
    for plugin, values in now.items():
        then = (before.get(SECTION) or {}).get(plugin) or {}
        for name, value in values.items():
            if name in then and then[name] != value:
                yield f"plugins.{plugin}.{name}: {then[name]!r} before, {value!r} now"
