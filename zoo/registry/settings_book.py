"""Values of plugins' settings, from registry.yaml, jobs, the environment and the command line.

Precedence: the defaults of the dataclass < the user's registry.yaml < the working folder's < a job file < environment
variables < ``--set`` < options of the command line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import RequestError
from zoo.registry.config import RegistryConfig
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.plugin_settings import SECTION, SettingsSchema
from zoo.registry.suggest import did_you_mean, listing, near

DEFAULT = "default"
TYPED = ("--set", "command line")
"""Sources that precede environment variables."""


@dataclass(frozen=True)
class PluginSettings:
    """The settings of one plugin for one job.

    Args:
        schema: what the plugin declares.
        made: the plugin's typed object.
        sources: name of a field -> the source of its value; without those that have their defaults.
    """

    schema: SettingsSchema
    made: Any
    sources: Mapping[str, str]

    def changed(self) -> Mapping[str, Any]:
        """The values that are not the defaults of the plugin, as plain data."""
        plain = self.schema.plain(self.made)
        return {name: plain[name] for name in self.sources}

    def provenance(self) -> Mapping[str, Any]:
        """Provenance for a result: plugin, distribution, version, and the values that are not the defaults."""
        origin = self.schema.origin
        return {
            "kind": "plugin",
            "id": origin.plugin,
            "distribution": origin.distribution,
            "version": origin.version,
            "settings": self.changed(),
        }

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """Rows for ``zoo info``: name, type, value, default, source, option, environment variable, and help."""
        for name, setting in self.schema.fields.items():
            yield {
                "name": name,
                "type": setting.type,
                "value": getattr(self.made, name),
                "source": self.sources.get(name, DEFAULT),
                "option": setting.option,
                "variable": setting.variable,
                "help": setting.help,
            }


class SettingsBook:
    """The settings that all plugins declare, and their values.

    Args:
        schemas: declarations of the enabled plugins.
        shelf: registry.yaml.
    """

    def __init__(self, schemas: Iterable[SettingsSchema], shelf: RegistryConfig):
        self.schemas = {schema.plugin: schema for schema in schemas}
        self.shelf = shelf
        self._active: Mapping[str, PluginSettings] | None = None

    @property
    def active(self) -> Mapping[str, PluginSettings]:
        """The settings of the job that this process works on; before there is one, those without a job.

        Raises:
            RequestError: a value is invalid.
        """
        if self._active is None:
            found, problems = self.resolve()
            if problems:
                raise RequestError(" ".join(problems))
            self._active = found
        return self._active

    def activate(self, settings: Mapping[str, PluginSettings]) -> None:
        """Use the settings of a job from now on."""
        self._active = settings

    def resolve(self, *layers: tuple[str, Mapping[str, Any]]) -> tuple[dict[str, PluginSettings], list[str]]:
        """Determine the settings of every plugin.

        Args:
            layers: source and values (``{"medical": {"stop_at": 0.9}}``) by increasing precedence; those named
                ``--set`` and ``command line`` precede environment variables.

        Returns:
            The settings by plugin, and the problems, one sentence each.
        """
        merged = {plugin: _Merged(schema) for plugin, schema in self.schemas.items()}
        problems: list[str] = []
        files = ((str(layer.path), layer.settings) for layer in self.shelf.layers)
        for source, given in (*files, *(layer for layer in layers if layer[0] not in TYPED)):
            for plugin, values in given.items():
                problems += merged[plugin].put(source, values) if plugin in merged else self._misspelt(source, plugin)
        for schema in self.schemas.values():
            for variable, values in schema.of_environment():
                merged[schema.plugin].put(variable, values)
        for source, given in (layer for layer in layers if layer[0] in TYPED):
            for plugin, values in given.items():
                problems += merged[plugin].put(source, values) if plugin in merged else [self._stranger(source, plugin)]
        return {plugin: each.made(problems) for plugin, each in merged.items()}, problems

    def known_in(self, given: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """Keep the settings that plugins declare, of a run that may be older than the plugins."""
        return {
            plugin: {name: value for name, value in values.items() if name in self.schemas[plugin].fields}
            for plugin, values in given.items()
            if plugin in self.schemas
        }

    def _stranger(self, source: str, plugin: str) -> str:
        known = listing(sorted(self.schemas)) or "none"
        return (
            f"{source}: {SECTION}.{plugin}: no plugin {plugin!r} with settings is installed."
            f"{did_you_mean(plugin, self.schemas)} Plugins with settings: {known}."
        )

    def _misspelt(self, source: str, plugin: str) -> list[str]:
        """Problem of settings in a file for a plugin that isn't there; none for one that may be installed elsewhere."""
        return [self._stranger(source, plugin)] if near(plugin, self.schemas) else []

    def problems(self) -> list[str]:
        """Problems of the values in registry.yaml and the environment, and settings of plugins that have none."""
        strangers = [
            f"{layer.path}: {SECTION}.{plugin}: no plugin {plugin!r} with settings is installed."
            for layer in self.shelf.layers
            for plugin in layer.settings
            if plugin not in self.schemas and not near(plugin, self.schemas)
        ]
        return [*self.resolve()[1], *strangers, *self._misspelt_variables()]

    def _misspelt_variables(self) -> Iterator[str]:
        known = [setting.variable for schema in self.schemas.values() for setting in schema.fields.values()]
        for name in sorted(os.environ):
            if name.startswith("ZOO_") and name not in known and (meant := near(name, known, most=1)):
                yield f"The variable {name} is not a setting of a plugin. Did you mean {meant[0]}?"


class _Merged:
    """Values of one plugin's settings, with the source of each."""

    def __init__(self, schema: SettingsSchema):
        self.schema = schema
        self.values: dict[str, object] = {}
        self.sources: dict[str, str] = {}

    def put(self, source: str, given: Any) -> list[str]:
        """Override values; returns the problems of unknown ones."""
        where, known = f"{source}: {SECTION}.{self.schema.plugin}", self.schema.fields
        if not isinstance(given, Mapping):
            return [f"{where} must be a mapping (name: value), not {given!r}."]
        wrong = [
            f"{where}.{name} is unknown.{did_you_mean(str(name), known)} The plugin has: {listing(known) or 'none'}."
            for name in given
            if name not in known
        ]
        for name in known.keys() & given.keys():
            self.values[name], self.sources[name] = given[name], source
        return wrong

    def made(self, problems: list[str]) -> PluginSettings:
        """Make the typed object; the one with all defaults, and problems, where values are invalid."""
        try:
            return PluginSettings(self.schema, self.schema.make(self.values), dict(self.sources))
        except Exception as error:  # pydantic's, or one of the plugin's own __post_init__
            problems += self._invalid(error)
            return PluginSettings(self.schema, self.schema.cls(), {})

    def _invalid(self, error: Exception) -> Iterator[str]:
        from pydantic import PydanticUserError, ValidationError

        if isinstance(error, PydanticUserError):
            yield f"{self._where()}: its types can't be checked: {str(error).partition(chr(10))[0]}"
        elif not isinstance(error, ValidationError):
            yield f"{self._where()}: {error}."
        for each in error.errors() if isinstance(error, ValidationError) else ():
            name, reason = ".".join(map(str, each["loc"])), str(each["msg"])
            setting = self.schema.fields.get(str(each["loc"][0])) if each["loc"] else None
            if setting is None or each["type"] == "value_error":
                yield f"{self._where(name)}: {reason.removeprefix('Value error, ')}."
            else:
                yield f"{self._where(name)} must be {setting.type}, not {each['input']!r} ({reason})."

    def _where(self, name: str = "") -> str:
        """A path with the source of its value."""
        path = f"{SECTION}.{self.schema.plugin}" + (f".{name}" if name else "")
        source = self.sources.get(name.partition(".")[0], "")
        return f"{source}: {path}" if source else path


def settings_problems(plugins: Iterable[LoadedPlugin], shelf: RegistryConfig) -> list[str]:
    """Problems of the settings in registry.yaml and the environment, a sentence each."""
    return SettingsBook((plugin.settings for plugin in plugins if plugin.settings), shelf).problems()
