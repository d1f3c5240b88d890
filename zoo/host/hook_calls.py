"""Validation and individual calls of a plugin's hooks."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import pluggy

from zoo.errors import PluginError
from zoo.host import hookspecs
from zoo.host.hook_objects import objects_of
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


def hooks_of(name: str, found: object, manager: pluggy.PluginManager) -> Implementations:
    """Collect and validate a plugin's hooks, by name; an invalid plugin is unregistered.

    Args:
        found: what the plugin's entry point names.

    Raises:
        PluginError, pluggy.PluginValidationError: a hook is invalid; the message names it.
    """
    objects = objects_of(found, name)
    hooks: Implementations = {}
    try:
        for i, each in enumerate(objects):
            manager.register(each, name=name if i == 0 else f"{name}[{i}]")
            for caller in manager.get_hookcallers(each) or []:
                hooks.setdefault(caller.name, []).extend(i for i in caller.get_hookimpls() if i.plugin is each)
            _check_marked(each)
        for hook, implementations in hooks.items():
            for implementation in implementations:
                _check_hook(hook, implementation)
    except BaseException:
        for each in objects:
            if manager.is_registered(each):
                manager.unregister(each)
        raise
    return hooks


def _check_hook(hook: str, implementation: pluggy.HookImpl) -> None:
    """Check for errors that pluggy ignores.

    Raises:
        PluginError: the hook is invalid; the message names it, and says what to write instead.
    """
    if hook not in hookspecs.NAMES and not implementation.optionalhook:
        raise PluginError(f"there is no hook {hook!r}.{did_you_mean(hook, hookspecs.NAMES)}")
    if implementation.hookwrapper or implementation.wrapper:
        option = "hookwrapper" if implementation.hookwrapper else "wrapper"
        instead = _ORDER if hook in hookspecs.LIFECYCLE else _REPLACE
        raise PluginError(
            f"{hook} can't be a wrapper: the hooks of each plugin are called separately. Remove {option}=True and "
            f"{instead}"
        )
    if inspect.iscoroutinefunction(implementation.function):
        raise PluginError(f"{hook} is a coroutine function, which is never awaited: define it with def")
    if implementation.kwargnames:
        names = ", ".join(implementation.kwargnames)
        raise PluginError(f"{hook}: {names} has a default, so it would never be passed; remove the default")


_ORDER = "yield; @hookimpl(tryfirst=True) or @hookimpl(trylast=True) decides when the hook is called"
_REPLACE = "return components; an alias in registry.yaml replaces another plugin's"


def rank(implementation: pluggy.HookImpl) -> int:
    """Sort key of calls, as in pluggy: first those with ``tryfirst``, last those with ``trylast``."""
    return int(implementation.trylast) - int(implementation.tryfirst)


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
    results = [call_implementation(plugin, hook, each, arguments) for each in plugin.hooks.get(hook, ())]
    return [result for result in results if result is not None]


def call_implementation(
    plugin: LoadedPlugin, hook: str, implementation: pluggy.HookImpl, arguments: Mapping[str, Any]
) -> Any:
    """Call one implementation of a hook with those of the arguments that it takes; a generator becomes a list."""
    with traced(plugin, hook):
        result = implementation.function(*(arguments[name] for name in implementation.argnames))
        return list(result) if isinstance(result, Iterator) else result


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
