"""registry.yaml: recipes, aliases, local components, catalogue. Layers: shipped < user's < working folder's.

Reading the file executes no code: a local component's file is imported when a job uses it.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import platformdirs
import yaml

from zoo.errors import RegistryFileError
from zoo.plugin import Component
from zoo.registry.distributions import canonical
from zoo.registry.entry import LOCAL, Entry, Origin
from zoo.registry.fields import convert, fields_of, kinds_with, said
from zoo.registry.kinds import ALL, KINDS
from zoo.registry.signature import NAME
from zoo.registry.suggest import did_you_mean, listing
from zoo.storage.safe_yaml import read_yaml

FILENAME = "registry.yaml"
CONDITIONS = ("trained", "freeze", "architecture", "dataset", "source", "images", "image_size", "classes", "in_chans")
"""Conditions of a recipe's ``when``: initial weights, frozen layers, name patterns, and facts about the images.

Facts are the images' source, and ranges (``{at_least: …, at_most: …}``) of numbers.
"""
RANGES = ("images", "image_size", "classes", "in_chans")
"""Conditions that are ranges of numbers."""
_SECTIONS = ("version", "plugins", "aliases", "components", "recipes", "catalogue")
_PLACE_KEYS = ("target", "base", "params")
"""Keys of a local component beside the fields of its declaration."""
_TARGETS = ("reader", "recognises")
"""Fields that are targets themselves."""
PLUGIN_LISTS = ("require", "disable")
"""Keys of the section ``plugins`` that are no plugin's settings."""


@dataclass(frozen=True)
class Layer:
    """One registry.yaml, read and validated."""

    path: Path
    content: Mapping[str, Any]

    def section(self, name: str) -> Mapping[str, Any]:
        return self.content.get(name) or {}

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings by plugin."""
        return {str(name): value for name, value in self.section("plugins").items() if name not in PLUGIN_LISTS}

    @property
    def trusted(self) -> bool:
        """True for the shipped and the user's file; the file of a working folder may come from anybody."""
        return self.path.resolve() in (shipped_path().resolve(), user_path().resolve())


@dataclass(frozen=True)
class Local:
    """A component defined in a registry.yaml, by its own target or based on another component."""

    kind: str
    name: str
    layer: Path
    spec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, Any]:
        """Preset parameters; a relative ``root`` is resolved against the folder of the file."""
        params = dict(self.spec.get("params") or {})
        if self.kind == "dataset" and isinstance(params.get("root"), str):
            params["root"] = str((self.layer.parent / Path(params["root"]).expanduser()).resolve())
        return params

    def entry(self) -> Entry:
        """Entry of a component with its own target.

        Raises:
            RegistryFileError: the declaration is invalid.
        """
        module, target, file = self._place(str(self.spec["target"]))
        make = functools.partial(KINDS[self.kind].declaration, target=target)
        component = self._described(make, f"Local, from {module}", {})
        return Entry(component, Origin(LOCAL), params=self.params, file=file, stated=self._stated, home=self._home)

    def on_base(self, base: Entry) -> Entry:
        """Entry of a component that uses the factory of another.

        Raises:
            RegistryFileError: the declaration is invalid.
        """
        make = functools.partial(replace, base.component)
        words = {"aliases": (), "tags": base.component.tags}
        component = self._described(make, f"{base.component.name}, as set in {FILENAME}", words)
        params = {**base.params, **self.params}
        own = replace(base, component=component, origin=Origin(LOCAL), params=params)
        return replace(own, stated=self._stated, home=self._home)

    @property
    def _home(self) -> Path:
        return self.layer.parent.resolve()

    @property
    def _stated(self) -> frozenset[str]:
        return frozenset(said(self.spec, fields_of(KINDS[self.kind].declaration)))

    def _place(self, target: str) -> tuple[str, str, Path | None]:
        """The module as written, the target to import, and the file of a module that is one."""
        module, _, attribute = target.rpartition(":")
        file = (self.layer.parent / module).resolve() if module.endswith(".py") else None
        name = re.sub(r"\W|^(?=\d)", "_", file.stem) if file else module  # a file name may be no valid module name
        return module, f"{name}:{attribute}", file

    def _described(self, make: Callable[..., Component], summary: str, words: Mapping[str, Any]) -> Component:
        types = fields_of(KINDS[self.kind].declaration)
        own = {key: convert(value, types[key]) for key, value in said(self.spec, types).items()}
        try:
            own |= {key: self._beside(key, own[key]) for key in _TARGETS if key in own}
            return make(name=self.name, **{"summary": summary, **words, **own})
        except ValueError as error:
            raise RegistryFileError(f"{self.layer}: components: {self.kind}: {self.name}: {error}") from error

    def _beside(self, key: str, target: str) -> str:
        """A further target, such as of a reader; one in a file has to be in the file of the component.

        Raises:
            ValueError: it is in another file.
        """
        _, found, file = self._place(target)
        if file is not None and file != self._place(str(self.spec.get("target", "")))[2]:
            raise ValueError(f"{key} {target!r} must be in the file of the target, or in an installed module")
        return found


class RegistryConfig:
    """All layers merged; higher layers take precedence."""

    def __init__(self, layers: list[Layer]):
        self.layers = layers

    @cached_property
    def disabled(self) -> set[str]:
        """Entry-point names of plugins that any layer disables."""
        return {str(n) for layer in self.layers for n in layer.section("plugins").get("disable") or ()}

    @cached_property
    def aliases(self) -> dict[str, dict[str, str]]:
        """Aliases: kind -> short name -> target name."""
        merged: dict[str, dict[str, str]] = defaultdict(dict)
        for layer in self.layers:
            for kind, names in layer.section("aliases").items():
                merged[kind].update({str(k): str(v) for k, v in (names or {}).items()})
        return merged

    def check_kinds(self) -> None:
        """Check what could not be checked before all plugins had declared their kinds.

        Raises:
            RegistryFileError: no plugin has declared a kind, or a component of it is malformed.
        """
        for layer in self.layers:
            for section in ("aliases", "components"):
                _known(layer.section(section), KINDS, layer.path, f"kind under {section}")
            for item in _locals(layer):
                _check_local(item)

    @cached_property
    def locals(self) -> list[Local]:
        """Local components; for equal kind and name, that of the highest layer."""
        found = {(item.kind, item.name): item for layer in self.layers for item in _locals(layer)}
        return list(found.values())

    @cached_property
    def recipes(self) -> Mapping[str, Mapping[str, Any]]:
        """Recipes of all layers; those of plugins are in :class:`zoo.registry.recipe_book.RecipeBook`."""
        return {str(k): dict(v or {}) for layer in self.layers for k, v in layer.section("recipes").items()}

    @cached_property
    def catalogue(self) -> Mapping[str, Mapping[str, Any]]:
        """Known plugins; the file of a working folder can add entries but not replace any."""
        return {name: dict(item or {}) for layer in self.layers for name, item in self._catalogue_of(layer).items()}

    @cached_property
    def refused(self) -> list[str]:
        """Sentences about catalogue entries of a working folder that would replace known ones and are ignored."""
        return [
            f"{layer.path}: catalogue: {name} is ignored: the file of the zoo or the user already has that plugin."
            for layer in self.layers
            for name in layer.section("catalogue").keys() - self._catalogue_of(layer).keys()
        ]

    def _catalogue_of(self, layer: Layer) -> Mapping[str, Any]:
        """Catalogue entries of a layer; an untrusted layer can't redefine names, since entries can be installed."""
        given = {str(name): item for name, item in layer.section("catalogue").items()}
        if layer.trusted:
            return given
        known = [other.section("catalogue") for other in self.layers if other.trusted]
        taken = {word for section in known for name, item in section.items() for word in _words_of(name, item)}
        return {name: item for name, item in given.items() if canonical(name) not in taken}


def _words_of(name: object, item: Mapping[str, Any] | None) -> set[str]:
    """Canonical names by which a plugin of the catalogue is installed: its own and its package's."""
    package = re.match(r"[\w.-]*", str((item or {}).get("package") or ""))
    return {canonical(str(name)), canonical(package[0] if package else "")}


def _locals(layer: Layer) -> Iterator[Local]:
    for kind, components in layer.section("components").items():
        for name, spec in (components or {}).items():
            yield Local(kind, str(name), layer.path, spec)


def shipped_path() -> Path:
    """Path of the shipped registry.yaml: in the package when installed, at the root of a checkout."""
    packaged = Path(__file__).with_name(FILENAME)
    return packaged if packaged.is_file() else Path(__file__).parents[2] / FILENAME


def user_path() -> Path:
    """Path of the user's registry.yaml, which may not exist."""
    return platformdirs.user_config_path("visionzoo") / FILENAME


def open_shelf(folder: Path | None = None) -> RegistryConfig:
    """Read all existing layers; ``folder`` is the working folder."""
    folder = Path.cwd() if folder is None else folder
    paths = [shipped_path(), user_path(), folder / FILENAME]
    unique = dict.fromkeys(path.resolve() for path in paths)
    return RegistryConfig([read_layer(path) for path in unique if path.is_file()])


def read_layer(path: Path) -> Layer:
    """Read and validate one registry.yaml.

    Raises:
        RegistryFileError: the file isn't valid YAML, or its content is malformed.
    """
    try:
        content = read_yaml(path) or {}
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise RegistryFileError(f"{path} can't be read as YAML: {' '.join(str(error).split())}") from error
    _mapping(content, path, "the file")
    _known(content, _SECTIONS, path, "section")
    if content.get("version", 1) != 1:
        raise RegistryFileError(f"{path}: version {content['version']!r} is not supported; this zoo reads version 1.")
    for section in _SECTIONS[1:]:
        _mapping(content.get(section) or {}, path, section)
    for section in ("aliases", "components"):
        for kind, items in (content.get(section) or {}).items():
            _mapping(items or {}, path, f"{section}: {kind}")
    for name, item in (content.get("catalogue") or {}).items():
        _mapping(item or {}, path, f"catalogue: {name}")
    check_recipes(content.get("recipes") or {}, path)
    _check_plugins(content.get("plugins") or {}, path)
    layer = Layer(path, content)
    for item in _locals(layer):
        if item.kind in KINDS:  # others may be kinds of plugins, which have not been loaded yet
            _check_local(item)
    return layer


def _check_plugins(plugins: Mapping[Any, Any], path: Path) -> None:
    for key in PLUGIN_LISTS:
        _names(plugins, key, path, "plugins")
    for name, settings in plugins.items():
        if name not in PLUGIN_LISTS and not isinstance(settings, Mapping):
            raise RegistryFileError(
                f"{path}: plugins: {name} must be a mapping with the settings of a plugin, not {settings!r}."
                f"{did_you_mean(str(name), PLUGIN_LISTS)} Lists are: {listing(PLUGIN_LISTS)}."
            )


def check_recipes(recipes: Mapping[Any, Any], path: Path | str) -> None:
    """Check that recipes are mappings with valid conditions.

    Args:
        path: the file or the plugin that has the recipes, for messages.

    Raises:
        RegistryFileError: a recipe is malformed.
    """
    for name, recipe in recipes.items():
        _mapping(recipe or {}, path, f"recipes: {name}")
        _check_conditions((recipe or {}).get("when") or {}, path, f"recipes: {name}: when")


def _check_conditions(when: Mapping[str, Any], path: Path | str, where: str) -> None:
    _mapping(when, path, where)
    _known(when, CONDITIONS, path, f"condition of {where}")
    for kind in ("architecture", "dataset"):
        _names(when, kind, path, where)
    for condition in RANGES:
        if condition in when:
            _mapping(when[condition], path, f"{where}: {condition}")
            _known(when[condition], ("at_least", "at_most"), path, f"word of {where}: {condition}")


def _check_local(item: Local) -> None:
    """Check a local component, as far as that is possible without its base.

    Raises:
        RegistryFileError: a key or a value is invalid.
    """
    where, fields = f"components: {item.kind}: {item.name}", fields_of(KINDS[item.kind].declaration)
    _mapping(item.spec, item.layer, where)
    for key in item.spec:
        if key not in (*_PLACE_KEYS, *fields) and (kinds := kinds_with(str(key), KINDS)):
            raise RegistryFileError(f"{item.layer}: {where}: {key} is only valid for {' and '.join(map(_a, kinds))}.")
    _known(item.spec, (*_PLACE_KEYS, *fields), item.layer, f"key of {where}")
    _mapping(item.spec.get("params") or {}, item.layer, f"{where}: params")
    if item.kind == "command" and "params" in item.spec:
        raise RegistryFileError(f"{item.layer}: {where}: params is not valid for a command, which gets words alone.")
    if NAME in (item.spec.get("params") or {}) and NAME in ALL[item.kind].reserved:
        raise RegistryFileError(
            f"{item.layer}: {where}: params: 'name' is reserved for the name of the component. Rename the parameter "
            "of the factory."
        )
    for key, value in said(item.spec, fields).items():
        try:
            convert(value, fields[key])
        except TypeError as error:
            raise RegistryFileError(f"{item.layer}: {where}: {key} {error}.") from error
    if ("target" in item.spec) == ("base" in item.spec):
        raise RegistryFileError(
            f"{item.layer}: {where}: give either target ('./my_models.py:TinyNet' or 'package.module:name') "
            "or base (the name of a registered component)."
        )
    if "target" in item.spec:
        item.entry()


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _mapping(value: object, path: Path | str, what: str) -> None:
    if not isinstance(value, Mapping):
        raise RegistryFileError(f"{path}: {what} must be a mapping (name: value), not {value!r}.")


def _names(given: Mapping[str, Any], key: str, path: Path | str, where: str) -> None:
    value = given.get(key) or []
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise RegistryFileError(f"{path}: {where}: {key} must be a list of words, such as [a, b], not {value!r}.")


def _known(given: Mapping[str, Any], valid: Any, path: Path | str, what: str) -> None:
    for key in given:
        if key not in valid:
            raise RegistryFileError(
                f"{path}: unknown {what} {key!r}.{did_you_mean(str(key), valid)} Valid are: {listing(valid)}."
            )
