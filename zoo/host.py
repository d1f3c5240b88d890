"""The plugin host: finds plugins, imports each by itself, and collects what it contributes.

pluggy gives the hook protocol; what it lacks for contributions is done here. In one pluggy call the first
exception discards every plugin's results, results carry no plugin name, generators come back unconsumed, and a
misspelt hook is silent. So each plugin is checked in a manager of its own, its hooks are called by themselves,
and a plugin that fails anywhere is set aside whole.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from time import perf_counter
from typing import Any

import pluggy

from zoo import hookspecs
from zoo.entry import DISTRIBUTION, Entry, Origin, family_entries
from zoo.errors import PluginError
from zoo.plugin import KINDS, Family

GROUP = "zoo.plugins"


@dataclass
class Plugin:
    """One plugin, loaded or set aside.

    ``state`` is ``"enabled"``, ``"disabled"`` or ``"failed"``; a failed one has ``phase`` (import, validate or
    contribute), ``problem`` (one line) and ``details`` (the traceback).
    """

    origin: Origin
    target: str
    state: str = "enabled"
    phase: str | None = None
    problem: str | None = None
    details: str | None = None
    load_ms: float = 0.0
    entries: list[Entry] = field(default_factory=list)
    manager: pluggy.PluginManager | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.origin.plugin

    def set_aside(self, phase: str, error: BaseException) -> None:
        """Keep nothing of the plugin but the account of what went wrong."""
        self.state, self.phase = "failed", phase
        # pluggy says what is wrong with a hook on its last line.
        text = " ".join(str(error).split()) if isinstance(error, pluggy.PluginValidationError) else str(error)
        self.problem = f"{type(error).__name__}: {text}".splitlines()[0]
        self.details = "".join(traceback.format_exception(error))
        self.entries, self.manager = [], None


def discover(disabled: Iterable[str] = ()) -> list[Plugin]:
    """Load every installed plugin, each in its own ``try``; sorted by name, so order never picks a winner.

    Args:
        disabled: entry-point names; a disabled plugin is not imported at all.
    """
    by_name: dict[str, list[EntryPoint]] = defaultdict(list)
    for entry in entry_points(group=GROUP):
        by_name[entry.name].append(entry)
    off = set(disabled)
    return [_load(name, _distinct(entries), off) for name, entries in sorted(by_name.items())]


def _distinct(entries: list[EntryPoint]) -> list[EntryPoint]:
    """One entry for each distribution: a path that stands in sys.path twice lists its plugins twice."""
    unique = {(_distribution(e)[0], e.value): e for e in entries}
    bundled = [e for (dist, _), e in unique.items() if dist == DISTRIBUTION]
    return bundled or [unique[key] for key in sorted(unique, key=str)]


def _distribution(entry: EntryPoint) -> tuple[str | None, str | None]:
    return (entry.dist.name, entry.dist.version) if entry.dist else (None, None)


def _load(name: str, entries: list[EntryPoint], disabled: set[str]) -> Plugin:
    plugin = Plugin(Origin(name, *_distribution(entries[0])), entries[0].value)
    if name in disabled:
        plugin.state = "disabled"
        return plugin
    if len(entries) > 1:
        owners = " and ".join(str(_distribution(e)[0]) for e in entries)
        plugin.set_aside("validate", PluginError(f"two distributions bring a plugin named {name!r}: {owners}"))
        return plugin
    started = perf_counter()
    load_module(plugin, lambda: _import(entries[0]))
    plugin.load_ms = (perf_counter() - started) * 1000
    return plugin


def _import(entry: EntryPoint) -> object:
    module = importlib.import_module(entry.module)
    return getattr(module, entry.attr) if entry.attr else module


def load_module(plugin: Plugin, importer: Callable[[], object]) -> None:
    """Import, validate and collect one plugin; whatever it raises sets it aside."""
    phase = "import"
    try:
        module = importer()
        phase = "validate"
        plugin.manager = _manager_for(plugin.name, module)
        phase = "contribute"
        plugin.entries = list(_contributions(plugin))
    except (Exception, SystemExit) as error:  # a plugin may even call sys.exit() when it is imported
        plugin.set_aside(phase, error)


def _manager_for(name: str, module: object) -> pluggy.PluginManager:
    """A manager that holds this plugin alone, so that a fault in its hooks is its own."""
    manager = pluggy.PluginManager("zoo")
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=name)
    manager.check_pending()
    for hook in hookspecs.CONTRIBUTIONS.values():
        for impl in getattr(manager.hook, hook).get_hookimpls():
            if impl.hookwrapper or impl.wrapper:
                raise PluginError(f"{hook} can't be a wrapper: contributions are collected plugin by plugin")
    return manager


def _contributions(plugin: Plugin) -> Iterator[Entry]:
    for kind, hook in hookspecs.CONTRIBUTIONS.items():
        seen: set[str] = set()
        for result in call_one(plugin, hook):
            for given in result or ():
                yield from _entries(given, kind, hook, plugin.origin, seen)


def _entries(given: object, kind: str, hook: str, origin: Origin, seen: set[str]) -> Iterator[Entry]:
    if isinstance(given, Family) and given.kind == kind:
        entries = family_entries(given, origin)
    elif isinstance(given, KINDS[kind]):
        entries = [Entry(given, origin)]
    else:
        raise PluginError(f"{hook} gave {given!r}, not {KINDS[kind].__name__}(...) or a Family of that kind")
    for entry in entries:
        for name in entry.names:
            if name in seen:
                raise PluginError(f"{hook} gave two components named {name!r}")
            seen.add(name)
        yield entry


def call_one(plugin: Plugin, hook: str, **arguments: Any) -> list[Any]:
    """Call one hook of one plugin; its exceptions are the caller's to contain."""
    if plugin.manager is None:
        return []
    result: list[Any] = getattr(plugin.manager.hook, hook)(**arguments)
    return result


def say_failures(plugins: Iterable[Plugin]) -> None:
    """One line for each plugin that was set aside."""
    for plugin in plugins:
        if plugin.state == "failed":
            print(  # noqa: T201 - the console may not be up yet
                f"zoo: plugin {plugin.name!r} ({plugin.origin.distribution}) was set aside: {plugin.problem}"
                f" — see: zoo plugins doctor {plugin.name}",
                file=sys.stderr,
            )
