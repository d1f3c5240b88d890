"""What ``zoo.run`` returns, and how it is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.errors import RequestError
from zoo.runner.observer import Observer
from zoo.runs import RepeatsSummary, RunResult, read_result

SMALL: dict[str, Any] = {"set": {"architecture.channels": [4]}, "image_size": 8, "recipe": "none", "device": "cpu"}
DISPLAY = """
from zoo.plugin import Display, hookimpl

seen = []

class Pad:
    def active(self):
        return True
    def observer(self):
        from zoo.runner.observer import Observer

        observer = Observer()
        observer.epoch_ended = lambda record: seen.append(record.epoch)
        return observer
    def html(self, result):
        return f"<b>{result.dir}</b>"
    def show(self, result):
        seen.append("shown")

@hookimpl
def zoo_displays():
    return [Display("pad", "zoo_acme:Pad", summary="A pad")]
"""


def run(**more: Any) -> zoo.api.Result:
    return zoo.run("simple_cnn", "digits", **{**SMALL, "epochs": 1, "observer": Observer(), **more})


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> zoo.api.Result:
    return run(out=tmp_path_factory.mktemp("runs"), name="one")


def test_it_prints_as_one_line(one: zoo.api.Result):
    accuracy = f"{one.metrics['val']['accuracy']:.1%}"
    assert str(one) == repr(one)
    assert repr(one).startswith(f"<Result {one.dir}: completed, val accuracy {accuracy}, verdict ")
    assert "\n" not in repr(one)


def test_it_is_a_plain_document_all_the_same(one: zoo.api.Result):
    assert json.loads(json.dumps(one)) == json.loads((one.dir / "result.json").read_text())
    assert isinstance(one.record, RunResult)


def test_a_typed_result_prints_as_one_line(one: zoo.api.Result):
    accuracy = f"{one.metrics['val']['accuracy']:.1%}"
    assert str(read_result(one.dir)) == f"<RunResult {one.dir}: completed, val accuracy {accuracy}>"
    assert repr(RunResult()) == "<RunResult None: scored>"


def test_outside_of_a_notebook_show_prints_the_report(one: zoo.api.Result, capsys: pytest.CaptureFixture[str]):
    one.show()
    shown = capsys.readouterr().out
    assert "one · completed" in shown
    assert "verdict" in shown
    assert "<div" not in shown


def test_several_runs_print_as_one_line_and_show_their_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    several = run(out=tmp_path, name="both", seeds=2)
    assert isinstance(several.record, RepeatsSummary)
    assert repr(several).startswith("<Result both: completed, val accuracy ")
    assert "of 2 seeds" in repr(several)
    capsys.readouterr()
    several.show()
    assert "both-seed1" in capsys.readouterr().out


def test_a_display_of_a_plugin_observes_runs_and_shows_results(make_plugin, tmp_path: Path):
    """The first by name is asked for HTML, whichever is active for the rest."""
    make_plugin("acme", DISPLAY)
    result = run(out=tmp_path, name="watched", observer=None, epochs=2)
    import zoo_acme

    assert zoo_acme.seen == [1, 2]
    assert result._repr_html_() == f"<b>{result.dir}</b>"
    result.show()
    assert zoo_acme.seen == [1, 2, "shown"]


def test_an_observer_that_is_given_is_the_only_one(make_plugin, tmp_path: Path):
    make_plugin("acme", DISPLAY)
    run(out=tmp_path, name="given")
    import sys

    assert "zoo_acme" not in sys.modules or sys.modules["zoo_acme"].seen == []


def test_an_unknown_option_is_refused_with_the_known_ones():
    with pytest.raises(RequestError, match=r"There is no option 'epoch'\. Did you mean 'epochs'\?.*There are: archi"):
        zoo.run("simple_cnn", "digits", epoch=3)


def test_a_metric_is_found_by_its_short_name_and_by_its_full_id():
    result = zoo.run("simple_cnn", "digits", epochs=1, metrics=["metrics/top_k"], **SMALL)
    numbers = result.metrics["val"]
    assert 0 <= numbers["top_k"] <= 1
    assert numbers["metrics/top_k"] == numbers["top_k"], "as tests of plugins for version 0.1 read it"
    with pytest.raises(KeyError, match="metrics/f1"):
        numbers["metrics/f1"]
