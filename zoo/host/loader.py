"""Loader of plugins: discovers them, imports each separately, and collects their contributions.

pluggy provides the hook protocol, with limitations for contributions: in one pluggy call the first exception discards
every plugin's results, results carry no plugin name, generators come back unconsumed, and a misspelt hook is ignored.
Therefore each plugin's hooks are called separately, and a plugin that fails anywhere is set aside completely.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from time import perf_counter
from typing import Any, TypeVar

import pluggy

from zoo.errors import PluginError, ZooError
from zoo.host import hookspecs
from zoo.host.enablement import ALLOW_LIST, allowed
from zoo.host.hook_calls import call_one, hooks_of, new_manager, traced
from zoo.plugin import CacheKind, Component, Family, Kind, check_name
from zoo.registry import kinds, picture_readers
from zoo.registry.config import RegistryConfig, open_shelf
from zoo.registry.distributions import Found, installed
from zoo.registry.entry import DISTRIBUTION, Entry, Origin, family_entries
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.plugin_settings import schema_of
from zoo.registry.recipe_book import PluginRecipe, plugin_recipes
from zoo.registry.registry import Registry
from zoo.registry.suggest import did_you_mean
from zoo.registry.tracebacks import LIBRARIES, crash_frames

T = TypeVar("T")
HEAVY = LIBRARIES
"""Large libraries whose import slows down every command."""
discovered: list[LoadedPlugin] = []
"""Plugins of the last ``discover``, to find the one that delays the end of the process."""


def open_registry(
    *,
    say: Callable[[Iterable[LoadedPlugin]], None] | None = None,
    careful: bool = False,
    bundled: Iterable[LoadedPlugin] = (),
    shelf: RegistryConfig | None = None,
) -> Registry:
    """Read registry.yaml, load the plugins, and put them together.

    Args:
        say: called with the plugins, to report those that were set aside.
        careful: try each third-party plugin in a process of its own first, and import none that ended it.
        bundled: the zoo's own plugins, where :func:`load_bundled` has loaded them before.
        shelf: registry.yaml, where :func:`readable_shelf` has read it before.
    """
    shelf = open_shelf() if shelf is None else shelf
    rows = None
    if careful:
        from zoo.host.isolation import alone  # slow to import

        rows = alone(shelf.disabled)
    plugins = discover(shelf.disabled, rows, bundled)
    if say is not None:
        say(plugins)
    return Registry(plugins, shelf)


def components() -> Registry:
    """Open the registry of all installed components; plugins that were set aside are reported on stderr."""
    return open_registry(say=say_failures)


def readable_shelf() -> RegistryConfig | None:
    """Read registry.yaml, or return None where it can't be read."""
    try:
        return open_shelf()
    except (ZooError, OSError):
        return None


def load_bundled(shelf: RegistryConfig | None = None) -> list[LoadedPlugin]:
    """Load the zoo's own plugins alone.

    Args:
        shelf: what :func:`readable_shelf` returns. A registry.yaml that can't be read disables no bundled plugin: the
            command that explains the error is one of theirs.
    """
    loader = _Loader(shelf.disabled if shelf else set(), allowed(), {})
    plugins = [loader.load(found) for found in installed(DISTRIBUTION)]
    collect_components(plugins)
    _keep_readers(plugins)
    return plugins


def bundled_cache_kinds() -> dict[str, CacheKind]:
    """Return the kinds of files in the user's cache, by name: those of the zoo and of its own plugins."""
    from zoo.storage.cache import kinds_with

    return kinds_with(kind for plugin in load_bundled(readable_shelf()) for kind in plugin.cache_kinds)


def discover(
    disabled: Iterable[str] = (),
    alone: Mapping[str, Mapping[str, Any]] | None = None,
    bundled: Iterable[LoadedPlugin] = (),
) -> list[LoadedPlugin]:
    """Load every installed plugin, each in its own ``try``; sorted by name, so order never picks a winner.

    Args:
        disabled: entry-point names; a disabled plugin is not imported at all.
        alone: what :func:`zoo.host.isolation.alone` has found: a plugin whose import ended its process is set aside.
        bundled: the zoo's own plugins that are loaded already.
    """
    loaded = {plugin.name: plugin for plugin in bundled}
    kinds.keep_only(loaded)
    by_name: dict[str, list[Found]] = defaultdict(list)
    for found in installed():
        by_name[found.name].append(found)
    loader = _Loader(set(disabled), allowed(), alone or {})
    ours = {name: f for name, each in by_name.items() for f in each if f.distribution == DISTRIBUTION}
    plugins = [loaded.get(name) or loader.load(ours[name]) for name in sorted(ours)]  # first: their kinds are theirs
    for name in sorted(by_name):
        theirs = sorted((f for f in by_name[name] if f is not ours.get(name)), key=lambda f: f.distribution)
        if theirs:
            plugins.append(loader.load(*theirs, taken=name in ours))
    plugins.sort(key=lambda plugin: plugin.name)
    collect_components(plugins)
    _keep_readers(plugins)
    discovered[:] = plugins
    return plugins


def _keep_readers(plugins: Iterable[LoadedPlugin]) -> None:
    picture_readers.keep_only(entry for plugin in plugins if plugin.state == "enabled" for entry in plugin.entries)


def collect_components(plugins: Iterable[LoadedPlugin]) -> None:
    """Collect components of all kinds, once every plugin has declared its own; an invalid plugin is set aside."""
    for plugin in plugins:
        if plugin.state != "enabled" or plugin.collected:
            continue
        plugin.collected = True
        try:
            with redirect_stdout(sys.stderr):
                plugin.entries += list(_components(plugin))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            kinds.forget(plugin.name)
            plugin.set_aside("contribute", error)


class _Loader:
    """Loads plugins one by one into one pluggy manager."""

    def __init__(self, disabled: set[str], allowed: set[str] | None, alone: Mapping[str, Mapping[str, Any]]):
        self.disabled, self.allowed, self.alone = disabled, allowed, alone
        self.manager = new_manager()

    def load(self, first: Found, *others: Found, taken: bool = False) -> LoadedPlugin:
        """Load a plugin, unless it is disabled, incompatible with this zoo, or has a name conflict.

        Args:
            first: entry point of the plugin.
            others: further distributions with a plugin of that name.
            taken: the zoo itself has a plugin of that name.
        """
        origin = Origin(first.name, first.distribution, first.version)
        plugin = LoadedPlugin(
            origin, first.entry.value if first.entry else "", rivals=tuple(f.distribution for f in others)
        )
        bundled = first.distribution == DISTRIBUTION
        row = {} if bundled else self.alone.get(first.name, {})
        if not bundled and self.allowed is not None and first.name not in self.allowed:
            plugin.state, plugin.problem = "disabled", f"disabled by {ALLOW_LIST} or --no-plugins"
        elif first.name in self.disabled and not taken:
            plugin.state = "disabled"
        elif fault := _fault(first, others, taken):
            plugin.set_aside("find", PluginError(fault))
        elif misfit := first.misfit():
            plugin.set_aside("require", PluginError(misfit))
        elif "died" in row:
            plugin.set_aside("import", PluginError(f"imported in isolation, {row['died']}"))
            plugin.account = crash_frames(row["stderr"])
        else:
            started = perf_counter()
            load_module(plugin, lambda: _import(first), self.manager)
            plugin.load_ms = (perf_counter() - started) * 1000
            if "heavy" in row:  # measured alone; here the first importer pays for a shared library
                plugin.heavy, plugin.load_ms = tuple(row["heavy"]), row["load_ms"]
        return plugin


def _fault(first: Found, others: tuple[Found, ...], taken: bool) -> str | None:
    """Problem of a plugin that is found before any import; None without one."""
    owners = " and ".join(f.distribution for f in (first, *others))
    if taken:
        return f"the name {first.name!r} belongs to a plugin of the zoo; {owners} must use another"
    if others:
        return f"two distributions have a plugin named {first.name!r}: {owners}"
    if first.entry is None:
        return f"the entry points of {first.distribution} can't be read: a line of its entry_points.txt has no '='"
    try:
        check_name(first.name)
    except ValueError as error:
        return str(error)
    return first.shadow()


def _import(found: Found) -> object:
    assert found.entry is not None
    module = importlib.import_module(found.entry.module)
    return getattr(module, found.entry.attr) if found.entry.attr else module


def load_module(
    plugin: LoadedPlugin, importer: Callable[[], object], manager: pluggy.PluginManager | None = None
) -> None:
    """Import, validate and collect one plugin; any exception sets it aside."""
    manager = manager or new_manager()
    phase = "import"
    before, threads = {name for name in HEAVY if name in sys.modules}, frozenset(threading.enumerate())
    try:
        with redirect_stdout(sys.stderr), traced(plugin, phase):  # a print() must not corrupt JSON output
            module = importer()
        plugin.threads = frozenset(threading.enumerate()) - threads
        plugin.heavy = tuple(name for name in HEAVY if name in sys.modules and name not in before)
        phase = "validate"
        plugin.hooks = hooks_of(plugin.name, module, manager)
        phase = "contribute"
        with redirect_stdout(sys.stderr):
            for kind in _given(plugin, hookspecs.DECLARED_KINDS, Kind):
                kinds.declare(kind, plugin.name)
            plugin.entries = list(_contributions(plugin))
            plugin.cache_kinds = list(_given(plugin, hookspecs.CACHE_KINDS, CacheKind))
            plugin.recipes = list(_recipes(plugin))
            plugin.settings = next(
                (schema_of(cls, plugin.origin) for cls in call_one(plugin, hookspecs.SETTINGS)), None
            )
    except KeyboardInterrupt:  # the user's
        where = f"plugin {plugin.name!r} ({plugin.origin.distribution}) was in phase {phase}"
        print(f"zoo: {where} — see: zoo plugins doctor {plugin.name}", file=sys.stderr)  # noqa: T201
        raise
    except BaseException as error:  # a plugin may call sys.exit() on import
        kinds.forget(plugin.name)
        plugin.set_aside(phase, error)


def _contributions(plugin: LoadedPlugin) -> Iterator[Entry]:
    for kind, hook in hookspecs.CONTRIBUTIONS.items():
        seen: set[str] = set()
        for result in call_one(plugin, hook):
            for given in result:
                yield from _entries(given, kind, hook, plugin.origin, seen)


def _components(plugin: LoadedPlugin) -> Iterator[Entry]:
    """Entries of the components of any kind that a plugin contributes."""
    hook = hookspecs.COMPONENTS
    seen: dict[str, set[str]] = {}
    for result in call_one(plugin, hook):
        for given in result:
            kind = getattr(given, "kind", None)
            if not isinstance(given, Component | Family) or kind not in kinds.ALL:
                hint = did_you_mean(kind, kinds.ALL) if isinstance(kind, str) else ""
                raise PluginError(f"{hook} gave {given!r}, which is not of a kind that a plugin has declared.{hint}")
            names = seen.setdefault(kind, {name for e in plugin.entries if e.kind == kind for name in e.names})
            yield from _entries(given, kind, hook, plugin.origin, names)


def _given(plugin: LoadedPlugin, hook: str, cls: type[T]) -> Iterator[T]:
    """Declarations other than components that a plugin contributes by a hook."""
    for result in call_one(plugin, hook):
        for given in result:
            if not isinstance(given, cls):
                raise PluginError(f"{hook} gave {given!r}, not {cls.__name__}(...)")
            yield given


def _recipes(plugin: LoadedPlugin) -> Iterator[PluginRecipe]:
    seen: set[str] = set()
    for result in call_one(plugin, hookspecs.RECIPES):
        for recipe in plugin_recipes(result, plugin.origin):
            if recipe.id in seen:
                raise PluginError(f"{hookspecs.RECIPES} gave two recipes with the id {recipe.id!r}")
            seen.add(recipe.id)
            yield recipe


def _entries(given: object, kind: str, hook: str, origin: Origin, seen: set[str]) -> Iterator[Entry]:
    declaration = kinds.ALL[kind].declaration
    if isinstance(given, Family) and given.kind == kind:
        entries = family_entries(given, origin)
    elif isinstance(given, declaration):
        entries = [Entry(given, origin)]
    else:
        raise PluginError(f"{hook} gave {given!r}, not {declaration.__name__}(...) or a Family of that kind")
    for entry in entries:
        for name in (*entry.names, *(f"{entry.component.name}.{word}" for word in entry.variants)):
            if name in seen:
                raise PluginError(f"{hook} gave two components named {name!r}")
            seen.add(name)
        yield entry


def say_failures(plugins: Iterable[LoadedPlugin]) -> None:
    """Print a line for each plugin that was set aside, and for each missing name in ``ZOO_PLUGINS``."""
    plugins = list(plugins)
    names = [plugin.name for plugin in plugins]
    for name in sorted((allowed() or set()).difference(names)):
        print(f"zoo: {ALLOW_LIST} names {name!r}, which is not installed.{did_you_mean(name, names)}", file=sys.stderr)  # noqa: T201
    for plugin in plugins:
        if plugin.state == "failed":
            print(  # noqa: T201 - the console may not be up yet
                f"zoo: plugin {plugin.name!r} ({plugin.origin.distribution}) was set aside: {plugin.problem}"
                f" — see: zoo plugins doctor {plugin.name}",
                file=sys.stderr,
            )
