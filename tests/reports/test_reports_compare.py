"""A comparison on the terminal and as a page, and what stands beside a result's numbers."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from zoo.reports.compare import comparison_table
from zoo.reports.compare_page import forest_scale, render_comparison
from zoo.reports.html import render_html
from zoo.reports.results import render_result
from zoo.reports.uncertain import calibration_words, uncertain_lines
from zoo.runner.measurements import CalibrationScores
from zoo.runner.run_result import RunResult


def printed(renderable: object, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


def figures(difference: float, interval: list[float] | None, p: float, test: str = "paired bootstrap") -> dict:
    return {"difference": difference, "interval": interval, "p": p, "p_holm": p, "test": test, "significant": p < 0.05}


@pytest.fixture
def comparison() -> dict:
    def row(run: str, p: float, verdict: str) -> dict:
        metrics = {
            "accuracy": figures(0.021, [0.003, 0.039], p, "exact McNemar"),
            "f1_macro": figures(0.02, [0.001, 0.04], p),
            "log_loss": figures(-0.01, None, 0.4),
        }
        counts = {"both_right": 880, "only_first": 20, "only_second": 41, "both_wrong": 59}
        return {
            "run": run,
            "against": "base<b>",
            "verdict": verdict,
            "counts": counts,
            "metrics": metrics,
            "only_first": ["a <i>.jpg"],
            "only_second": [],
        }

    def run(name: str) -> dict:
        metrics = {"accuracy": 0.9, "f1_macro": 0.9, "log_loss": 0.3}
        return {"run": name, "dir": f"runs/{name}", "seed": 0, "images": 1000, "metrics": metrics}

    rows = [row("one", 0.01, "one is better than base<b> by 2.1 points of accuracy"), row("two", 0.6, "no significant")]
    return {"split": "val", "images": 1000, "runs": [run(n) for n in ("base<b>", "one", "two")], "comparisons": rows}


def test_the_table_says_what_differs_in_eighty_columns(comparison):
    text = printed(comparison_table(comparison))
    assert "+2.1" in text
    assert "+0.3 to +3.9" in text
    assert "McNemar" in text
    assert "no significant difference" in text
    assert "one is better than base<b> by 2.1 points of accuracy (p = 0.0100)." in text
    assert "Holm" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_page_escapes_names_and_asks_for_nothing(comparison):
    page = render_comparison(comparison)
    assert "base&lt;b&gt;" in page
    assert "a &lt;i&gt;.jpg" in page
    assert "<b>" not in page.split("</style>")[1].replace("<b>base", "").replace("<b>one", "")
    assert "http" not in page.split("</style>")[1]
    assert "<td>no significant difference</td>" in page


def test_the_page_gives_the_sentence_first_then_one_forest_plot(comparison):
    page = render_comparison(comparison).split("</style>")[1]
    order = [
        "one is better than base&lt;b&gt; by 2.1 points",
        '<table class="forest">',
        "Each run",
        "right by one run only",
    ]
    places = [page.index(words) for words in order]
    assert places == sorted(places)
    assert page.count('<table class="forest">') == 1
    forest = page[places[1] : page.index("</table>", places[1])]
    assert re.findall(r'<th scope="rowgroup" rowspan="2">([^<]+)', forest) == ["accuracy", "F1 macro"], (
        "log loss has none"
    )
    assert forest.count('class="axis"') == 1, "both are in percentage points"
    assert forest.count('<div class="sure">') == 2, "one run differs, in two metrics"


def test_zero_is_in_the_middle_and_shares_have_one_scale(comparison):
    accuracy, f1 = (forest_scale(comparison, metric) for metric in ("accuracy", "f1_macro"))
    assert accuracy == f1
    assert accuracy.at(0) == 50
    assert 0 < accuracy.at(0.003) - 50 < accuracy.at(0.04) - 50 < 50
    assert forest_scale(comparison, "log_loss") is None
    for row in comparison["comparisons"]:
        row["metrics"]["accuracy"] = row["metrics"]["f1_macro"] = figures(0.0, [0.0, 0.0], 1.0)
    assert forest_scale(comparison, "accuracy").at(0) == 50


def uncertain(document: dict) -> dict:
    val = {
        **document["metrics"]["val"],
        "intervals": {"accuracy": [0.89, 0.93], "f1_macro": [0.89, 0.93], "loss": [0.2, 0.25], "auroc": [0.96, 0.98]},
        "baseline": {"answer": "cat", "accuracy": 0.5, "f1_macro": 0.3333},
        "calibration": {
            "bins": 15,
            "ece": 0.083,
            "nll": 0.41,
            "temperature": 2.31,
            "reliability": [{"from": 0.9, "to": 1.0, "images": 1000, "confidence": 0.97, "accuracy": 0.9}],
            "scaled": {"how": "cross-fitted", "ece": 0.021, "nll": 0.3, "reliability": []},
        },
    }
    return {**document, "metrics": {"val": val}}


def test_a_result_says_what_chance_leaves_open(two_classes):
    document = uncertain(two_classes)
    lines = list(uncertain_lines(RunResult.read(document), "val"))
    assert lines[0] == "val, 95% intervals: F1 macro 89.0–93.0% · loss 0.2000–0.2500 · auroc 0.96–0.98"
    assert lines[1] == "val: always predicting cat has accuracy 50.0%"
    assert lines[2] == "val: expected calibration error (ECE) 8.3%; 2.1% with temperature 2.31 (cross-fitted)"
    assert list(uncertain_lines(RunResult.read(two_classes), "val")) == [], "an older result has none"
    short = printed(render_result(RunResult.read(document)))
    assert "always predicting cat" not in short
    assert "zoo runs show runs/simple_cnn-cats_dogs-1 -v" in short
    text = printed(render_result(RunResult.read(document), verbose=True))
    assert "always predicting cat" in text
    assert max(map(len, [*text.splitlines(), *short.splitlines()])) <= 80


def test_its_page_has_a_section_for_it(two_classes):
    page = render_html(RunResult.read(uncertain(two_classes)))
    assert "Confidence intervals and calibration" in page
    assert 'aria-label="Accuracy over confidence"' in page
    assert "expected calibration error (ECE) 8.3%" in page
    assert "Confidence intervals and calibration" not in render_html(RunResult.read(two_classes))


def test_calibration_in_words():
    assert calibration_words(CalibrationScores()) == ""
    assert calibration_words(CalibrationScores(ece=0.1)) == "expected calibration error (ECE) 10.0%"
    same = {"ece": 0.1, "temperature": 1.0, "scaled": {"ece": 0.1, "how": "fitted on val"}}
    assert "temperature scaling does not improve it" in calibration_words(CalibrationScores.read(same))
