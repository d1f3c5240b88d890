"""Plugins that observe a run stand in its provenance: version, hooks, and what they changed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from zoo.model import provenance

STOP = """
from zoo.plugin import hookimpl

class Stop:
    def __init__(self, reason):
        self.reason = reason

    @hookimpl
    def zoo_epoch_end(self, epoch):
        return self.reason if epoch["epoch"] == 2 else None

    @hookimpl
    def zoo_report_sections(self):
        return [("Leaves", "12 leaves")]

HOOKS = (Stop("REASON"),)
"""
WRITE = """
from zoo.plugin import hookimpl

@hookimpl
def zoo_epoch_end(run, epoch):
    epoch["val"]["accuracy"] = 1.0
"""
FAIL = "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_run_start(run): raise KeyboardInterrupt\n"


@pytest.fixture
def observed(make_plugin, zoo, tiny, read_result):
    """A run of four epochs that two plugins stop after the second, and a third one tries to change."""
    make_plugin("acme", STOP.replace("REASON", "good enough"))
    make_plugin("other", STOP.replace("REASON", "no power"), version="2.0")
    make_plugin("writer", WRITE)
    code, out, err = zoo("run", "simple_cnn", "digits", *tiny, "--epochs", "4", "--name", "seen")
    assert code == 0, err
    return SimpleNamespace(result=read_result("runs/seen"), printed=" ".join((out + err).split()))


def test_what_plugins_changed_is_recorded(observed, zoo):
    result = observed.result
    assert (result["status"], result["stop_reason"], len(result["epochs"])) == ("stopped", "good enough; no power", 2)
    common = {"kind": "plugin", "hooks": ["zoo_epoch_end", "zoo_report_sections"], "sections": ["Leaves"]}
    found = result["provenance"]
    assert found["plugins.acme"] == {
        **common,
        "id": "acme",
        "distribution": "zoo-acme",
        "version": "1.2.3",
        "stopped": {"epoch": 2, "reason": "good enough"},
    }
    assert found["plugins.other"]["version"] == "2.0"
    assert found["plugins.other"]["stopped"] == {"epoch": 2, "reason": "no power"}
    failed = found["plugins.writer"]["failed"]
    assert failed["hook"] == "zoo_epoch_end"
    assert "writes to epoch['val']['accuracy']" in failed["problem"]
    assert "zoo_epoch_end of plugin 'writer' writes to epoch['val']['accuracy']" in observed.printed
    assert result["epochs"][0]["val"]["accuracy"] != 1.0

    page = Path("runs/seen/report.html").read_text("utf-8")
    for word in ("plugins.acme", "zoo-acme", "1.2.3", "good enough", "plugins.writer"):
        assert word in page

    code, _, said = zoo("evaluate", "runs/seen")
    assert code == 0
    assert "acme" not in said
    assert "trained with" not in said


def test_a_run_that_ends_early_has_them_too(make_plugin, zoo, tiny, read_result):
    make_plugin("acme", FAIL)
    assert zoo("run", "simple_cnn", "digits", *tiny, "--name", "short")[0] == 130
    assert read_result("runs/short")["provenance"]["plugins.acme"]["hooks"] == ["zoo_run_start"]


def test_a_plugin_that_observed_is_not_missed():
    record = {"kind": "plugin", "id": "gone", "distribution": "zoo-gone", "version": "1.0"}
    registry = SimpleNamespace(plugins=[])
    assert provenance.missing({"plugins.gone": record}, registry) == []
    assert provenance.changes({"plugins.gone": record}, registry) == []
