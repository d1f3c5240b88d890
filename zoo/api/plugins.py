"""Public: installed plugins and their settings, registry.yaml's layers, and processes for whatever may crash.

Example::

    for plugin in discover():
        print(plugin.name, plugin.state, plugin.problem or "")
"""

from __future__ import annotations

from zoo.host.child_process import Child
from zoo.host.context import bundled_of, cache_kinds_here
from zoo.host.diagnosis import examine
from zoo.host.installer import find_tool
from zoo.host.isolation import alone
from zoo.host.loader import bundled_cache_kinds, discover
from zoo.host.requirements import unmet_requirements
from zoo.host.settings import settings_of
from zoo.registry.config import FILENAME, Layer, RegistryConfig, read_layer, shipped_path, user_path
from zoo.registry.distributions import installed
from zoo.registry.entry import DISTRIBUTION, LOCAL, Entry
from zoo.registry.kinds import ALL as ALL_KINDS
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.settings_book import settings_problems
from zoo.registry.suggest import did_you_mean, listing, near

__all__ = [
    "ALL_KINDS",
    "DISTRIBUTION",
    "FILENAME",
    "LOCAL",
    "Child",
    "Entry",
    "Layer",
    "LoadedPlugin",
    "RegistryConfig",
    "alone",
    "bundled_cache_kinds",
    "bundled_of",
    "cache_kinds_here",
    "did_you_mean",
    "discover",
    "examine",
    "find_tool",
    "installed",
    "listing",
    "near",
    "read_layer",
    "settings_of",
    "settings_problems",
    "shipped_path",
    "unmet_requirements",
    "user_path",
]
