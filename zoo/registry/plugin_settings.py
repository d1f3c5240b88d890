"""The settings that a plugin declares: a dataclass, whose fields have types, defaults, and perhaps an option."""

from __future__ import annotations

import dataclasses
import os
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from zoo.errors import PluginError
from zoo.registry.entry import Origin
from zoo.registry.signature import type_name
from zoo.storage.safe_yaml import parse_typed

HOOK = "zoo_settings"
SECTION = "plugins"
"""Section of registry.yaml and of a job that has the settings, by plugin."""
_OPTION = re.compile(r"--[a-z][a-z0-9-]*")

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Setting:
    """One field of a plugin's settings.

    Args:
        annotation: its type.
        option: option of ``zoo run`` that sets it, such as ``--stop-at``; empty for none.
        help: one line for ``zoo run --help`` and ``zoo info``.
        variable: environment variable that sets it.
    """

    name: str
    default: Any
    annotation: Any
    option: str
    help: str
    variable: str

    @property
    def type(self) -> str:
        """The type in words: ``float``."""
        return type_name(self.annotation)


@dataclass(frozen=True)
class SettingsSchema:
    """The settings that a plugin declares.

    Args:
        cls: the plugin's dataclass.
        origin: the plugin.
    """

    cls: type
    origin: Origin

    @property
    def plugin(self) -> str:
        return self.origin.plugin

    @cached_property
    def fields(self) -> dict[str, Setting]:
        """The fields by name."""
        try:
            hints = typing.get_type_hints(self.cls)
        except (NameError, TypeError):  # an annotation for type checkers only
            hints = {}
        return {f.name: self._setting(f, hints.get(f.name, Any)) for f in dataclasses.fields(self.cls)}

    def _setting(self, field: dataclasses.Field[Any], annotation: Any) -> Setting:
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        words = {key: str(field.metadata.get(key) or "") for key in ("option", "help")}
        variable = re.sub(r"[^A-Z0-9]", "_", f"ZOO_{self.plugin}_{field.name}".upper())
        return Setting(field.name, default, annotation, words["option"], words["help"], variable)

    def of_environment(self) -> Iterator[tuple[str, Values]]:
        """Values of environment variables, each with the variable as its source."""
        for name, setting in self.fields.items():
            if (text := os.environ.get(setting.variable)) is not None:
                yield setting.variable, {name: read_text(text, setting)}

    def make(self, values: Values) -> Any:
        """Make the typed object.

        Raises:
            pydantic.ValidationError: a value has the wrong type, or the dataclass refuses it.
        """
        if not values:
            return self.cls()  # without pydantic, which takes 60 ms to import
        from pydantic import TypeAdapter

        return TypeAdapter(self.cls).validate_python(dict(values))

    def plain(self, made: Any) -> Values:
        """All values as plain data, for job.yaml."""
        from pydantic import TypeAdapter

        found: Values = TypeAdapter(self.cls).dump_python(made, mode="json")
        return found


def read_text(text: str, setting: Setting) -> Any:
    """Read a value that was typed as text, in YAML; a text where the type is text."""
    if setting.annotation is str:
        return text
    try:
        return parse_typed(text)
    except yaml.YAMLError:
        return text


def schema_of(given: object, origin: Origin) -> SettingsSchema:
    """Check what the hook ``zoo_settings`` of a plugin has returned.

    Raises:
        PluginError: it is not a dataclass whose fields all have defaults, or an option is malformed.
    """
    if not (isinstance(given, type) and dataclasses.is_dataclass(given)):
        raise PluginError(f"{HOOK} gave {given!r}, not a dataclass (a class marked with @dataclass)")
    if "." in origin.plugin:
        raise PluginError(f"{HOOK}: a plugin with settings needs a name without '.', which separates words of a path")
    for field in dataclasses.fields(given):
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise PluginError(f"{HOOK}: {given.__name__}.{field.name} has no default; a plugin must work unconfigured")
        option = field.metadata.get("option", "")
        if option and not (isinstance(option, str) and _OPTION.fullmatch(option)):
            raise PluginError(
                f"{HOOK}: option {option!r} of {given.__name__}.{field.name} is not of the form --stop-at"
            )
    return SettingsSchema(given, origin)
