"""A plugin as it is loaded: its hooks checked, by pluggy and for what it lets pass, and called by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from time import perf_counter
from typing import Any

import pluggy

from zoo import hookspecs
from zoo.entry import Entry, Origin
from zoo.errors import PluginError
from zoo.names import did_you_mean

Implementations = dict[str, list[pluggy.HookImpl]]


@dataclass
class Plugin:
    """One plugin, loaded or set aside.

    ``state`` is ``"enabled"``, ``"disabled"`` or ``"failed"``; a failed one has ``phase`` (find, require, import,
    validate or contribute), ``problem`` (one line) and ``error``, or ``account``: the lines at which its import ended a
    process. ``heavy`` are the large libraries that its import
    brought in, ``threads`` those that it began; ``rivals`` the further distributions that bring a plugin of its name.
    """

    origin: Origin
    target: str
    state: str = "enabled"
    phase: str | None = None
    problem: str | None = None
    error: BaseException | None = field(default=None, repr=False)
    account: str = field(default="", repr=False)
    load_ms: float = 0.0
    heavy: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    entries: list[Entry] = field(default_factory=list)
    hooks: Implementations = field(default_factory=dict, repr=False)
    threads: frozenset[Thread] = field(default=frozenset(), repr=False)

    @property
    def name(self) -> str:
        return self.origin.plugin

    def set_aside(self, phase: str, error: BaseException) -> None:
        """Keep nothing of the plugin but the account of what went wrong."""
        self.state, self.phase, self.error = "failed", phase, error
        self.problem = problem_of(error)
        self.entries, self.hooks = [], {}


def problem_of(error: BaseException) -> str:
    """An exception in one line."""
    # pluggy says what is wrong with a hook on its last line.
    text = " ".join(str(error).split()) if isinstance(error, pluggy.PluginValidationError) else str(error)
    lines = f"{type(error).__name__}: {text}".splitlines()
    return lines[0].removesuffix(": ").removeprefix(f"{PluginError.__name__}: ")


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


Traced = Callable[[Plugin, str, float], None]
tracers: list[Traced] = []
"""Told of every import and every call of a hook: the plugin, the hook (or "import"), milliseconds."""


def call_one(plugin: Plugin, hook: str, **arguments: Any) -> list[Any]:
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
def traced(plugin: Plugin, what: str) -> Iterator[None]:
    """Time a call and tell the tracers."""
    started = perf_counter()
    try:
        yield
    finally:
        for tell in tracers:
            tell(plugin, what, (perf_counter() - started) * 1000)
