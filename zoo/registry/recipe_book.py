"""All recipes by name: those of registry.yaml's layers, and those of plugins under full ids such as ``acme/x+*``.

Precedence: shipped registry.yaml < plugins < the user's registry.yaml < the working folder's.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from zoo.errors import PluginError, RegistryFileError, UnknownName
from zoo.registry.config import Layer, RegistryConfig, check_recipes, shipped_path
from zoo.registry.entry import Origin
from zoo.registry.suggest import did_you_mean, listing
from zoo.storage.safe_yaml import parse_yaml

HOOK = "zoo_recipes"
RESERVED = ("*+*", "multi_label", "regression", "ordinal")
"""Recipes below or above those of every job, which only a registry.yaml can define."""


@dataclass(frozen=True)
class PluginRecipe:
    """A recipe of a plugin.

    Args:
        name: the name as the plugin wrote it; ``ARCHITECTURE+DATASET`` selects the recipe by these names.
        content: the part of a job that the recipe sets, and ``when``, ``budget``, ``expect``, ``summary``.
        origin: the plugin.
    """

    name: str
    content: Mapping[str, Any]
    origin: Origin

    @property
    def id(self) -> str:
        """The name after that of the plugin, unless the name begins with it: ``acme/x+*``."""
        prefix = f"{self.origin.plugin}/"
        return self.name if self.name.startswith(prefix) else prefix + self.name

    @property
    def short(self) -> str:
        """The name without that of the plugin."""
        return self.id.removeprefix(f"{self.origin.plugin}/")

    def provenance(self) -> dict[str, str | None]:
        """Provenance for a result: id, distribution and version."""
        origin = self.origin
        return {"kind": "recipe", "id": self.id, "distribution": origin.distribution, "version": origin.version}


def plugin_recipes(given: object, origin: Origin) -> Iterator[PluginRecipe]:
    """Read what the hook ``zoo_recipes`` of a plugin has returned.

    Raises:
        PluginError: it is neither a mapping nor the name of a packaged YAML file, or a recipe is malformed.
    """
    where = f"{HOOK} of plugin {origin.plugin!r}"
    recipes = _packaged(given, where) if isinstance(given, str) else given
    if not isinstance(recipes, Mapping):
        raise PluginError(f"{where} gave {given!r}, not a mapping (name: recipe) or 'package:recipes.yaml'")
    try:
        check_recipes(recipes, f"{where}: {given}" if isinstance(given, str) else where)
    except RegistryFileError as error:
        raise PluginError(str(error)) from error
    for name, content in recipes.items():
        recipe = PluginRecipe(str(name), dict(content or {}), origin)
        if recipe.short in RESERVED:
            raise PluginError(f"{where}: {recipe.short!r} concerns every job; only a registry.yaml can define it")
        yield recipe


def _packaged(resource: str, where: str) -> object:
    """Read a packaged YAML file, ``"package:recipes.yaml"``."""
    package, colon, filename = resource.partition(":")
    if not (package and colon and filename):
        raise PluginError(f"{where} gave {resource!r}, not a mapping (name: recipe) or 'package:recipes.yaml'")
    try:
        text = pkgutil.get_data(package, filename)  # None without such a package
    except OSError:
        text = None
    if text is None:
        raise PluginError(f"{where}: the package {package} has no file {filename}")
    try:
        return parse_yaml(text.decode("utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PluginError(f"{where}: {resource} can't be read as YAML: {' '.join(str(error).split())}") from error


class RecipeBook:
    """The recipes of registry.yaml's layers and of plugins, with their precedence.

    Args:
        shelf: registry.yaml.
        contributed: the recipes of all plugins.
    """

    def __init__(self, shelf: RegistryConfig, contributed: Iterable[PluginRecipe] = ()):
        self.shelf = shelf
        self.contributed = tuple(contributed)

    @cached_property
    def _ranked(self) -> list[tuple[int, Layer | None, str, Mapping[str, Any]]]:
        """Level, file (None for a plugin), name and content of each recipe, by increasing precedence."""
        found: list[tuple[int, Layer | None, str, Mapping[str, Any]]] = []
        found += [(1, None, recipe.id, recipe.content) for recipe in self.contributed]
        shipped = shipped_path().resolve()
        for i, layer in enumerate(self.shelf.layers):
            level = 0 if layer.path.resolve() == shipped else i + 2
            found += [(level, layer, str(name), dict(each or {})) for name, each in layer.section("recipes").items()]
        return sorted(found, key=lambda each: each[0])

    @cached_property
    def by_name(self) -> dict[str, Mapping[str, Any]]:
        """Recipes by name, a plugin's by full id; of one name, that of the highest layer."""
        return {name: content for _, _, name, content in self._ranked}

    @cached_property
    def levels(self) -> dict[str, int]:
        """Precedence of each recipe's layer, equal for all plugins."""
        return {name: level for level, _, name, _ in self._ranked}

    @cached_property
    def owners(self) -> dict[str, PluginRecipe]:
        """The recipes of plugins that no registry.yaml replaces, by full id."""
        return {recipe.id: recipe for recipe in self.contributed if self.levels[recipe.id] == 1}

    def origin_of(self, name: str) -> str:
        """Origin of a recipe in words: ``plugin 'acme' (zoo-acme 1.2.3)``, a registry.yaml's path, or ``shipped``."""
        if name in self.owners:
            origin = self.owners[name].origin
            return f"plugin {origin.plugin!r} ({origin.distribution} {origin.version})"
        layer = next(layer for _, layer, each, _ in reversed(self._ranked) if each == name)
        return str(layer.path) if layer is not None and self.levels[name] else "shipped"

    def rows(self) -> list[dict[str, str]]:
        """Rows of a list of all recipes: ``kind``, ``id``, ``summary`` and ``origin``, sorted by name."""
        return [
            {"kind": "recipe", "id": name, "summary": str(each.get("summary") or ""), "origin": self.origin_of(name)}
            for name, each in sorted(self.by_name.items())
        ]

    def find(self, name: str) -> str:
        """Return the full name of a recipe; the short name of a plugin's recipe is enough where no other has it.

        Raises:
            UnknownName: there is no such recipe, or several plugins have one.
        """
        if name in self.by_name:
            return name
        found = [recipe for recipe in self.owners.values() if name in (recipe.short, recipe.name)]
        if len(found) > 1:
            whose = " and ".join(f"{recipe.id} ({recipe.origin.distribution})" for recipe in found)
            raise UnknownName(f"Recipe {name!r} is provided by several plugins: {whose}. Use the full id.")
        if not found:
            known = [each for each in self.by_name if each != RESERVED[0]]
            raise UnknownName(f"Unknown recipe {name!r}.{did_you_mean(name, known)} Recipes: {listing(known)}.")
        return found[0].id
