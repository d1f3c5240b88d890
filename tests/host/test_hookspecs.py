"""Every hook has a worked example in its docstring: a plugin that is written to files, loaded, called and checked."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from zoo.host import hookspecs
from zoo.host.hook_calls import call_one
from zoo.host.loader import collect_components, load_module
from zoo.registry import kinds
from zoo.registry.entry import Origin
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.testing import Check, checks_of, run_checks
from zoo.testing.plugins import plugin_checks

PLACE = re.compile(r"# (zoo_acme/\w+\.py)")


def example_of(hook: str) -> dict[str, str]:
    """Files of the example in a hook's docstring: path -> code."""
    lines = (inspect.getdoc(getattr(hookspecs, hook)) or "").partition("Example::\n")[2].splitlines()
    files: dict[str, list[str]] = {}
    place = ""
    for line in lines:
        if line and not line.startswith("    "):
            break  # the example ends
        if found := PLACE.fullmatch(line.strip()):
            place = found[1]
        elif place:
            files.setdefault(place, []).append(line[4:])
    return {name: "\n".join(code).strip() + "\n" for name, code in files.items()}


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder on sys.path that gets the package zoo_acme; its modules are forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    kinds.forget("acme")
    for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_acme"]:
        del sys.modules[name]


def loaded(files: dict[str, str], folder: Path) -> LoadedPlugin:
    """Write the files of a plugin, and load it as the zoo does."""
    for place, code in {"zoo_acme/__init__.py": "", **files}.items():
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(code, "utf-8")
    plugin = LoadedPlugin(Origin("acme", "zoo-acme", "0.1.0"), "zoo_acme.plugin")
    load_module(plugin, EntryPoint("acme", "zoo_acme.plugin", "zoo.plugins").load)
    collect_components([plugin])
    return plugin


def owed(plugin: LoadedPlugin) -> list[Check]:
    """The checks of ``zoo plugins check``, without those that start a process."""
    found = [check for entry in plugin.entries for check in checks_of(entry)]
    return [c for c in (*plugin_checks(plugin), *found) if c.name not in ("torch-free listing", "spawned workers")]


@pytest.mark.parametrize("hook", hookspecs.NAMES)
def test_the_example_of_a_hook_works(hook: str, acme: Path):
    files = example_of(hook)
    assert "zoo_acme/plugin.py" in files, f"{hook} has no example: see those of the other hooks"
    plugin = loaded(files, acme)
    assert (plugin.state, plugin.problem) == ("enabled", None)
    assert hook in plugin.hooks, "an example shows its hook"
    report = run_checks(owed(plugin))
    assert [(o.check.id, o.message) for o in (*report.failed, *report.skipped)] == []
    if hook in hookspecs.LIFECYCLE:
        assert f"hook {hook}" in {o.check.name for o in report.passed}
    else:
        (given,) = call_one(plugin, hook)
        if hook not in ("zoo_recipes", "zoo_settings"):
            assert all(each.summary for each in given)
            assert len(report.passed) > 8 or hook == hookspecs.CACHE_KINDS


def test_a_wrong_example_fails(acme: Path):
    files = example_of("zoo_losses")
    wrong = files["zoo_acme/losses.py"].replace("return cross_entropy(", "return -cross_entropy(")
    report = run_checks(owed(loaded({**files, "zoo_acme/losses.py": wrong}, acme)))
    assert {"right order", "confident predictions"} <= {o.check.name for o in report.failed}
