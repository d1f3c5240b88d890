"""The report of a result in a notebook."""

from __future__ import annotations

import base64
import io
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import zoo
from zoo.api import Result
from zoo_notebook.comparison import RunComparison
from zoo_notebook.report import result_html

VOID = {"img", "br", "polyline", "circle", "rect"}


class Parts(HTMLParser):
    """The tags of a fragment, its text, and whether each tag is closed."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += f"{data} "


def words(html: str) -> str:
    return " ".join(Parts(html).text.split())


def test_every_colour_has_a_value_and_marks_to_hover_are_hidden(trained):
    first, second = trained
    for html in (first._repr_html_(), zoo.compare(first, second)._repr_html_()):
        style = "".join(re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
        assert set(re.findall(r"var\((--[\w-]+)\)", html)) <= set(re.findall(r"(--[\w-]+):", style))
        groups = set(re.findall(r'<g class="(\w+)"', html))
        assert all(f".{name} > :not(rect) {{ opacity: 0; }}" in style for name in groups)


def test_a_run_shows_figures_verdict_curves_confusion_and_mistakes(trained):
    first, _ = trained
    html = first._repr_html_()
    text = words(html)
    assert f"{first.metrics['val']['accuracy']:.1%}" in text
    assert "95% interval" in text
    assert first.record.brief.split(",")[0].split(":")[1].strip() == "completed"
    for part in ("Accuracy", "Loss", "Confusion", "Worst mistakes", "report.html"):
        assert part in text
    pictures = [attrs for tag, attrs in Parts(html).tags if tag == "img"]
    assert 1 <= len(pictures) <= 8
    assert all(attrs["src"].startswith("data:image/jpeg;base64,") for attrs in pictures)
    assert all(attrs["alt"] for attrs in pictures)
    assert html.count("<svg") == 3


def test_it_is_small_and_asks_for_nothing(trained):
    html = trained[0]._repr_html_()
    assert len(html) < 120_000
    assert "<script" not in html
    assert not re.search(r"(?:src|href)=\"(?!data:)", html)
    assert "url(" not in html


def test_its_styles_touch_nothing_else(trained):
    """Every rule is below the fragment's own class; no colour of the page is assumed."""
    style = re.search(r"<style>(.*?)</style>", trained[0]._repr_html_(), re.DOTALL)[1]
    selectors = [part for rule in re.findall(r"([^{}]+)\{", style) for part in rule.split(",")]
    assert len(selectors) > 20
    assert all(part.strip().startswith(".zoo-nb") for part in selectors)
    assert "--ink: currentColor" in style


def test_an_evaluation_has_no_curves_and_names_its_mistakes(trained):
    found = zoo.evaluate(trained[0])
    html = found._repr_html_()
    assert html.count("<svg") == 1
    assert "report.html" not in html
    assert "<img" not in html, "the digits are not files"
    assert found["mistakes"]["val"][0]["name"] in words(html)


def test_an_evaluation_shows_the_files_that_were_predicted_wrong(colours, colours_run, tmp_path: Path):
    """Blue pictures in the folder of red ones."""
    shutil.copytree(colours / "blue", tmp_path / "wrong" / "red")
    (tmp_path / "wrong" / "green").mkdir()
    shutil.copy(
        colours / "green" / next(iter(sorted((colours / "green").iterdir()))).name, tmp_path / "wrong" / "green"
    )
    html = zoo.evaluate(colours_run, str(tmp_path / "wrong"))._repr_html_()
    pictures = [attrs["src"] for tag, attrs in Parts(html).tags if tag == "img"]
    assert len(pictures) == 8
    with Image.open(io.BytesIO(base64.b64decode(pictures[0].partition(",")[2]))) as picture:
        red, _, blue = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))
    assert blue > red
    assert words(html).count("red → blue") == 8


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"status": "interrupted", "run": "r", "dir": "runs/r", "classes": ["a", "b"]},
        {"status": "completed", "metrics": {"val": None}},
    ],
)
def test_a_result_without_numbers_is_shown(document):
    assert words(result_html(Result(document)))


def test_names_of_the_user_are_text():
    html = result_html(Result({"run": "<b>x</b>", "notices": ["<script>alert(1)</script>"], "job": {}}))
    assert "<script" not in html
    assert "<b>x</b>" in words(html)


def test_several_runs_are_a_table(trained):
    """A summary as it is written while the second run goes on."""
    members = [
        {"run": f"s-seed{i}", "dir": f"runs/s-seed{i}", "seed": i, "status": status, "total_s": 3.0}
        for i, status in enumerate(("completed", "missing"))
    ]
    spread = {"mean": 0.9, "std": 0.01, "min": 0.89, "max": 0.91, "values": [0.89, 0.91]}
    job = trained[0]["job"]
    summary = {"status": "running", "run": "s", "dir": "runs/s", "by": "seed", "count": 2, "job": job}
    html = result_html(Result({**summary, "members": members, "metrics": {"val": {"accuracy": spread}}}))
    text = words(html)
    assert "2 seeds of simple_cnn on digits (0, 1)" in text
    assert "val accuracy 90.0 ± 1.0% 89.0% 91.0%" in text
    assert "1 runs/s-seed1 missing 3.0s" in text


def test_a_comparison_says_its_verdict_first(trained):
    found = zoo.compare(*trained)
    html = found._repr_html_()
    text = words(html)
    assert found.verdicts[0] in text
    assert text.index(found.verdicts[0]) < text.index("360 val images")
    assert html.count("<svg") == 1
    assert RunComparison(found) == found


def test_a_folder_of_images_is_called_by_its_own_name(trained):
    job = {**trained[0]["job"], "dataset": {"name": "images/image_folder", "root": "/data/leaves"}}
    assert "simple_cnn on leaves" in words(result_html(Result({"job": job})))


def test_a_regression_shows_its_error_and_its_largest_errors(regression_result):
    html = result_html(Result(regression_result))
    text = words(html)
    for part in ("val MAE 0.6943", "val RMSE 0.9785", "always answering the median 4.5: MAE 2.489"):
        assert part in text, part
    assert "95% interval 0.6349–0.7577" in text
    evaluated = words(result_html(Result({**regression_result, "epochs": [], "status": "evaluated"})))
    assert "Largest errors true → predicted image 67 3 → 7.578 +4.578" in evaluated
    assert not re.search(r"ccuracy|F1|\d% ", text.replace("95% ", ""))


def test_an_ordinal_run_shows_its_error_in_ranks(ordinal_result):
    text = words(result_html(Result(ordinal_result)))
    assert "val accuracy 98.6%" in text
    assert "val MAE in ranks 0.06667" in text


def test_a_comparison_of_regressions_is_of_their_errors():
    figures = {"interval": [0.06, 0.15], "p": 0.001, "p_holm": 0.001, "significant": True, "test": "Wilcoxon"}
    row = {"run": "b", "against": "a", "verdict": "a is better", "metrics": {"mae": {**figures, "difference": 0.1}}}
    runs = [{"run": name, "metrics": {"mae": 0.7}} for name in "ab"]
    found = RunComparison({"split": "val", "images": 9, "runs": runs, "comparisons": [row]})
    text = words(found._repr_html_())
    assert found.verdicts == ["a is better (p = 0.0010)."]
    assert "MAE: difference from a" in text
    assert "accuracy" not in text
    assert "right only" not in text
