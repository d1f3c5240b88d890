"""Objects with hooks that a plugin's entry point names: a module, a class, an object, or several."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

from zoo.errors import PluginError

HOOKS = "HOOKS"
"""Attribute of a plugin's module with objects that have hooks."""
MARK = "zoo_impl"
"""Attribute that ``hookimpl`` gives to a function."""


def objects_of(found: object, plugin: str) -> list[object]:
    """Return the objects whose hooks are a plugin's, in order; a class is replaced by an object of it.

    Args:
        found: what the entry point names.
        plugin: name of the plugin, for messages.

    Raises:
        PluginError: an object has no hooks, or nothing would call those of a class or an object in the module.
    """
    if not isinstance(found, ModuleType):
        return _members(found, "the entry point", plugin)
    listed = getattr(found, HOOKS, ())
    each = listed if isinstance(listed, tuple | list) else (listed,)
    objects = _members(listed, HOOKS, found.__name__) if any(map(_has_hooks, each)) else []
    own = [(name, value) for name, value in vars(found).items() if not name.startswith("__")]
    for name, value in sorted(own, key=lambda each: isinstance(each[1], type)):  # an object before its class
        if not _is_reached(value, found, objects):
            what = f"class {name}" if isinstance(value, type) else f"{name}, a {type(value).__name__},"
            new = f"{name}()" if isinstance(value, type) else name
            raise PluginError(
                f"the hooks of {what} are never called: write {HOOKS} = ({new},) in {found.__name__}, or name it in "
                f"the entry point: {plugin} = {found.__name__}:{name}"
            )
    return [found, *objects]


def _members(found: object, whose: str, owner: str) -> list[object]:
    """Objects in a tuple or list, or a single one."""
    if not isinstance(found, tuple | list):
        return [_created(found) if isinstance(found, type) else _single(found, whose, owner)]
    for i, member in enumerate(found):
        if not _has_hooks(member):
            place = f"{HOOKS}[{i}]" if whose == HOOKS else f"item {i} of what {whose} names"
            raise PluginError(f"{place} is {member!r}, which has no hooks")
    return [_created(member) if isinstance(member, type) else member for member in found]


def _single(found: object, whose: str, owner: str) -> object:
    if inspect.isroutine(found):
        raise PluginError(f"{whose} of {owner} names a function without hooks; it must name a module, or an object")
    if isinstance(found, str | bytes | int | float | dict | None):
        raise PluginError(f"{whose} of {owner} names {found!r}, which has no hooks")
    return found


def _created(cls: type) -> object:
    """Create an object of a class with hooks."""
    try:
        return cls()
    except TypeError as error:
        raise PluginError(
            f"{cls.__name__} can't be created without arguments ({error}): write {HOOKS} = ({cls.__name__}(…),) in "
            f"{cls.__module__}, with the arguments"
        ) from error


def _is_reached(value: object, module: ModuleType, objects: list[object]) -> bool:
    """False for an object with hooks, or a class of this module with hooks, that is not among the plugin's objects."""
    cls = value if isinstance(value, type) else type(value)
    if cls.__module__ == "builtins" or not _marked(cls):
        return True
    if isinstance(value, type):
        return value.__module__ != module.__name__ or any(isinstance(each, value) for each in objects)
    return any(each is value for each in objects)


def _has_hooks(found: Any) -> bool:
    return _marked(found if isinstance(found, type) else type(found)) or _marks(getattr(found, "__dict__", {}))


def _marked(cls: type) -> bool:
    """Check that a class has a method that is marked as a hook."""
    return any(_marks(vars(base)) for base in cls.__mro__)


def _marks(attributes: Mapping[str, Any]) -> bool:
    functions = (getattr(each, "__func__", each) for each in attributes.values() if callable(each))
    return any(isinstance(each, FunctionType) and hasattr(each, MARK) for each in functions)
