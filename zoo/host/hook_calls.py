"""A plugin as it is loaded: its hooks checked, by pluggy and for what it lets pass, and called by themselves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import pluggy

from zoo.errors import PluginError
from zoo.host import hookspecs
from zoo.registry.loaded_plugin import Implementations, LoadedPlugin
from zoo.registry.suggest import did_you_mean

PATIENCE = "ZOO_HOOK_PATIENCE_S"
"""The environment variable with the seconds that a hook is waited for."""
_DEFAULT_PATIENCE_S = 10.0


def new_manager() -> pluggy.PluginManager:
    """A pluggy manager that knows every hook's specification, and no plugin yet."""
    manager = pluggy.PluginManager("zoo")
    manager.add_hookspecs(hookspecs)
    return manager


def hooks_of(name: str, module: object, manager: pluggy.PluginManager) -> Implementations:
    """A plugin's hooks, by name, checked. The manager forgets a plugin with a fault.

    Raises:
        PluginError, pluggy.PluginValidationError: says which hook, and what is wrong with it.
    """
    try:
        manager.register(module, name=name)
        callers = manager.get_hookcallers(module) or []
        hooks = {c.name: [i for i in c.get_hookimpls() if i.plugin is module] for c in callers}
        for hook, implementations in hooks.items():
            for implementation in implementations:
                _check_hook(hook, implementation)
        _check_marked(module)
    except BaseException:
        if manager.is_registered(module):
            manager.unregister(module)
        raise
    return hooks


def _check_hook(hook: str, implementation: pluggy.HookImpl) -> None:
    """What pluggy lets pass in silence.

    Raises:
        PluginError: says which hook, and what is wrong with it.
    """
    if hook not in hookspecs.NAMES and not implementation.optionalhook:
        raise PluginError(f"there is no hook {hook!r}.{did_you_mean(hook, hookspecs.NAMES)}")
    if implementation.hookwrapper or implementation.wrapper:
        raise PluginError(f"{hook} can't be a wrapper: each plugin's hooks are called by themselves")
    if implementation.kwargnames:
        names = ", ".join(implementation.kwargnames)
        raise PluginError(f"{hook}: {names} has a default, so that it would never be given; take the default away")


def _check_marked(module: object) -> None:
    for hook in hookspecs.NAMES:
        function = getattr(module, hook, None)
        if callable(function) and not hasattr(function, "zoo_impl"):
            raise PluginError(f"{hook} is not marked as a hook: put @hookimpl above it")


Traced = Callable[[LoadedPlugin, str, float], None]
tracers: list[Traced] = []
"""Told of every import and every call of a hook: the plugin, the hook (or "import"), milliseconds."""


def call_one(plugin: LoadedPlugin, hook: str, **arguments: Any) -> list[Any]:
    """Call one hook of one plugin; its exceptions are the caller's to contain.

    Returns:
        What each implementation gave, without None; what it yields, as a list.
    """
    results: list[Any] = []
    for implementation in plugin.hooks.get(hook, ()):
        with traced(plugin, hook):
            result = implementation.function(*(arguments[name] for name in implementation.argnames))
            result = list(result) if isinstance(result, Iterator) else result
        results += [] if result is None else [result]
    return results


@contextmanager
def traced(plugin: LoadedPlugin, what: str) -> Iterator[None]:
    """Time a call and tell the tracers."""
    started = perf_counter()
    try:
        yield
    finally:
        for tell in tracers:
            tell(plugin, what, (perf_counter() - started) * 1000)


def patience_s() -> float:
    """How long a hook is waited for; a word that is no number counts for nothing."""
    try:
        return max(0.0, float(os.environ.get(PATIENCE, _DEFAULT_PATIENCE_S)))
    except ValueError:
        return _DEFAULT_PATIENCE_S
