"""Lifecycle hooks: each plugin's is called by itself, and one that fails stops nothing."""

from __future__ import annotations

import copy
import json
import pickle
import threading
import time
from dataclasses import asdict
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
from zoo.runner.measurements import EpochRecord
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult


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


def test_a_plugin_that_writes_into_the_result_is_told_and_set_aside():
    def spoil(result: dict[str, Any]) -> None:
        result["metrics"]["val"] = "spoilt"

    result = {"metrics": {"val": {"accuracy": 0.5}}}
    seen: list[Any] = []
    hooks, told = watch(plugin("a", zoo_run_end=spoil), plugin("b", zoo_run_end=lambda result: seen.append(result)))
    hooks.call("zoo_run_end", run="r", result=result)
    assert result == seen[0] == {"metrics": {"val": {"accuracy": 0.5}}}
    assert told == [
        "plugin 'a': zoo_run_end failed; it is disabled for the rest of this run: ReadOnlyError: zoo_run_end of plugin "
        "'a' writes to result['metrics']['val']: what a hook is given is read-only. Write to a copy: "
        "copy.deepcopy(result) — see: zoo plugins doctor a"
    ]


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


RUN = Run("r", Path("r"), {"seed": 0}, classes=["cat", "dog"], splits={"val": {"images": 3}}, notices=["well"])


@pytest.mark.parametrize(
    ("write", "place"),
    [
        (lambda run: setattr(run, "name", "other"), "run.name"),
        (lambda run: delattr(run, "name"), "run.name"),
        (lambda run: run.classes.reverse(), "run.classes"),
        (lambda run: run.job.__setitem__("seed", 1), "run.job['seed']"),
        (lambda run: run.splits["val"].update(images=0), "run.splits['val']['images']"),
        (lambda run: run.sections.append(("Title", "text")), "run.sections"),
    ],
)
def test_a_hook_cannot_write_into_the_run(write: Any, place: str):
    before, seen = copy.deepcopy(RUN), []
    hooks, told = watch(plugin("a", zoo_run_start=write), plugin("b", zoo_run_start=lambda run: seen.append(run)))
    hooks.call("zoo_run_start", run=RUN)
    assert before == RUN
    assert f"zoo_run_start of plugin 'a' writes to {place}: what a hook is given is read-only" in told[0]
    assert len(told) == len(seen) == 1, "the other plugin is called"


def test_a_hook_reads_and_copies_the_run():
    found: list[Run] = []

    def look(run: Run) -> None:
        assert isinstance(run, Run)
        assert (run.name, run.dir, run.job["seed"], run.classes[0]) == ("r", Path("r"), 0, "cat")
        assert json.loads(json.dumps(run.splits)) == {"val": {"images": 3}}
        assert asdict(run)["classes"] == ["cat", "dog"]
        for copied in (copy.deepcopy(run), copy.copy(run), pickle.loads(pickle.dumps(run))):
            assert type(copied) is Run
            assert copied == RUN.with_plain_parts()
            copied.name = "mine"
            copied.job["seed"] = 1
            copied.notices.clear()
            found.append(copied)

    hooks, told = watch(plugin("a", zoo_run_start=look))
    hooks.call("zoo_run_start", run=RUN)
    assert told == []
    assert len(found) == 3


def test_all_plugins_are_given_one_view():
    seen: list[Any] = []
    hooks, _ = watch(*(plugin(name, zoo_run_end=lambda run, result: seen.append((run, result))) for name in "abc"))
    hooks.call("zoo_run_end", run=RUN, result={"metrics": {}})
    assert len(seen) == 3
    assert len({id(run) for run, _ in seen}) == len({id(result) for _, result in seen}) == 1


def test_no_view_is_made_where_no_plugin_looks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zoo.runner.hooks.view", fail)
    hooks, _ = watch(plugin("a", zoo_run_end=lambda run: None))
    assert hooks.call("zoo_epoch_end", run=RUN, epoch={}) == []


# -- order, and what plugins changed


def noting(called: list[str], name: str) -> Any:
    def zoo_run_start(run: Any) -> None:
        called.append(name)

    return zoo_run_start


def in_order(*marks: dict[str, bool]) -> list[str]:
    """Names of plugins a, b, … in the order of their calls; each has its marks."""
    called: list[str] = []
    plugins = []
    for name, mark in zip("abcdefgh", marks, strict=False):
        hook = hookimpl(**mark)(noting(called, name))
        loaded = LoadedPlugin(Origin(name, f"zoo-{name}", "1.0"), name)
        load_module(loaded, lambda hook=hook: SimpleNamespace(zoo_run_start=hook))
        plugins.append(loaded)
    hooks, told = watch(*plugins)
    hooks.call("zoo_run_start", run="r")
    assert told == []
    return called


def test_hooks_are_called_in_the_order_that_they_ask_for():
    first, last = {"tryfirst": True}, {"trylast": True}
    assert in_order({}, {}, {}) == ["a", "b", "c"]
    assert in_order({}, {}, first) == ["c", "a", "b"]
    assert in_order(last, {}, first, {}) == ["c", "b", "d", "a"]
    assert in_order(last, last, first, first) == ["c", "d", "a", "b"]


class Stop:
    """An object with hooks."""

    def __init__(self, at: float, reason: str):
        self.at, self.reason = at, reason

    @hookimpl
    def zoo_epoch_end(self, epoch: dict[str, Any]) -> str | None:
        return self.reason if epoch["val"]["accuracy"] >= self.at else None


def stopping(name: str, *stops: Stop) -> LoadedPlugin:
    loaded = LoadedPlugin(Origin(name, f"zoo-{name}", "1.0"), name)
    load_module(loaded, lambda: stops)
    assert loaded.state == "enabled", loaded.problem
    return loaded


def epoch(number: int, accuracy: float) -> EpochRecord:
    return EpochRecord.read({"epoch": number, "val": {"accuracy": accuracy}})


def test_plugins_are_recorded_with_their_hooks_and_what_they_changed():
    sections = plugin("tell", zoo_report_sections=lambda: [("Leaves", "12"), ("Roots", "3")])
    hooks, _ = watch(
        stopping("acme", Stop(0.9, "good enough")), plugin("none"), sections, plugin("bad", zoo_run_start=leave)
    )
    hooks.run_start(RUN)
    assert hooks.epoch_end(RUN, epoch(1, 0.5)) is None
    assert hooks.epoch_end(RUN, epoch(2, 0.95)) == "good enough"
    hooks.report_sections(RUN, RunResult.read({}))
    assert {name: found.document() for name, found in hooks.provenance().items()} == {
        "plugins.acme": {
            "kind": "plugin",
            "id": "acme",
            "distribution": "zoo-acme",
            "version": "1.0",
            "hooks": ["zoo_epoch_end"],
            "stopped": {"epoch": 2, "reason": "good enough"},
        },
        "plugins.bad": {
            "kind": "plugin",
            "id": "bad",
            "distribution": "zoo-bad",
            "version": "1.0",
            "hooks": ["zoo_run_start"],
            "failed": {"hook": "zoo_run_start", "problem": "SystemExit: bye"},
        },
        "plugins.tell": {
            "kind": "plugin",
            "id": "tell",
            "distribution": "zoo-tell",
            "version": "1.0",
            "hooks": ["zoo_report_sections"],
            "sections": ["Leaves", "Roots"],
        },
    }


def test_two_plugins_that_stop_at_one_epoch_are_both_recorded():
    hooks, _ = watch(
        stopping("a", Stop(0.5, "half")), stopping("b", Stop(0.6, "more"), Stop(0.6, "half"), Stop(1, "x"))
    )
    assert hooks.epoch_end(RUN, epoch(3, 0.7)) == "half; more"
    found = hooks.provenance()
    assert found["plugins.a"].document()["stopped"] == {"epoch": 3, "reason": "half"}
    assert found["plugins.b"].document()["stopped"] == {"epoch": 3, "reason": "more; half"}


def test_a_plugin_that_hung_last_time_is_recorded_as_left_out(monkeypatch: pytest.MonkeyPatch):
    stuck = plugin("stuck", zoo_run_end=lambda run: None)
    faults.remember(stuck, "zoo_run_end", "it did not return", "", stuck=True)
    hooks, _ = watch(stuck)
    problem = "last time, zoo_run_end never returned"
    assert hooks.provenance()["plugins.stuck"].document()["failed"] == {"hook": "zoo_run_end", "problem": problem}


def test_an_error_is_given_as_it_is():
    error, given = OSError(2, "no such thing"), []
    hooks, _ = watch(plugin("a", zoo_run_failed=lambda run, error: given.append(error)))
    hooks.call("zoo_run_failed", run="r", error=error)
    assert given[0] is error
