"""Lifecycle hooks: each plugin's is called by itself, and one that fails stops nothing."""

from __future__ import annotations

import copy
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zoo.host import faults
from zoo.host.loader import load_module
from zoo.plugin import hookimpl
from zoo.registry.entry import Origin
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.runner.hooks import Hooks
from zoo.runner.record import Run


def plugin(name: str, **hooks: Any) -> LoadedPlugin:
    """A loaded plugin with these hooks."""
    loaded = LoadedPlugin(Origin(name, f"zoo-{name}", "1.0"), name)
    load_module(loaded, lambda: SimpleNamespace(**{key: hookimpl(hook) for key, hook in hooks.items()}))
    assert loaded.state == "enabled", loaded.problem
    return loaded


def watch(*plugins: LoadedPlugin) -> tuple[Hooks, list[str]]:
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
    assert told == [
        f"plugin 'broken': zoo_run_start failed; it is disabled for the rest of this run: {problem} — see: zoo "
        "plugins doctor broken"
    ]
    hooks.call("zoo_run_end", run="r", result={})
    assert len(told) == 1, "nothing more is asked of it"


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
    assert len(told) == 1
    assert (
        "plugin 'half': zoo_report_sections failed; it is disabled for the rest of this run: RuntimeError: boom"
        in told[0]
    )


def test_plugins_that_were_set_aside_or_disabled_hear_nothing():
    off = plugin("off", zoo_run_start=fail)
    off.state = "disabled"
    broken = LoadedPlugin(Origin("broken"), "broken")
    broken.set_aside("import", RuntimeError())
    hooks, told = watch(off, broken)
    assert hooks.call("zoo_run_start", run="r") == []
    assert told == []


def test_a_hook_that_never_returns_is_left_behind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_HOOK_PATIENCE_S", "0.2")
    never = threading.Event()
    called: list[str] = []
    hooks, told = watch(
        plugin("stuck", zoo_run_start=lambda run: never.wait(), zoo_run_end=lambda run: called.append("stuck")),
        plugin("other", zoo_run_start=lambda run: called.append("other"), zoo_run_end=lambda run: called.append("end")),
    )
    started = time.perf_counter()
    hooks.call("zoo_run_start", run="r")
    hooks.call("zoo_run_end", run="r", result={})
    assert 0.2 <= time.perf_counter() - started < 5
    assert called == ["other", "end"]
    assert len(told) == 1
    assert "plugin 'stuck': zoo_run_start failed" in told[0]
    assert "it did not return within 0.2 s" in told[0]
    never.set()


def test_a_hook_that_never_returned_is_waited_for_only_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_HOOK_PATIENCE_S", "0.1")
    never = threading.Event()

    def hang(run: Any) -> None:
        never.wait()

    stuck = plugin("stuck", zoo_run_end=hang)
    stuck.target = __name__
    watch(stuck)[0].call("zoo_run_end", run="r", result={})
    account = faults.recall(stuck)
    assert account is not None
    assert "never.wait()" in account.traceback, "the doctor shows where it hangs"

    hooks, told = watch(stuck)
    started = time.perf_counter()
    hooks.call("zoo_run_end", run="r", result={})
    hooks.done()
    assert time.perf_counter() - started < 0.1
    (line,) = told
    assert line.startswith("plugin 'stuck' is disabled for this run: last time, zoo_run_end never returned")
    assert faults.recall(stuck), "it wasn't called: it isn't well"

    stuck.origin = Origin("stuck", "zoo-stuck", "1.1")
    assert watch(stuck)[1] == [], "another version may be well"
    stuck.origin = Origin("stuck", "zoo-stuck", "1.0")
    assert faults.forget("stuck")
    hooks, told = watch(stuck)
    never.set()
    hooks.call("zoo_run_end", run="r", result={})
    assert told == [], "zoo plugins enable lets it be tried again"


def test_a_hooks_own_timeout_is_its_own(monkeypatch: pytest.MonkeyPatch):
    def impatient(run: Any) -> None:
        raise TimeoutError("the server is away")

    hooks, told = watch(plugin("net", zoo_run_start=impatient))
    hooks.call("zoo_run_start", run="r")
    assert "TimeoutError: the server is away" in told[0]


def test_all_hooks_of_a_plugin_run_in_one_thread():
    threads: list[int] = []
    hooks, _ = watch(
        plugin(
            "a",
            zoo_run_start=lambda run: threads.append(threading.get_ident()),
            zoo_run_end=lambda run: threads.append(threading.get_ident()),
        )
    )
    hooks.call("zoo_run_start", run="r")
    hooks.call("zoo_run_end", run="r", result={})
    assert len(threads) == 2
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_what_a_plugin_writes_into_the_result_is_only_its_own():
    def spoil(result: dict[str, Any]) -> None:
        result["metrics"]["val"] = "spoilt"

    result = {"metrics": {"val": {"accuracy": 0.5}}}
    seen: list[Any] = []
    hooks, told = watch(plugin("a", zoo_run_end=spoil), plugin("b", zoo_run_end=lambda result: seen.append(result)))
    hooks.call("zoo_run_end", run="r", result=result)
    assert result == seen[0] == {"metrics": {"val": {"accuracy": 0.5}}}
    assert told == []


@pytest.mark.parametrize(
    ("hook", "given", "said"),
    [
        ("zoo_epoch_end", True, "it must return None, or the reason to stop as text"),
        ("zoo_report_sections", ["text"], "a section is (title, text)"),
        ("zoo_report_sections", [("Title", 3)], "a section is (title, text)"),
        ("zoo_report_sections", 7, "TypeError"),
    ],
)
def test_an_answer_of_the_wrong_type_is_no_answer(hook: str, given: Any, said: str):
    hooks, told = watch(plugin("a", **{hook: lambda run: given}))
    assert hooks.call(hook, run="r", epoch={}, result={}) == []
    assert said in told[0]


def test_what_failed_is_remembered_till_it_goes_right():
    hooks, _ = watch(plugin("a", zoo_run_start=fail))
    hooks.call("zoo_run_start", run="r")
    hooks.done()
    loaded = plugin("a", zoo_run_start=lambda run: None)
    account = faults.recall(loaded)
    assert account is not None
    assert (account.phase, account.problem) == ("zoo_run_start", "ValueError: no r")
    assert "raise ValueError" in account.traceback
    newer = LoadedPlugin(Origin("a", "zoo-a", "1.1"), "a")
    assert faults.recall(newer) is None, "another version may be well"
    hooks, _ = watch(loaded)
    hooks.done()
    assert faults.recall(loaded), "nothing was called, so nothing is known"
    hooks.call("zoo_run_start", run="r")
    hooks.done()
    assert faults.recall(loaded) is None


def test_what_a_hook_writes_into_a_run_is_its_own_alone():
    run = Run("r", Path("r"), {"seed": 0}, classes=["cat", "dog"], splits={"val": {"images": 3}}, notices=["well"])
    before, seen = copy.deepcopy(run), []

    def scramble(run: Run) -> None:
        seen.append(copy.deepcopy(run))
        run.classes.reverse()
        run.job["seed"] = 1
        run.splits["val"]["images"] = 0
        run.notices.clear()
        run.name = "other"

    hooks, told = watch(plugin("a", zoo_run_start=scramble), plugin("b", zoo_run_start=scramble))
    for _ in range(2):
        hooks.call("zoo_run_start", run=run)
    assert run == before
    assert seen == 4 * [before.with_plain_parts()]
    assert told == []


def test_an_error_is_given_as_it_is():
    error, given = OSError(2, "no such thing"), []
    hooks, _ = watch(plugin("a", zoo_run_failed=lambda run, error: given.append(error)))
    hooks.call("zoo_run_failed", run="r", error=error)
    assert given[0] is error
