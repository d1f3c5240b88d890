"""The host: a plugin that fails in any way is set aside whole, and every other one works."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.commands.catalogue import describe
from zoo.errors import RequestError
from zoo.host.hook_calls import call_one, tracers
from zoo.host.loader import discover, say_failures
from zoo.registry.config import open_shelf
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.registry import Registry

MakePlugin = Callable[..., Path]
BUNDLED = {path.name.removeprefix("zoo_") for path in (Path(__file__).parents[2] / "plugins").glob("zoo_*")}
HEAD = "from zoo.plugin import *\n"
GOOD = HEAD + "@hookimpl\ndef zoo_losses():\n    yield Loss('good', 'zoo_good:Good')\n"


def load(name: str, disabled: tuple[str, ...] = ()) -> LoadedPlugin:
    """Discover everything; the plugin of that name. Whatever it is, all others must have loaded."""
    plugins = {plugin.name: plugin for plugin in discover(disabled)}
    assert set(plugins) >= BUNDLED
    assert [p.name for p in plugins.values() if p.name != name and p.state != "enabled"] == []
    assert all(p.entries for p in plugins.values() if p.name != name)
    return plugins[name]


def names(plugin: LoadedPlugin) -> list[str]:
    return [f"{entry.kind} {entry.id}" for entry in plugin.entries]


def test_a_plugin_contributes_with_its_name_distribution_and_version(make_plugin: MakePlugin):
    make_plugin("good", GOOD, version="2.0.1")
    plugin = load("good")
    assert (plugin.state, plugin.problem) == ("enabled", None)
    assert names(plugin) == ["loss good/good"]
    origin = plugin.entries[0].origin
    assert (origin.plugin, origin.distribution, origin.version) == ("good", "zoo-good", "2.0.1")
    assert not origin.bundled
    assert plugin.load_ms > 0


def test_bundled_plugins_come_from_the_zoos_own_distribution():
    plugins = [plugin for plugin in discover() if plugin.origin.bundled]
    assert {plugin.name for plugin in plugins} == BUNDLED


def test_a_class_with_hooks_can_be_the_plugin(make_plugin: MakePlugin):
    source = HEAD + "class Hooks:\n    @hookimpl\n    def zoo_losses(self):\n        return [Loss('x', 'm:X')]\n"
    site = make_plugin("acme", source + "hooks = Hooks()\n")
    (site / "zoo_acme-1.2.3.dist-info" / "entry_points.txt").write_text("[zoo.plugins]\nacme = zoo_acme:hooks\n")
    assert names(load("acme")) == ["loss acme/x"]


def test_every_way_of_giving_components_works(make_plugin: MakePlugin):
    source = HEAD + (
        "@hookimpl\ndef zoo_losses():\n    return [Loss('a', 'm:A'), Loss('b', 'm:B')]\n"
        "@hookimpl\ndef zoo_metrics():\n    return (Metric(n, 'm:A') for n in 'cd')\n"
        "@hookimpl\ndef zoo_datasets():\n    return None\n"
        "@hookimpl\ndef zoo_schedules():\n    return ()\n"
        "@hookimpl\ndef zoo_optimizers():\n    yield Family('optimizer', 'm:f', 'zoo_optim:timm_optimizers.txt')\n"
    )
    make_plugin("acme", source)
    found = names(load("acme"))
    assert found[:4] == ["loss acme/a", "loss acme/b", "metric acme/c", "metric acme/d"]
    assert "optimizer acme/lion" in found


def contribution(body: str, hook: str = "zoo_losses", decorator: str = "@hookimpl", parameters: str = "") -> str:
    """A plugin with a hook of that body, after a good component of another kind."""
    good = "@hookimpl\ndef zoo_metrics():\n    yield Metric('fine', 'm:Fine')\n"
    return f"{HEAD}{good}{decorator}\ndef {hook}({parameters}):\n{body}\n"


FAILURES = {
    "import error": (
        "import zoo_no_such_module",
        "import",
        "ModuleNotFoundError: No module named 'zoo_no_such_module'",
    ),
    "syntax error": ("def f(:", "import", "SyntaxError"),
    "raise at import": ("raise RuntimeError('boom\\nand more')", "import", "RuntimeError: boom"),
    "exit at import": ("import sys; sys.exit('goodbye')", "import", "SystemExit: goodbye"),
    "misspelt hook": (contribution("    yield 1", hook="zoo_loses"), "validate", "zoo_loses"),
    "unknown argument": (contribution("    return []", parameters="registry"), "validate", "registry"),
    "unmarked hook": (contribution("    return []", decorator=""), "validate", "zoo_losses is not marked as a hook"),
    "default on an argument": (
        contribution("    return None", hook="zoo_run_start", parameters="run=None"),
        "validate",
        "zoo_run_start: run has a default",
    ),
    "lifecycle wrapper": (
        contribution("    yield", hook="zoo_run_start", parameters="run", decorator="@hookimpl(wrapper=True)"),
        "validate",
        "zoo_run_start can't be a wrapper",
    ),
    "wrapper": (contribution("    yield", decorator="@hookimpl(wrapper=True)"), "validate", "can't be a wrapper"),
    "old wrapper": (
        contribution("    yield", decorator="@hookimpl(hookwrapper=True)"),
        "validate",
        "can't be a wrapper",
    ),
    "wrong kind": (contribution("    yield Metric('x', 'm:X')"), "contribute", "not Loss(...) or a Family"),
    "no component": (contribution("    return ['focal']"), "contribute", "zoo_losses gave 'focal', not Loss(...)"),
    "class, not object": (contribution("    yield Loss"), "contribute", "not Loss(...)"),
    "not iterable": (contribution("    return Loss('x', 'm:X')"), "contribute", "TypeError"),
    "family of another kind": (
        contribution("    yield Family('optimizer', 'm:f', 'zoo_optim:timm_optimizers.txt')"),
        "contribute",
        "not Loss(...)",
    ),
    "family without names": (
        contribution("    yield Family('loss', 'm:f', 'zoo_optim:gone.txt')"),
        "contribute",
        "gone.txt",
    ),
    "duplicate names": (
        contribution("    yield Loss('x', 'm:X')\n    yield Loss('x', 'm:Y')"),
        "contribute",
        "zoo_losses gave two components named 'x'",
    ),
    "alias as a name": (
        contribution("    yield Loss('x', 'm:X')\n    yield Loss('y', 'm:Y', aliases=('x',))"),
        "contribute",
        "two components named 'x'",
    ),
    "variant as a name": (
        contribution(
            "    yield Family('architecture', 'm:f', 'zoo_timm:models.txt')\n"
            "    yield Architecture('resnet50.a1_in1k', 'm:X')",
            hook="zoo_architectures",
        ),
        "contribute",
        "zoo_architectures gave two components named 'resnet50.a1_in1k'",
    ),
    "bad name": (contribution("    yield Loss('a b', 'm:X')"), "contribute", "'a b' is not a name"),
    "bad target": (contribution("    yield Loss('x', 'm.X')"), "contribute", "'m.X' is not of the form"),
    "halfway": (
        contribution("    yield Loss('x', 'm:X')\n    raise KeyError('half')"),
        "contribute",
        "KeyError: 'half'",
    ),
    "exit in a hook": (contribution("    raise SystemExit"), "contribute", "SystemExit"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_plugin_is_set_aside_whole(failure: str, make_plugin: MakePlugin):
    source, phase, problem = FAILURES[failure]
    make_plugin("good", GOOD)
    make_plugin("broken", source)
    plugin = load("broken")
    assert (plugin.state, plugin.phase) == ("failed", phase)
    assert problem in str(plugin.problem)
    assert "\n" not in str(plugin.problem)
    assert plugin.error is not None
    assert (plugin.entries, plugin.hooks) == ([], {}), "nothing of it stays"
    assert call_one(plugin, "zoo_losses") == []


def test_ctrl_c_while_a_plugin_is_imported_is_the_users(make_plugin: MakePlugin):
    make_plugin("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        discover()


def test_two_distributions_with_one_plugin_name_are_both_set_aside(make_plugin: MakePlugin):
    for distribution in ("zoo-acme", "zoo-other"):
        make_plugin("acme", contribution("    yield Loss('x', 'm:X')"), distribution=distribution)
    plugin = load("acme")
    assert (plugin.state, plugin.phase, plugin.entries) == ("failed", "find", [])
    assert plugin.rivals == ("zoo-other",)
    assert "two distributions have a plugin named 'acme': zoo-acme and zoo-other" in str(plugin.problem)
    assert not {"zoo_acme", "zoo_other"} & set(sys.modules), "which is meant is unknown, so neither is imported"


def test_a_folder_that_stands_in_the_path_twice_is_one_plugin(make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch):
    site = make_plugin("good", GOOD)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site), f"{site}/../zoo-good"])
    assert names(load("good")) == ["loss good/good"]


def test_nobody_can_take_the_name_of_a_bundled_plugin(make_plugin: MakePlugin):
    make_plugin("losses", contribution("    yield Loss('focal', 'evil:Focal')"), distribution="zoo-evil")
    plugin, thief = (plugin for plugin in discover() if plugin.name == "losses")
    assert plugin.origin.bundled
    assert plugin.state == "enabled"
    assert "loss losses/focal" in names(plugin)
    assert (thief.state, thief.phase, thief.entries) == ("failed", "find", [])
    assert thief.problem == "the name 'losses' belongs to a plugin of the zoo; zoo-evil must use another"
    assert all(entry.component.target.startswith("zoo_losses.") for entry in plugin.entries)
    assert "zoo_evil" not in sys.modules


def test_a_disabled_plugin_is_not_imported(make_plugin: MakePlugin):
    make_plugin("loud", "raise RuntimeError('imported')")
    plugin = load("loud", disabled=("loud",))
    assert (plugin.state, plugin.problem, plugin.entries) == ("disabled", None, [])
    assert "zoo_loud" not in sys.modules


def test_plugins_are_sorted_by_name(make_plugin: MakePlugin):
    for name in ("zebra", "aardvark"):
        make_plugin(name, GOOD)
    found = [plugin.name for plugin in discover()]
    assert found == sorted(found)


def test_each_failure_is_one_line_that_says_what_to_type(make_plugin: MakePlugin, capsys: pytest.CaptureFixture[str]):
    make_plugin("broken", "raise RuntimeError('boom\\nsecond line')")
    say_failures(discover())
    out, err = capsys.readouterr()
    assert out == "", "stdout is for results"
    line = "zoo: plugin 'broken' (zoo-broken) was set aside: RuntimeError: boom — see: zoo plugins doctor broken\n"
    assert err == line


def test_one_hook_of_one_plugin_is_called_by_itself(make_plugin: MakePlugin):
    make_plugin("watch", HEAD + "@hookimpl\ndef zoo_epoch_end(epoch):\n    return f\"stop at {epoch['epoch']}\"\n")
    plugin = load("watch")
    assert call_one(plugin, "zoo_epoch_end", run=None, epoch={"epoch": 3}) == ["stop at 3"]
    assert call_one(plugin, "zoo_run_start", run=None) == []


@pytest.mark.parametrize(("requires", "fits"), [
    ("visionzoo", True), ("visionzoo>=0.1", True), ("VisionZoo (>=99)", False),
    ("visionzoo[onnx]>=99; extra == 'x'", True),
    ("visionzoo >= 0.1.0.0", True), ("visionzoo>=0.1.1", False), ("visionzoo>=0", True), ("visionzoo>=0.1rc1", True),
    ("visionzoo<0.1", False), ("visionzoo-extras>=99", True), ("visionzoo >=99 ; python_version > '3'", False),
])  # fmt: skip
def test_a_plugin_for_another_zoo_is_not_imported(requires: str, fits: bool, make_plugin: MakePlugin):
    site = make_plugin("acme", GOOD)
    metadata = site / "zoo_acme-1.2.3.dist-info" / "METADATA"
    body = "\nRequires-Dist: visionzoo>=99, as the description says\n"
    metadata.write_text(f"{metadata.read_text()}Requires-Dist: {requires}\n{body}")
    plugin = load("acme")
    assert plugin.state == ("enabled" if fits else "failed")
    if not fits:
        assert plugin.phase == "require"
        assert "and this is visionzoo" in str(plugin.problem)
        assert "zoo_acme" not in sys.modules


@pytest.mark.parametrize(
    "text", ["[zoo.plugins]\nacme zoo_acme\n", "[zoo.plugins]\n= zoo_acme\n", "[zoo.plugins]\nacme = \n"]
)
def test_entry_points_that_cannot_be_read(text: str, make_plugin: MakePlugin):
    site = make_plugin("acme", GOOD)
    (site / "zoo_acme-1.2.3.dist-info" / "entry_points.txt").write_text(text)
    broken = [plugin for plugin in discover() if plugin.state == "failed"]
    assert [plugin.origin.distribution for plugin in broken] == ["zoo-acme"]


def test_somebody_elses_broken_distribution_is_nobodys_business(make_plugin: MakePlugin):
    site = make_plugin("acme", GOOD)
    (site / "zoo_acme-1.2.3.dist-info" / "entry_points.txt").write_text("[console_scripts]\nnonsense\n")
    assert {plugin.name for plugin in discover()} == BUNDLED


def test_what_a_plugin_prints_does_not_spoil_the_results(make_plugin: MakePlugin, capsys: pytest.CaptureFixture[str]):
    make_plugin("chatty", GOOD + "print('hello')\n@hookimpl\ndef zoo_metrics():\n    print('again')\n    return []\n")
    assert load("chatty").state == "enabled"
    out, err = capsys.readouterr()
    assert (out, err) == ("", "hello\nagain\n")


@pytest.mark.parametrize(("allowed", "states"), [
    (None, ("enabled", "enabled")), ("", ("disabled", "disabled")), ("good", ("enabled", "disabled")),
    (" other, good ", ("enabled", "enabled")),
])  # fmt: skip
def test_an_allow_list(allowed, states, make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch):
    make_plugin("good", GOOD)
    make_plugin("other", GOOD)
    if allowed is not None:
        monkeypatch.setenv("ZOO_PLUGINS", allowed)
    plugins = {plugin.name: plugin for plugin in discover()}
    assert (plugins["good"].state, plugins["other"].state) == states
    assert all(plugins[name].state == "enabled" for name in BUNDLED), "a zoo without its own plugins can do nothing"
    assert ("zoo_other" in sys.modules) == (states[1] == "enabled")


def test_an_allow_list_with_a_slip(make_plugin: MakePlugin, monkeypatch, capsys: pytest.CaptureFixture[str]):
    make_plugin("good", GOOD)
    monkeypatch.setenv("ZOO_PLUGINS", "goood")
    say_failures(discover())
    assert capsys.readouterr().err == "zoo: ZOO_PLUGINS names 'goood', which is not installed. Did you mean 'good'?\n"


def test_what_an_import_brings_in_is_known(make_plugin: MakePlugin):
    make_plugin("heavy", GOOD + "import sys, types\nsys.modules['jax'] = types.ModuleType('jax')\n")
    try:
        assert load("heavy").heavy == ("jax",)
    finally:
        del sys.modules["jax"]


def test_every_import_and_every_call_can_be_traced(make_plugin: MakePlugin):
    make_plugin("good", GOOD)
    seen: list[tuple[str, str]] = []

    def tell(plugin: LoadedPlugin, what: str, milliseconds: float) -> None:
        assert milliseconds >= 0
        seen.append((plugin.name, what))

    tracers.append(tell)
    try:
        load("good")
    finally:
        tracers.remove(tell)
    assert [what for name, what in seen if name == "good"] == ["import", "zoo_losses"]
    assert {name for name, _ in seen} == BUNDLED | {"good"}


@given(order=st.permutations(["zoo-ant", "zoo-bee", "zoo-cat", "zoo-dog"]))
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_installation_decides_nothing(order: list[str], make_plugin: MakePlugin, monkeypatch):
    sites = installed_menagerie(make_plugin)
    rest = [path for path in sys.path if path not in sites.values()]
    monkeypatch.setattr(sys, "path", [*(sites[name] for name in order), *rest])
    registry = Registry(discover(), open_shelf())
    said = json.dumps([describe(entry) for entry in registry.entries()]), registry.clashes()
    assert MENAGERIE.setdefault("said", said) == said
    assert len(registry.clashes()) == 2
    with pytest.raises(RequestError, match=r"loss 'sting' is provided by .*zoo-ant.* and .*zoo-bee"):
        registry.find("loss", "sting")
    assert registry.find("loss", "bee/sting").origin.distribution == "zoo-bee"
    assert registry.find("loss", "focal").id == "losses/focal", "bundled names always win"


MENAGERIE: dict[str, Any] = {}


def installed_menagerie(make_plugin: MakePlugin) -> dict[str, str]:
    """Four plugins: two with one name, one with a name of the zoo's own, one that fails."""
    if "sites" not in MENAGERIE:
        sting = HEAD + "@hookimpl\ndef zoo_losses():\n    yield Loss('sting', 'm:Sting')\n"
        sources = {"ant": sting, "bee": sting, "cat": sting.replace("sting", "focal"), "dog": "import nothing_there"}
        MENAGERIE["sites"] = {f"zoo-{name}": str(make_plugin(name, source)) for name, source in sources.items()}
    return MENAGERIE["sites"]
