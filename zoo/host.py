"""The plugin host: finds plugins, imports each by itself, and collects what it contributes.

pluggy gives the hook protocol; what it lacks for contributions is done here. In one pluggy call the first
exception discards every plugin's results, results carry no plugin name, generators come back unconsumed, and a
misspelt hook is silent. So each plugin is checked in a manager of its own, its hooks are called by themselves,
and a plugin that fails anywhere is set aside whole.
"""

from __future__ import annotations

import importlib
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, distributions
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
        import traceback

        self.state, self.phase = "failed", phase
        # pluggy says what is wrong with a hook on its last line.
        text = " ".join(str(error).split()) if isinstance(error, pluggy.PluginValidationError) else str(error)
        self.problem = f"{type(error).__name__}: {text}".splitlines()[0]
        self.details = "".join(traceback.format_exception(error))
        self.entries, self.manager = [], None


@dataclass(frozen=True)
class _Found:
    """An entry point with its distribution's name and version, which are read from a file: once, not at each look."""

    entry: EntryPoint
    distribution: str
    version: str


def discover(disabled: Iterable[str] = (), *, bundled: bool = True) -> list[Plugin]:
    """Load every installed plugin, each in its own ``try``; sorted by name, so order never picks a winner.

    Args:
        disabled: entry-point names; a disabled plugin is not imported at all.
        bundled: whether to load the zoo's own as well.
    """
    by_name: dict[str, list[_Found]] = defaultdict(list)
    for found in _installed():
        by_name[found.entry.name].append(found)
    off = set(disabled)
    chosen = {name: _rightful(found) for name, found in sorted(by_name.items())}
    return [_load(n, found, off) for n, found in chosen.items() if bundled or found[0].distribution != DISTRIBUTION]


def _installed() -> Iterator[_Found]:
    """Every plugin's entry point. Of a distribution that stands in sys.path twice, the first is the one imported."""
    seen: set[str] = set()
    for distribution in distributions():
        entries = [entry for entry in distribution.entry_points if entry.group == GROUP]
        if not entries:
            continue
        metadata = distribution.metadata  # parsed at each look
        name, version = metadata["Name"], metadata["Version"]
        if name not in seen:
            seen.add(name)
            yield from (_Found(entry, name, version) for entry in entries)


def _rightful(found: list[_Found]) -> list[_Found]:
    """The zoo's own, where it has the name; else all that have it."""
    return [f for f in found if f.distribution == DISTRIBUTION] or sorted(found, key=lambda f: f.distribution)


def _load(name: str, found: list[_Found], disabled: set[str]) -> Plugin:
    first = found[0]
    plugin = Plugin(Origin(name, first.distribution, first.version), first.entry.value)
    if name in disabled:
        plugin.state = "disabled"
        return plugin
    if len(found) > 1:
        owners = " and ".join(f.distribution for f in found)
        plugin.set_aside("validate", PluginError(f"two distributions bring a plugin named {name!r}: {owners}"))
        return plugin
    started = perf_counter()
    load_module(plugin, lambda: _import(first.entry))
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
