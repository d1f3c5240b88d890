"""What an entry point may name: a module, a class, objects with hooks, or several; anything else is refused aloud."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.host.hook_calls import call_one
from zoo.host.loader import discover
from zoo.registry.loaded_plugin import LoadedPlugin

MakePlugin = Callable[..., Path]
HEAD = "from zoo.plugin import *\n"
STOP = f"""{HEAD}
class Stop:
    def __init__(self, at=0.5):
        self.at = at

    @hookimpl
    def zoo_epoch_end(self, epoch):
        return f"reached {{self.at}}" if epoch["accuracy"] >= self.at else None
"""
WATCH = """
class Watch:
    @hookimpl
    def zoo_losses(self):
        return [Loss("mine", "zoo_acme:Stop")]
"""


def load(make_plugin: MakePlugin, source: str, attribute: str = "") -> LoadedPlugin:
    site = make_plugin("acme", source)
    if attribute:
        points = site / "zoo_acme-1.2.3.dist-info" / "entry_points.txt"
        points.write_text(f"[zoo.plugins]\nacme = zoo_acme:{attribute}\n")
    return next(plugin for plugin in discover() if plugin.name == "acme")


def stops(plugin: LoadedPlugin, accuracy: float = 1.0) -> list[str]:
    assert plugin.state == "enabled", plugin.problem
    return call_one(plugin, "zoo_epoch_end", run=None, epoch={"accuracy": accuracy})


@pytest.mark.parametrize(
    ("source", "attribute", "expected"),
    [
        ("", "Stop", ["reached 0.5"]),
        ("stop = Stop(at=0.9)", "stop", ["reached 0.9"]),
        ("HOOKS = (Stop(at=0.9),)", "", ["reached 0.9"]),
        ("HOOKS = Stop(at=0.9)", "", ["reached 0.9"]),
        ("HOOKS = [Stop(at=0.9), Stop]", "", ["reached 0.9", "reached 0.5"]),
        ("HOOKS = (Stop(at=0.9), Stop(at=0.8))", "HOOKS", ["reached 0.9", "reached 0.8"]),
        ("class Later(Stop): pass\nHOOKS = (Later(at=0.9),)", "", ["reached 0.9"]),
        ("@hookimpl\ndef zoo_epoch_end(): return 'module'\nHOOKS = (Stop(),)", "", ["module", "reached 0.5"]),
    ],
)
def test_objects_with_hooks(source: str, attribute: str, expected: list[str], make_plugin: MakePlugin):
    plugin = load(make_plugin, f"{STOP}\n{source}\n", attribute)
    assert stops(plugin) == expected
    assert stops(plugin, accuracy=0.1) == [each for each in expected if each == "module"]


def test_several_objects_contribute_together(make_plugin: MakePlugin):
    plugin = load(make_plugin, f"{STOP}{WATCH}\nHOOKS = (Stop(at=0.9), Watch())\n")
    assert stops(plugin) == ["reached 0.9"]
    assert [entry.id for entry in plugin.entries] == ["acme/mine"]


REFUSED = {
    "class with arguments": (
        STOP.replace("at=0.5", "at"),
        "Stop",
        "Stop can't be created without arguments (Stop.__init__() missing 1 required positional argument: 'at'): write "
        "HOOKS = (Stop(…),) in zoo_acme, with the arguments",
    ),
    "class that is never created": (
        STOP,
        "",
        "the hooks of class Stop are never called: write HOOKS = (Stop(),) in zoo_acme, or name it in the entry point: "
        "acme = zoo_acme:Stop",
    ),
    "object that is not listed": (
        f"{STOP}stop = Stop()\n",
        "",
        "the hooks of stop, a Stop, are never called: write HOOKS = (stop,) in zoo_acme, or name it in the entry "
        "point: acme = zoo_acme:stop",
    ),
    "member without hooks": (f"{STOP}HOOKS = (Stop(), 'stop')\n", "", "HOOKS[1] is 'stop', which has no hooks"),
    "function": (f"{HEAD}def hooks(): return []\n", "hooks", "names a function without hooks"),
    "number": ("hooks = 3", "hooks", "names 3, which has no hooks"),
    "unmarked method": (f"{STOP}class Odd(Stop):\n    def zoo_run_end(self): pass\nHOOKS = (Odd(),)", "", "@hookimpl"),
    "coroutine": (
        f"{HEAD}@hookimpl\nasync def zoo_run_start(run): pass\n",
        "",
        "zoo_run_start is a coroutine function, which is never awaited: define it with def",
    ),
    "wrapper of a run": (
        f"{HEAD}@hookimpl(wrapper=True)\ndef zoo_epoch_end(epoch): return (yield)\n",
        "",
        "zoo_epoch_end can't be a wrapper: the hooks of each plugin are called separately. Remove wrapper=True and "
        "yield; @hookimpl(tryfirst=True) or @hookimpl(trylast=True) decides when the hook is called",
    ),
    "old wrapper of components": (
        f"{HEAD}@hookimpl(hookwrapper=True)\ndef zoo_losses(): yield\n",
        "",
        "zoo_losses can't be a wrapper: the hooks of each plugin are called separately. Remove hookwrapper=True and "
        "return components; an alias in registry.yaml replaces another plugin's",
    ),
    "misspelt specname": (
        f"{HEAD}@hookimpl(specname='zoo_run_strat')\ndef begin(run): pass\n",
        "",
        "there is no hook 'zoo_run_strat'. Did you mean 'zoo_run_start'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_others_are_refused_with_what_to_write(case: str, make_plugin: MakePlugin):
    source, attribute, problem = REFUSED[case]
    plugin = load(make_plugin, source, attribute)
    assert (plugin.state, plugin.phase, plugin.hooks) == ("failed", "validate", {})
    assert problem in str(plugin.problem)


def test_a_hook_may_have_another_name_in_the_code(make_plugin: MakePlugin):
    source = f"{HEAD}@hookimpl(specname='zoo_epoch_end')\ndef enough(epoch): return 'enough'\n"
    assert stops(load(make_plugin, source)) == ["enough"]


def test_an_optional_hook_of_a_newer_zoo_is_no_fault(make_plugin: MakePlugin):
    source = f"{STOP}HOOKS = (Stop(),)\n@hookimpl(optionalhook=True)\ndef zoo_moon_rise(moon): pass\n"
    assert stops(load(make_plugin, source)) == ["reached 0.5"]


def test_classes_of_another_module_may_lie_about(make_plugin: MakePlugin):
    make_plugin("other", f"{STOP}HOOKS = (Stop(),)\n")
    plugin = load(make_plugin, f"{HEAD}from zoo_other import Stop\n@hookimpl\ndef zoo_epoch_end(): return 'own'\n")
    assert stops(plugin) == ["own"]


@pytest.mark.parametrize("value", ["()", "('a', 'b')", "{'a': 1}", "None", "3"])
def test_a_constant_of_that_name_may_be_something_else(value: str, make_plugin: MakePlugin):
    source = f"{HEAD}HOOKS = {value}\n@hookimpl\ndef zoo_epoch_end(): return 'own'\n"
    assert stops(load(make_plugin, source)) == ["own"]
