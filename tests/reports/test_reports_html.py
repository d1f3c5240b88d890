"""The page: whole in one file, nothing in it taken for markup, nothing fetched, and a browser is content with it."""

from __future__ import annotations

import base64
import hashlib
import html
import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import OutputError
from zoo.reports.failures import worst_first
from zoo.reports.html import render_html, write_report
from zoo.runner.run_result import RunResult

Document = dict[str, Any]
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Balance(html.parser.HTMLParser):
    """Collects tags, and complains of those that are closed wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.ids += [value for key, value in attrs if key == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> Balance:
    balance = Balance()
    balance.feed(page)
    balance.close()
    assert balance.open == []
    return balance


def test_the_page_has_everything_and_fetches_nothing(two_classes: Document) -> None:
    page = render_html(RunResult.read(two_classes))
    balance = parsed(page)
    assert balance.seen.count("svg") == 3  # accuracy, loss, confusion
    assert not {"link", "img", "iframe"} & set(balance.seen)
    assert re.findall(r"(?:https?:)?//\w|@import|url\((?!#)", page) == []
    for word in (
        "91.3%",
        "89.4%",
        "0.9713",
        "verdict: good",
        "best: epoch 57",
        "452",
        "recipe simple_cnn+cats_dogs",
        "truncated",
    ):
        assert word.lower() in balance.text.lower()
    assert "zoo predict runs/simple_cnn-cats_dogs-1 photo.jpg" in balance.text
    assert page.count("<pre>zoo run runs/simple_cnn-cats_dogs-1/job.yaml</pre>") == 1
    assert "prefers-color-scheme: dark" in page
    assert len(balance.ids) == len(set(balance.ids))


def test_its_one_script_is_the_one_that_its_policy_names(two_classes: Document) -> None:
    page = render_html(RunResult.read(two_classes))
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page


HEADINGS = [
    "verdict: good",
    "what to type next",
    "where it fails",
    "classes, lowest f1 first",
    "confusion: rows are true classes, columns predicted classes",
    "worst mistakes",
    "training curves",
    "confidence intervals and calibration",
    "all 60 epochs",
    "every value, and where it comes from",
    "machine, versions",
]


def with_intervals(document: Document) -> Document:
    val = document["metrics"]["val"]
    val |= {"intervals": {"accuracy": [0.89, 0.93]}, "baseline": {"answer": "cat", "accuracy": 0.5}}
    return document


def test_questions_come_in_their_order(two_classes: Document) -> None:
    """Is it good, what to type next, where it fails; then curves, intervals and how it was made."""
    page = render_html(RunResult.read(with_intervals(two_classes)))
    text = parsed(re.search("<main>.*</main>", page, re.DOTALL)[0]).text.lower()
    places = [text.find(heading) for heading in ("val accuracy", *HEADINGS)]
    assert -1 not in places
    assert places == sorted(places)


def test_each_link_of_the_bar_leads_somewhere(two_classes: Document) -> None:
    page = render_html(RunResult.read(with_intervals(two_classes)))
    links = re.findall(r'href="#([^"]+)"', page)
    assert links[:6] == ["verdict", "next", "failures", "curves", "confidence", "details"]
    assert set(links) <= set(parsed(page).ids)


def test_what_is_long_is_closed_or_bounded(two_classes: Document) -> None:
    page = render_html(RunResult.read(two_classes))
    closed = re.findall(r"<details>\s*<summary>(\w+)", page)
    assert closed == ["All", "Job", "Environment"]
    assert page.count('class="scroll tall"') >= 3  # classes, mistakes, epochs


PICTURE = "data:image/jpeg;base64,AAAA"


def two_splits(document: Document) -> Document:
    """With a test split, and one more mistake on each split than has a picture."""
    document["metrics"]["test"] = dict(document["metrics"]["val"], accuracy=0.881)
    wrong = {"true": "cat", "predicted": "dog", "confidence": 0.912}
    document["mistakes"] = {
        split: [{**wrong, "name": f"{split} {i}.jpg"} for i in range(3)] for split in ("val", "test")
    }
    return document


def pictures(heat: Any = PICTURE) -> Document:
    rows = [
        {"name": f"{split} {i}.jpg", "split": split, "file": PICTURE, "heat": heat}
        for split in ("val", "test")
        for i in (0, 1)
    ]
    return {"mistakes": rows, "augmented": [{"name": "one.jpg", "file": PICTURE}]}


def test_val_and_test_are_tabs(two_classes: Document) -> None:
    page = render_html(RunResult.read(two_splits(two_classes)), pictures())
    fields = re.findall(r"<fieldset>.*?</fieldset>", page, re.DOTALL)
    assert fields
    for field in fields:
        inputs = dict(re.findall(r'<input type="radio" name="(?:\w+)" id="([\w-]+)"( checked)?>', field))
        labels = re.findall(r'<label for="([\w-]+)">(\w+)</label>', field)
        assert [name for _, name in labels] == ["val", "test"]
        assert [place for place, _ in labels] == list(inputs)
        assert list(inputs.values()) == [" checked", ""]
    assert page.count('<div class="panel">') == 2 * len(fields)
    assert "<fieldset>" not in render_html(
        RunResult.read({**two_classes, "metrics": {"val": {"accuracy": 0.9}}, "mistakes": {}})
    )


def test_a_mistake_is_shown_once_beside_its_heat_map_with_both_labels_and_its_confidence(two_classes: Document) -> None:
    page = render_html(RunResult.read(two_splits(two_classes)), pictures())
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert len(figures) == 4
    for figure in figures:
        assert re.findall(r"<small>(.*?)</small>", figure) == ["image", "Grad-CAM"]
        text = parsed(figure).text
        assert "true cat, predicted dog" in " ".join(text.split())
        assert "confidence 91.2%" in text
    text = parsed(page).text
    for split in ("val", "test"):
        assert [text.count(f"{split} {i}.jpg") for i in range(3)] == [1, 1, 1]
    assert "no heat map: no region supports this prediction" in render_html(RunResult.read(two_classes), pictures(None))
    assert "Grad-CAM" not in render_html(RunResult.read(two_classes))


def test_pictures_of_an_older_run_are_of_val(two_classes: Document) -> None:
    old = [{"name": "val 0.jpg", "file": PICTURE}]
    page = render_html(RunResult.read(two_splits(two_classes)), {"mistakes": old})
    assert len(re.findall("<figure>", page)) == 1


def test_the_lowest_f1_comes_first_and_a_class_without_images_last(thirty_classes: Document) -> None:
    figures = thirty_classes["metrics"]["val"]["per_class"]
    figures[thirty_classes["classes"][0]] = {"precision": None, "recall": None, "f1": None, "support": 0}
    rows = worst_first(RunResult.read(thirty_classes), "val")
    assert rows[-1].name == thirty_classes["classes"][0]
    values = [row.scores.f1 for row in rows[:-1]]
    assert values == sorted(values)


def test_a_page_is_small_of_many_epochs_classes_and_pictures(two_classes: Document) -> None:
    """Of a thousand epochs, five hundred classes and a picture for each mistake that is drawn."""
    names = [f"a class of some name {i}" for i in range(500)]
    scores = {name: {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2} for name in names}
    matrix = [[int(i == j) + int(j == (i + 1) % 500) for j in range(500)] for i in range(500)]
    metrics = {"val": {"accuracy": 0.5, "per_class": scores, "confusion_matrix": matrix}}
    photo = "data:image/jpeg;base64," + 16_000 * "A"
    shown = {"mistakes": [{"name": f"{i}", "file": photo, "heat": photo} for i in range(12)]}
    mistakes = {"val": [{"name": f"{i}", "true": "a", "predicted": "b"} for i in range(20)]}
    epochs = [{**two_classes["epochs"][0], "epoch": i} for i in range(1, 1001)]
    document = {**two_classes, "classes": names, "metrics": metrics, "mistakes": mistakes, "epochs": epochs}
    page = render_html(RunResult.read(document), shown)
    assert page.count("<figure>") == 12
    assert page.count('class="at"') <= 2 * 130
    assert len(page) < 1.5e6


def test_plots_take_the_colours_of_the_page(two_classes: Document) -> None:
    page = render_html(RunResult.read(two_classes))
    figures = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}", figures)) == set()
    assert {"var(--train)", "var(--val)", "var(--ink)", "var(--cell-right)"} <= set(
        re.findall(r"var\(--[\w-]+\)", figures)
    )


def test_the_same_result_makes_the_same_page(two_classes: Document) -> None:
    assert render_html(RunResult.read(two_classes)) == render_html(RunResult.read(two_classes))


NASTY = ["<script>alert(1)</script>", '$x^2$ & "quotes"', "[red]cat\x1b[31m"]


def test_names_are_never_markup(two_classes: Document) -> None:
    matrix = [[9, 1, 0], [0, 10, 0], [2, 0, 8]]
    figures = {name: {"precision": 0.9, "recall": 0.9, "f1": 0.9, "support": 10} for name in NASTY}
    two_classes |= {
        "run": NASTY[0],
        "classes": NASTY,
        "metrics": {"val": {"accuracy": 0.9, "confusion_matrix": matrix, "per_class": figures}},
        "mistakes": {"val": [{"name": NASTY[0], "true": NASTY[1], "predicted": NASTY[2], "confidence": 0.9}]},
        "notices": NASTY,
        "sections": [NASTY[:2]],
        "epochs": two_classes["epochs"][:2],
    }
    two_classes["job"]["dataset"]["root"] = NASTY[0]
    balance = parsed(render_html(RunResult.read(two_classes)))
    assert balance.seen.count("script") == 1
    assert "\x1b" not in balance.text
    for name in NASTY[:2]:
        assert name in balance.text
    assert balance.text.count("$x^2$") >= 4  # at the axes too: no formula was made of it


def test_many_classes_have_no_matrix_but_their_pairs(thirty_classes: Document) -> None:
    extra = [f"class {i}" for i in range(31)]
    matrix = [[9 if i == j else int(j == (i + 1) % 31) for j in range(31)] for i in range(31)]
    metrics = {"val": {"accuracy": 0.9, "confusion_matrix": matrix}}
    balance = parsed(render_html(RunResult.read({**thirty_classes, "classes": extra, "metrics": metrics})))
    assert balance.seen.count("svg") == 2
    assert "Most confused pairs" in balance.text


def test_a_run_without_metrics(cut_short: Document) -> None:
    balance = parsed(render_html(RunResult.read(cut_short)))
    assert "svg" not in balance.seen
    assert "zoo run --resume" in balance.text


def test_any_half_of_the_keys_may_be_missing(two_classes: Document) -> None:
    two_classes["epochs"] = [{"epoch": 1}, {"val": {"accuracy": 0.5}}]
    keys = sorted(two_classes)
    for gone in (keys, keys[::2], keys[1::2], keys[: len(keys) // 2], keys[len(keys) // 2 :]):
        parsed(render_html(RunResult.read({key: value for key, value in two_classes.items() if key not in gone})))


def test_a_folder_that_is_not_there_is_a_clear_error(two_classes: Document, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="can't be written"):
        write_report(RunResult.read(two_classes), tmp_path / "gone" / "report.html")


USE = """
const shown = () => [...document.querySelectorAll('#failures .panel')].map(each => getComputedStyle(each).display);
const table = document.querySelector('#failures table.sort');
const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
const found = { tabs: [shown()] };
document.getElementById('failures-2').click();
found.tabs.push(shown());
const head = table.tHead.querySelector('th');
found.sorted = [1, 2].map(() => { head.querySelector('button').click(); return [head.ariaSort, ...names()]; });
const strip = document.querySelector('#curves .at rect');
strip.dispatchEvent(new PointerEvent('pointermove', { bubbles: true }));
found.tip = document.querySelector('.tip').textContent;
found.copies = [...document.querySelectorAll('.copy')].map(each => each.ariaLabel);
document.title = JSON.stringify(found);
"""


def in_browser(page: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Chromium's document of a page, and its log."""
    (folder / "page.html").write_text(page, "utf-8")
    switches = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    more = "disable-component-update disable-sync enable-logging=stderr dump-dom"
    flags = [f"--{flag}" for flag in f"{switches} {more}".split()]
    command = ["chromium", *flags, f"--user-data-dir={folder / 'profile'}", f"file://{folder / 'page.html'}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_a_browser_shows_it_without_complaint(two_classes: Document, tmp_path: Path) -> None:
    done = in_browser(render_html(RunResult.read(two_classes)), tmp_path)
    assert "best: epoch 57" in done.stdout
    assert 'class="copy"' in done.stdout, "its policy lets its script run"
    assert "CONSOLE" not in done.stderr


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_tabs_sorted_tables_and_tips_in_a_browser(two_classes: Document, tmp_path: Path) -> None:
    page = render_html(RunResult.read(two_splits(two_classes)))
    page = re.sub(r"script-src '[^']*'", "script-src 'unsafe-inline'", page)
    done = in_browser(page.replace("</body>", f"<script>{USE}</script></body>"), tmp_path)
    found = json.loads(html.unescape(re.search(r"<title>(.*?)</title>", done.stdout)[1]))
    assert found["tabs"] == [["block", "none"], ["none", "block"]]
    assert found["sorted"] == [["ascending", "cat", "dog"], ["descending", "dog", "cat"]]
    assert found["tip"].startswith("epoch 1\ntrain ")
    assert "Copy zoo predict runs/simple_cnn-cats_dogs-1 photo.jpg" in found["copies"]
    assert "CONSOLE" not in done.stderr
