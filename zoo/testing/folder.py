"""Plugins in a folder, installed or not, for ``zoo plugins check PATH``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.host.loader import collect_components, load_module
from zoo.host.management import read_project
from zoo.registry.distributions import GROUP
from zoo.registry.entry import Origin
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.registry import Registry


def with_folders(folders: Sequence[Path], registry: Registry) -> tuple[Registry, dict[Path, list[str]]]:
    """Build a registry in which the plugins of folders replace those of the same name.

    Returns:
        The registry, and the names of each folder's plugins.

    Raises:
        RequestError: a folder has no plugin.
    """
    plugins = {folder: _load_folder(folder) for folder in folders}
    if not plugins:
        return registry, {}
    loaded = {plugin.name: plugin for found in plugins.values() for plugin in found}
    others = [plugin for plugin in registry.plugins if plugin.name not in loaded]
    collect_components(loaded.values())  # those of all kinds, once each plugin has declared its own
    names = {folder: [plugin.name for plugin in found] for folder, found in plugins.items()}
    return Registry([*others, *loaded.values()], registry.shelf), names


def _load_folder(folder: Path) -> list[LoadedPlugin]:
    project = read_project(folder)
    targets = (project.get("entry-points") or {}).get(GROUP) or {}
    if not targets:
        raise RequestError(f'{folder / "pyproject.toml"} has no plugin: add [project.entry-points."{GROUP}"].')
    for source in (folder, folder / "src"):  # the two layouts there are
        sys.path.insert(0, str(source.absolute()))
    return [_load(name, target, project) for name, target in sorted(targets.items())]


def _load(name: str, target: str, project: dict[str, Any]) -> LoadedPlugin:
    plugin = LoadedPlugin(Origin(name, str(project.get("name", name)), str(project.get("version", "0"))), target)
    load_module(plugin, EntryPoint(name, target, GROUP).load)
    return plugin
