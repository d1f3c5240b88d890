"""Lifecycle hooks: each plugin's is called by itself, and one that fails stops nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from zoo.entry import Origin
from zoo.host import Plugin, load_module
from zoo.plugin import hookimpl
from zoo.runner.hooks import Hooks


def plugin(name: str, **hooks: Any) -> Plugin:
    """A loaded plugin with these hooks."""
    loaded = Plugin(Origin(name, f"zoo-{name}", "1.0"), name)
    load_module(loaded, lambda: SimpleNamespace(**{key: hookimpl(hook) for key, hook in hooks.items()}))
    assert loaded.state == "enabled", loaded.details
    return loaded


def watch(*plugins: Plugin) -> tuple[Hooks, list[str]]:
    told: list[str] = []
    return Hooks(plugins, told.append), told


def stop(epoch: dict[str, Any]) -> str | None:
    return "enough" if epoch["epoch"] == 2 else None


def fail(run: Any) -> None:
    raise ValueError(f"no {run}")


def leave(run: Any) -> None:
    raise SystemExit("bye")


def test_each_plugins_answer_is_there_and_silence_is_not():
    hooks, told = watch(plugin("a", zoo_epoch_end=stop), plugin("b"), plugin("c", zoo_epoch_end=lambda run: "at once"))
    assert hooks.call("zoo_epoch_end", run="r", epoch={"epoch": 1}) == ["at once"]
    assert hooks.call("zoo_epoch_end", run="r", epoch={"epoch": 2}) == ["enough", "at once"]
    assert told == []


@pytest.mark.parametrize(("failing", "problem"), [(fail, "ValueError: no r"), (leave, "SystemExit: bye")])
def test_a_hook_that_fails_is_told_of_and_the_others_are_called(failing: Any, problem: str):
    called: list[str] = []
    hooks, told = watch(
        plugin("first", zoo_run_start=lambda run: called.append("first")),
        plugin("broken", zoo_run_start=failing),
        plugin("last", zoo_run_start=lambda run: called.append("last")),
    )
    hooks.call("zoo_run_start", run="r")
    assert called == ["first", "last"]
    assert told == [f"plugin 'broken': zoo_run_start failed and was passed over: {problem}"]


def test_ctrl_c_in_a_hook_is_the_users():
    def interrupt(run: Any) -> None:
        raise KeyboardInterrupt

    hooks, _ = watch(plugin("slow", zoo_run_start=interrupt))
    with pytest.raises(KeyboardInterrupt):
        hooks.call("zoo_run_start", run="r")


def test_sections_may_be_yielded_and_one_that_fails_halfway_gives_none():
    def good(run: Any) -> Any:
        yield "Title", "text"
        yield "More", "text"

    def halfway(run: Any) -> Any:
        yield "Half", "text"
        raise RuntimeError("boom")

    hooks, told = watch(
        plugin("good", zoo_report_sections=good),
        plugin("half", zoo_report_sections=halfway),
        plugin("list", zoo_report_sections=lambda: [("L", "t")]),
    )
    found = hooks.call("zoo_report_sections", run="r", result={})
    assert found == [[("Title", "text"), ("More", "text")], [("L", "t")]]
    assert told == ["plugin 'half': zoo_report_sections failed and was passed over: RuntimeError: boom"]


def test_plugins_that_were_set_aside_or_disabled_hear_nothing():
    off = plugin("off", zoo_run_start=fail)
    off.state = "disabled"
    broken = Plugin(Origin("broken"), "broken")
    broken.set_aside("import", RuntimeError())
    hooks, told = watch(off, broken)
    assert hooks.call("zoo_run_start", run="r") == []
    assert told == []


def test_a_wrapper_of_ones_own_hook_is_only_ones_own():
    """A lifecycle hook may be a wrapper; there is nobody else's to wrap."""
    called: list[str] = []

    class Wrapping:
        @hookimpl(wrapper=True)
        def zoo_run_start(self, run: Any) -> Any:
            called.append("before")
            yield
            raise RuntimeError("after")

    wrapping = Plugin(Origin("wrapping", "zoo-wrapping", "1.0"), "wrapping")
    load_module(wrapping, Wrapping)
    hooks, told = watch(wrapping, plugin("other", zoo_run_start=lambda run: called.append("other")))
    hooks.call("zoo_run_start", run="r")
    assert called == ["before", "other"]
    assert len(told) == 1
