"""The page: whole in one file, nothing in it taken for markup, nothing fetched, and a browser is content with it."""

from __future__ import annotations

import html.parser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import OutputError
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
    assert not {"script", "link", "img", "iframe"} & set(balance.seen)
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
    assert "zoo run runs/simple_cnn-cats_dogs-1/job.yaml" in balance.text
    assert "prefers-color-scheme: dark" in page
    assert len(balance.ids) == len(set(balance.ids))


def test_plots_take_the_colours_of_the_page(two_classes: Document) -> None:
    page = render_html(RunResult.read(two_classes))
    figures = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}", figures)) == set()
    assert {"var(--train)", "var(--val)", "var(--ink)", "var(--right)"} <= set(re.findall(r"var\(--\w+\)", figures))


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
    assert "script" not in balance.seen
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
    assert "Confused most" in balance.text


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


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_a_browser_shows_it_without_complaint(two_classes: Document, tmp_path: Path) -> None:
    write_report(RunResult.read(two_classes), tmp_path / "report.html")
    switches = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    more = "disable-component-update disable-sync enable-logging=stderr dump-dom"
    flags = [f"--{flag}" for flag in f"{switches} {more}".split()]
    command = ["chromium", *flags, f"--user-data-dir={tmp_path / 'profile'}", f"file://{tmp_path / 'report.html'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "best: epoch 57" in done.stdout
    assert "CONSOLE" not in done.stderr
