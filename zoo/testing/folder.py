"""Plugins in a folder, installed or not, for ``zoo plugins check PATH``."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.host.loader import components, load_module
from zoo.host.management import read_project
from zoo.registry.distributions import GROUP
from zoo.registry.entry import Origin
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.registry import Registry


def with_folder(folder: Path) -> tuple[Registry, list[str]]:
    """Build a registry in which a folder's plugins replace installed ones with their names.

    Returns:
        The registry, and the names of the folder's plugins.

    Raises:
        RequestError: the folder has no plugin.
    """
    project, registry = read_project(folder), components()
    targets = (project.get("entry-points") or {}).get(GROUP) or {}
    if not targets:
        raise RequestError(f'{folder / "pyproject.toml"} has no plugin: add [project.entry-points."{GROUP}"].')
    for source in (folder, folder / "src"):  # the two layouts there are
        sys.path.insert(0, str(source.absolute()))
    plugins = [_load(name, target, project) for name, target in sorted(targets.items())]
    others = [p for p in registry.plugins if p.name not in targets]
    return Registry([*others, *plugins], registry.shelf), sorted(targets)


def _load(name: str, target: str, project: dict[str, Any]) -> LoadedPlugin:
    plugin = LoadedPlugin(Origin(name, str(project.get("name", name)), str(project.get("version", "0"))), target)
    load_module(plugin, EntryPoint(name, target, GROUP).load)
    return plugin
