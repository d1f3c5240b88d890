"""Checks of lifecycle hooks: each is called as in a run, and a mistake in one fails the check of that hook."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.host import faults
from zoo.host.hook_calls import PATIENCE
from zoo.host.hookspecs import LIFECYCLE
from zoo.host.loader import open_registry
from zoo.testing import Outcome, checks, run_checks
from zoo.testing.hooks import MEND
from zoo.testing.sample_run import sample_run

GOOD = """
import json
from zoo.plugin import hookimpl

seen = []

@hookimpl
def zoo_run_start(run):
    seen.append((run.name, run.job["train"]["epochs"], run.classes[:2], sorted(run.splits)))
    (run.dir / "acme.txt").write_text(f"{run.model['id']} {run.device['name']}")

@hookimpl
def zoo_epoch_end(run, epoch):
    seen.append((epoch["epoch"], epoch["val"]["accuracy"] > 0.2))
    if epoch["val"]["accuracy"] > 0.9:
        return f"{run.name} is good enough"

@hookimpl
def zoo_report_sections(run, result):
    yield "Acme", f"{result['run']}: {result['metrics']['val']['accuracy']:.0%}"

@hookimpl
def zoo_run_end(run, result):
    assert json.loads((run.dir / "result.json").read_text())["status"] == result["status"] == "completed"
    seen.append("end")

@hookimpl
def zoo_run_failed(run, error):
    seen.append(type(error).__name__)
"""
MISTAKES = {
    "zoo_run_start": ('run.job["train"]["epochs"]', 'run.job["train"]["epoch"]', "it raises KeyError: 'epoch' (line "),
    "zoo_epoch_end": ("return f", "return 0.5, f", "it must return None, or the reason to stop as text."),
    "zoo_report_sections": ('yield "Acme", f', 'yield 1, "Acme", f', "a section is (title, text)."),
    "zoo_run_end": ('seen.append("end")', "import time; time.sleep(60)", "it did not return within 0.2 s"),
    "zoo_run_failed": ("type(error).__name__", "error.args[0]", "it raises IndexError: "),
}


def outcomes(make_plugin: Callable[..., Path], source: str) -> dict[str, Outcome]:
    make_plugin("acme", source)
    report = run_checks(checks("acme", registry=open_registry()))
    return {o.check.name.removeprefix("hook "): o for o in report.outcomes if o.check.name.startswith("hook ")}


def test_good_hooks_pass_and_have_seen_a_run_from_its_start_to_its_end(make_plugin: Callable[..., Path]):
    found = outcomes(make_plugin, GOOD)
    assert {name: (o.outcome, o.message) for name, o in found.items()} == dict.fromkeys(LIFECYCLE, ("passed", None))
    import zoo_acme

    opening = ("completed", 2, ["0", "1"], ["train", "val"])
    assert zoo_acme.seen[:4] == [opening, (1, True), (2, True), "end"]
    assert zoo_acme.seen[4:] == [("interrupted", *opening[1:]), (1, True), "KeyboardInterrupt"]
    assert not Path("runs").exists(), "the working folder is left alone"


@pytest.mark.parametrize("hook", MISTAKES)
def test_a_mistake_fails_the_check_of_its_hook_and_no_other(
    hook: str, make_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    right, wrong, said = MISTAKES[hook]
    assert right in GOOD
    monkeypatch.setenv(PATIENCE, "0.2")
    found = outcomes(make_plugin, GOOD.replace(right, wrong))
    failed = {name: str(o.message) for name, o in found.items() if o.outcome == "failed"}
    assert failed.keys() == {hook}
    assert said in failed[hook]
    assert found[hook].check.mend == MEND[hook]
    skipped = [str(o.message) for o in found.values() if o.outcome == "skipped"]
    assert all(message == f"{hook} fails before it is called." for message in skipped)
    plugin = next(p for p in open_registry().plugins if p.name == "acme")
    assert faults.recall(plugin) is None, "a check is no run: the doctor has nothing to say of it"


def test_every_hook_of_a_run_has_a_mistake_above_and_a_remedy():
    assert set(MISTAKES) == set(MEND) == set(LIFECYCLE)


def test_a_plugin_without_such_hooks_has_no_check_of_them(make_plugin: Callable[..., Path]):
    assert (
        outcomes(make_plugin, "from zoo.plugin import hookimpl\n\n@hookimpl\ndef zoo_losses():\n    return []\n") == {}
    )


def test_the_recorded_run_has_the_form_of_a_real_one(digits_run: Path):
    """Its keys are those that a run writes now, so that a hook meets nothing else in a run."""

    def form(value: Any, depth: int = 3) -> Any:
        return {key: form(each, depth - 1) for key, each in value.items()} if depth and isinstance(value, dict) else ...

    real = json.loads((digits_run / "result.json").read_text("utf-8"))
    open_ended = ("provenance", "job_sources", "mistakes")
    with sample_run() as sample:
        recorded = json.loads((sample.run.dir / "result.json").read_text("utf-8"))
        assert {p.name for p in sample.run.dir.iterdir()} == {"job.yaml", "metrics.jsonl", "result.json"}
    for document in (real, recorded):
        document.update(dict.fromkeys(open_ended))
    jobs = [set(document.pop("job")) for document in (recorded, real)]
    assert jobs[0] <= jobs[1], "keys of a job are added, never lost"
    assert form(recorded) == form(real)


def test_hooks_are_checked_with_the_default_settings(make_plugin: Callable[..., Path]):
    source = """
from dataclasses import dataclass
from zoo.plugin import hookimpl

@dataclass
class Settings:
    stop_at: float = 0.9

@hookimpl
def zoo_settings():
    return Settings

@hookimpl
def zoo_epoch_end(run, epoch):
    return f"as set: {run.settings.stop_at}" if epoch["val"]["accuracy"] >= run.settings.stop_at else None
"""
    assert [(o.outcome, o.message) for o in outcomes(make_plugin, source).values()] == [("passed", None)]
