"""Analyses that plugins contribute: their options of ``zoo evaluate`` and ``zoo run``, and their part in a result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import RequestError
from zoo.runner.predictions import read_predictions

Zoo = Callable[..., tuple[int, str, str]]
PLUGIN = """
from zoo.plugin import Analysis, AnalysisOption, hookimpl

@hookimpl
def zoo_analyses():
    options = (
        AnalysisOption("--unsure-below", "limit", "Count less confident answers.", "P", float, in_runs=True),
        AnalysisOption("--of-classes", "wanted", "Count answers of these classes.", "N,N", int, several=True),
        AnalysisOption("--mirrored", "mirrored", "Count answers that differ for mirrored images."),
        AnalysisOption("--split", "split", "Taken by the command."),
    )
    yield Analysis("unsure", "acme_unsure:Unsure", summary="Number of unsure answers", options=options)
"""
SMALL = ("--epochs", "1", "--set", "architecture.channels=[4]", "--image-size", "8", "--device", "cpu")
UNSURE = '''
import dataclasses
import numpy as np
from zoo.api.compute import part_of
from zoo.api.running import Findings
from zoo.errors import RequestError

class Mirrored:
    def __init__(self, images):
        self.images = images
    def __getitem__(self, rows):
        return np.ascontiguousarray(self.images[rows][:, :, ::-1])

class Unsure:
    """Count unsure answers.

    Args:
        limit: limit of the confidence.
        wanted: classes.
        mirrored: compare with mirrored images.
    """

    def __init__(self, limit: float = 0.6, wanted: list[int] | None = None, mirrored: bool = False, split: str = ""):
        self.limit, self.wanted, self.mirrored = limit, wanted, mirrored

    def check(self, split):
        if self.limit > 1:
            raise RequestError(f"limit {self.limit} must be at most 1. Type: --unsure-below 0.6")

    def __call__(self, evaluated):
        if self.limit < 0:
            return "text" if self.limit == -1 else None
        confidences, predicted = evaluated.answers.logits.softmax(dim=1).max(dim=1)
        document = {"unsure": int((confidences < self.limit).sum()), "higher": sorted(evaluated.higher)}
        half = evaluated.score(part_of(evaluated.answers, range(20)))
        document["first"] = {"accuracy": half["accuracy"], "interval": half["intervals"]["accuracy"]}
        if self.wanted is not None:
            document["wanted"] = int(sum((predicted == k).sum() for k in self.wanted))
        if self.mirrored:
            split = dataclasses.replace(evaluated.split, images=Mirrored(evaluated.split.images))
            document["moved"] = int((evaluated.predict(split).logits.argmax(dim=1) != predicted).sum())
        evaluated.progress("counting", 1, 1)
        columns = {"sure": ["yes" if c >= self.limit else "no" for c in confidences]}
        sections = (("Unsure", f"{document['unsure']} answers"),)
        return Findings(document, sections, figures={"Unsure": "<svg>drawn</svg>"}, columns=columns)
'''


@pytest.fixture
def acme(make_plugin: Callable[..., Path]) -> None:
    make_plugin("acme", PLUGIN, acme_unsure=UNSURE)


def evaluated(zoo: Zoo, *words: Any) -> Any:
    code, out, err = zoo("evaluate", *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.mark.usefixtures("acme")
def test_an_option_runs_the_analysis_and_its_findings_are_in_the_result(zoo: Zoo, digits_run: Path):
    found = evaluated(zoo, digits_run, "--unsure-below", "0.115", "--of-classes", "3, 4")
    document = found["analyses"]["unsure"]["val"]
    assert 0 < document["unsure"] < found["splits"]["val"]["images"]
    assert document["wanted"] == sum(row[3] + row[4] for row in found["metrics"]["val"]["confusion_matrix"])
    assert document["higher"] == ["accuracy", "f1_macro", "f1_micro"]
    low, high = document["first"]["interval"]
    assert low <= document["first"]["accuracy"] <= high
    assert found["sections"] == [["Unsure", f"{document['unsure']} answers"]]
    assert "moved" not in document


@pytest.mark.usefixtures("acme")
def test_without_its_options_there_is_none(zoo: Zoo, digits_run: Path):
    found = evaluated(zoo, digits_run)
    assert "analyses" not in found
    assert found["sections"] == []


@pytest.mark.usefixtures("acme")
def test_an_analysis_predicts_other_images(zoo: Zoo, digits_run: Path):
    moved = evaluated(zoo, digits_run, "--mirrored")["analyses"]["unsure"]["val"]["moved"]
    assert 0 < moved < 360


@pytest.mark.usefixtures("acme")
def test_the_report_and_the_page_show_it(zoo: Zoo, digits_run: Path, tmp_path: Path):
    code, out, _ = zoo("evaluate", digits_run, "--unsure-below", "0.9", "--html", tmp_path / "page.html")
    assert code == 0
    assert " answers" in out.partition("Unsure")[2]
    page = (tmp_path / "page.html").read_text()
    assert page.index("<h2>Unsure</h2>") < page.index("<svg>drawn</svg>") < page.index(" answers</pre>")


@pytest.mark.usefixtures("acme")
def test_the_help_lists_the_options_under_their_plugin(zoo: Zoo):
    said = zoo("evaluate", "--help")[1]
    assert "--unsure-below P" in said.partition("Plugin acme:")[2]
    assert "Taken by the command" not in said
    run = zoo("run", "--help")[1].partition("Plugin acme:")[2]
    assert "--unsure-below P" in run
    assert "--mirrored" not in run
    assert "The option --split of analysis 'acme/unsure' is left out: another has it." in zoo("plugins", "list")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--unsure-below", "much"), "--unsure-below 'much' is not a number: Count less confident answers."),
        (("--of-classes", "3,x"), "--of-classes '3,x' is not a whole number separated by commas"),
        (("--unsure-below", "2"), "limit 2.0 must be at most 1. Type: --unsure-below 0.6"),
        (("--unsure-below", "-1"), "analysis 'unsure' must return Findings or None, not str"),
    ],
)
@pytest.mark.usefixtures("acme")
def test_what_is_wrong_is_said(zoo: Zoo, digits_run: Path, words: tuple[str, ...], said: str):
    code, _, err = zoo("evaluate", digits_run, *words)
    assert code in (1, 2)
    assert said in " ".join(err.split())


@pytest.mark.usefixtures("acme")
def test_a_run_keeps_its_analysis_in_the_job_and_later_evaluations_repeat_it(zoo: Zoo):
    words = ("run", "simple_cnn", "digits", *SMALL, "--name", "sure", "--quiet")
    assert zoo(*words, "--unsure-below", "0.2")[0] == 0
    result = json.loads(Path("runs/sure/result.json").read_text())
    assert result["job"]["analyses"] == [
        {"name": "acme/unsure", "limit": 0.2, "wanted": None, "mirrored": False, "split": ""}
    ]
    (section,) = result["sections"]
    assert section == ["Unsure", f"{result['analyses']['unsure']['val']['unsure']} answers"]
    kept = read_predictions(Path("runs/sure"), "val")
    assert kept.columns["sure"].count("no") == result["analyses"]["unsure"]["val"]["unsure"]
    assert kept.part([1, 0]).columns["sure"] == kept.columns["sure"][1::-1]  # type: ignore[arg-type]
    again = evaluated(zoo, "sure")
    assert again["analyses"]["unsure"]["val"]["unsure"] == result["analyses"]["unsure"]["val"]["unsure"]
    other = evaluated(zoo, "sure", "--unsure-below", "1")
    assert other["analyses"]["unsure"]["val"]["unsure"] > again["analyses"]["unsure"]["val"]["unsure"]
    assert "analyses" not in evaluated(zoo, "sure", "digits")


@pytest.mark.usefixtures("acme")
def test_what_a_run_lacks_is_said_before_training_and_a_failure_at_its_end_is_a_notice(zoo: Zoo):
    words = ("run", "simple_cnn", "digits", *SMALL, "--quiet", "--name")
    code, _, err = zoo(*words, "wrong", "--unsure-below", "2")
    assert code == 2
    assert "limit 2.0 must be at most 1" in err
    assert not Path("runs/wrong").exists()
    assert zoo(*words, "late", "--set", "analyses=[{name: unsure, mirrored: true}]")[0] == 0
    result = json.loads(Path("runs/late/result.json").read_text())
    assert any("An analysis of the val images failed: RequestError" in text for text in result["notices"])
    assert result["metrics"]["val"]["accuracy"] > 0


def test_a_malformed_option_is_refused():
    from zoo.plugin import Analysis, AnalysisOption

    with pytest.raises(ValueError, match="option 'strengths' is not of the form '--word'"):
        Analysis("corrupted", "acme:f", options=(AnalysisOption("strengths", "strengths", "Strengths."),))


def test_at_the_end_of_a_run_no_further_images_are_predicted():
    from zoo.api.running import Evaluated

    unused: Any = None
    with pytest.raises(RequestError, match="which is for zoo evaluate, not for a run"):
        Evaluated(Path(), {}, unused, unused, unused, frozenset(), unused).predict(unused)
