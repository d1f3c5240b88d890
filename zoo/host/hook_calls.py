"""Validation and individual calls of a plugin's hooks."""

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
"""Environment variable with the timeout of a hook in seconds."""
_DEFAULT_PATIENCE_S = 10.0


def new_manager() -> pluggy.PluginManager:
    """Create a pluggy manager with all hook specifications and no plugins."""
    manager = pluggy.PluginManager("zoo")
    manager.add_hookspecs(hookspecs)
    return manager


def hooks_of(name: str, module: object, manager: pluggy.PluginManager) -> Implementations:
    """Collect and validate a plugin's hooks, by name; an invalid plugin is unregistered.

    Raises:
        PluginError, pluggy.PluginValidationError: a hook is invalid; the message names it.
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
    """Check for errors that pluggy ignores.

    Raises:
        PluginError: the hook is invalid; the message names it.
    """
    if hook not in hookspecs.NAMES and not implementation.optionalhook:
        raise PluginError(f"there is no hook {hook!r}.{did_you_mean(hook, hookspecs.NAMES)}")
    if implementation.hookwrapper or implementation.wrapper:
        raise PluginError(f"{hook} can't be a wrapper: the hooks of each plugin are called separately")
    if implementation.kwargnames:
        names = ", ".join(implementation.kwargnames)
        raise PluginError(f"{hook}: {names} has a default, so it would never be passed; remove the default")


def _check_marked(module: object) -> None:
    for hook in hookspecs.NAMES:
        function = getattr(module, hook, None)
        if callable(function) and not hasattr(function, "zoo_impl"):
            raise PluginError(f"{hook} is not marked as a hook: put @hookimpl above it")


Traced = Callable[[LoadedPlugin, str, float], None]
tracers: list[Traced] = []
"""Callbacks for every import and every hook call: plugin, hook (or "import"), milliseconds."""


def call_one(plugin: LoadedPlugin, hook: str, **arguments: Any) -> list[Any]:
    """Call one hook of one plugin; exceptions are left to the caller.

    Returns:
        Result of each implementation, without None; a generator is returned as a list.
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
    """Measure the time of a call and report it to the tracers."""
    started = perf_counter()
    try:
        yield
    finally:
        for tell in tracers:
            tell(plugin, what, (perf_counter() - started) * 1000)


def patience_s() -> float:
    """Timeout of a hook in seconds, from the environment where valid."""
    try:
        return max(0.0, float(os.environ.get(PATIENCE, _DEFAULT_PATIENCE_S)))
    except ValueError:
        return _DEFAULT_PATIENCE_S
