"""The settings of a plugin, for its own code: components, commands and everything else that gets no run."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from zoo.errors import RequestError
from zoo.host.loader import components
from zoo.registry.registry import Registry

T = TypeVar("T")


@overload
def settings_of(plugin: str) -> Any: ...


@overload
def settings_of(plugin: type[T]) -> T: ...


def settings_of(plugin: str | type[T]) -> Any:
    """Return the settings of a plugin: of the job that this process works on, else from registry.yaml and environment.

    Args:
        plugin: the plugin's name, or the dataclass that its hook ``zoo_settings`` returns.

    Returns:
        The object of the plugin's dataclass.

    Raises:
        RequestError: no enabled plugin has such settings, or a value is invalid.
    """
    registry = Registry.latest or components()
    for name, found in registry.settings.active.items():
        if plugin in (name, found.schema.cls):
            return found.made
    wanted = repr(plugin if isinstance(plugin, str) else plugin.__name__)
    raise RequestError(f"No enabled plugin declares the settings {wanted}. See: zoo plugins doctor")
