"""Checks of a plugin itself: loading, no heavy imports for listings, and valid samples of families."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator

from zoo.host.hook_calls import call_one
from zoo.host.hookspecs import COMPONENTS, CONTRIBUTIONS, LIFECYCLE
from zoo.host.loader import HEAVY
from zoo.job.layers import Layers, flatten
from zoo.job.recipes import settings
from zoo.plugin import Family
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.signature import parameters
from zoo.registry.suggest import listing
from zoo.testing.checking import Check
from zoo.testing.outcome import fail, need, skip

PLUGIN = "plugin"
_TIMEOUT_S = 120

# Code of a fresh process that loads this plugin alone, as the host does.
_LISTING = """
import json, sys
path, name, target, heavy = json.loads(sys.argv[1])
sys.path[:] = path
from importlib.metadata import EntryPoint
from zoo.registry.entry import Origin
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.host.loader import load_module
plugin = LoadedPlugin(Origin(name), target)
load_module(plugin, EntryPoint(name, target, "zoo.plugins").load)
for entry in plugin.entries:
    entry.id, entry.names, entry.component
print(json.dumps([plugin.problem, [name for name in heavy if name in sys.modules]]))
"""


def plugin_checks(plugin: LoadedPlugin) -> list[Check]:
    """Checks of the plugin itself; only that it loads for one that isn't enabled."""
    found = [_check(plugin, "loads", _loads, f"For details: zoo plugins doctor {plugin.name}")]
    if plugin.state == "enabled":
        found += [
            _check(
                plugin,
                "torch-free listing",
                _lists_without_torch,
                "Import it in the module of a component's target, or in the function that needs it: `zoo list` "
                "imports every plugin.",
            ),
            _check(
                plugin,
                "samples are members",
                _samples_exist,
                "Use names from the list of the family as samples.",
            ),
            *_hook_checks(plugin),
        ]
    if plugin.recipes:
        found.append(_check(plugin, "recipes", _recipes_fit, "See every key: zoo run simple_cnn digits --dry-run"))
    if plugin.settings is not None:
        mend = "Use types that pydantic knows, defaults of these types, and values that YAML can hold."
        found.append(_check(plugin, "settings", _settings_fit, mend))
    if any(entry.component.renamed for entry in plugin.entries):
        mend = "Rename only to parameters of the factory, and only what is no longer one."
        found.append(_check(plugin, "renamed parameters", _renamed_exist, mend))
    return found


def _hook_checks(plugin: LoadedPlugin) -> Iterator[Check]:
    """A check for each lifecycle hook of a plugin; other plugins need no modules of the runner."""
    if plugin.hooks.keys().isdisjoint(LIFECYCLE):
        return
    from zoo.testing.hooks import hook_trials  # slow to import

    package = plugin.target.partition(":")[0].partition(".")[0]
    for name, trial, mend in hook_trials(plugin):
        yield Check(PLUGIN, plugin.name, name, trial, mend, package)


def _check(plugin: LoadedPlugin, name: str, trial: Callable[[LoadedPlugin], None], mend: str) -> Check:
    package = plugin.target.partition(":")[0].partition(".")[0]
    return Check(PLUGIN, plugin.name, name, functools.partial(trial, plugin), mend, package)


def _loads(plugin: LoadedPlugin) -> None:
    if plugin.state == "disabled":
        skip(plugin.problem or f"it is disabled; enable it: zoo plugins enable {plugin.name}")
    need(plugin.state == "enabled", f"it was set aside in phase {plugin.phase}: {plugin.problem}.")


def _lists_without_torch(plugin: LoadedPlugin) -> None:
    given = json.dumps([sys.path, plugin.name, plugin.target, HEAVY])
    try:
        done = subprocess.run(
            [sys.executable, "-c", _LISTING, given], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        fail(f"listing it in a new process took more than {_TIMEOUT_S} s.")
    need(done.returncode == 0, f"a new process can't list it: {(done.stderr.strip().splitlines() or ['?'])[-1]}.")
    problem, imported = json.loads(done.stdout.splitlines()[-1])
    need(problem is None, f"loaded alone in a new process, it fails: {problem}.")
    need(not imported, f"listing it imports {', '.join(imported)}.")


def _samples_exist(plugin: LoadedPlugin) -> None:
    for family in families(plugin):
        members = {e.member for e in plugin.entries if e.kind == family.kind and e.component.target == family.target}
        missing = [name for name in family.samples if name not in members]
        need(not missing, f"the {family.kind} family has samples that are not in its list: {', '.join(missing)}.")


def _recipes_fit(plugin: LoadedPlugin) -> None:
    """Check that a recipe sets only what a job has."""
    for recipe in plugin.recipes:
        layers = Layers()
        layers.put(f"recipe {recipe.id}", flatten(settings(recipe.content)))
        need(not layers.problems, " ".join(layers.problems))


def _settings_fit(plugin: LoadedPlugin) -> None:
    """Check that the defaults have the types of their fields, and that job.yaml can record them."""
    schema = plugin.settings
    assert schema is not None
    made = schema.cls()
    defaults = {name: getattr(made, name) for name in schema.fields}
    try:
        recorded = schema.plain(schema.make(defaults))
        again = schema.plain(schema.make(recorded))
    except Exception as error:
        fail(f"the defaults of its settings don't fit their types: {' '.join(str(error).split())}.")
    need(again == recorded, "settings that are read from job.yaml differ from those written.")


def _renamed_exist(plugin: LoadedPlugin) -> None:
    """Check that parameters are renamed to parameters of the factory."""
    for entry in plugin.entries:
        if not entry.component.renamed:
            continue
        known = {parameter.name for parameter in parameters(entry.kind, entry.factory())}
        for old, new in entry.component.renamed.items():
            have = f"it has {listing(sorted(known)) or 'none'}"
            need(new in known, f"{entry.title} renames {old!r} to {new!r}, which is not one of its parameters; {have}.")
            need(old not in known, f"{entry.title} renames {old!r}, which is still one of its parameters.")


def families(plugin: LoadedPlugin) -> Iterator[Family]:
    """Families of a plugin, by calling its hooks again, since the host has already expanded them."""
    for hook in (*CONTRIBUTIONS.values(), COMPONENTS):
        for result in call_one(plugin, hook):
            yield from (given for given in result if isinstance(given, Family))
