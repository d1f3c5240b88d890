"""Reports of a check of the data: what is left out, in words, and the page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from PIL import Image

from zoo_data_check import page as check_page
from zoo_data_check.page import render_check
from zoo_data_check.report import left_out_words


def test_one_is_not_several() -> None:
    left_out = {"near": 1, "exact": 2, "conflict": 1, "suspect": 1, "unreadable": 1}
    fixed = {"path": "clean.csv", "kept": 2000, "splits": {"train": 2000}, "left_out": left_out}
    assert left_out_words(fixed) == (
        "clean.csv: 2,000 images (2,000 train); left out: 1 near duplicate, 2 exact duplicates, 1 under two labels, "
        "1 suspect, 1 unreadable"
    )


def image(name: str, split: str = "train", label: str = "cats", **more: Any) -> dict[str, Any]:
    return {"name": name, "split": split, "label": label, **more}


def finding(kind: str, severity: str, items: list[dict[str, Any]], count: int | None = None) -> dict[str, Any]:
    found = {"kind": kind, "severity": severity, "count": len(items) if count is None else count}
    return {**found, "summary": f"{kind}.", "next": "", "items": items}


PAIR = [image("/data/train/cats/one.jpg"), image("/data/val/dogs/two.jpg", "val", "dogs")]
FINDINGS = [
    finding("leaks", "error", [{"items": PAIR, "exact": False, "alike": 0.913}]),
    finding("label_suspects", "warning", [image("/data/train/cats/odd.jpg", looks_like="dogs")]),
    finding("imbalance", "warning", [image("cats", images=300), image("dogs", label="dogs", images=100)]),
    finding("missing_classes", "warning", [image("birds", "val", "birds")]),
]


def document(findings: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    splits = {"train": {"images": 548}, "val": {"images": 1516}}
    found = {"dataset": "./my photos", "source": None, "splits": splits, "features": {"from": "patches"}}
    return {**found, "seconds": 3.0, "notices": [], "findings": findings, "data": None, **more}


def shown(findings: list[dict[str, Any]], **more: Any) -> str:
    return render_check(document(findings, **more), lambda item: Image.new("RGB", (640, 480)))


def test_the_page_begins_with_the_sentence_and_what_to_type():
    page = shown(FINDINGS)
    assert "1 error and 3 warnings in 548 train and 1,516 val images." in page
    commands = re.findall(r"<pre>(.*?)</pre>", page)
    assert commands == ["zoo data check &#39;./my photos&#39; --fix clean.csv", "zoo run simple_cnn clean.csv"]
    fix = {"path": "good.csv", "kept": 9, "splits": {"train": 9}, "left_out": {}}
    assert re.findall(r"<pre>(.*?)</pre>", shown(FINDINGS, fix=fix)) == ["zoo run simple_cnn good.csv"]


def test_without_a_finding_the_page_says_what_to_type():
    page = shown([])
    assert "Nothing was found" in page
    assert re.findall(r"<pre>(.*?)</pre>", page) == ["zoo run simple_cnn &#39;./my photos&#39;"]
    assert "<fieldset" not in page


def test_thumbnails_have_160_pixels_and_the_name_of_the_file():
    page = shown(FINDINGS)
    assert page.count('width="160" height="120" alt="one.jpg"') == 1
    assert '<span title="/data/train/cats/one.jpg">one.jpg</span>' in page
    assert '<span class="chip">cats</span><span class="chip">train</span>' in page
    assert "looks like dogs" in page


def test_duplicates_are_side_by_side():
    pair = re.search(r'<div class="alike">.*?</div>', shown(FINDINGS), re.DOTALL)[0]
    assert "91% alike" in pair
    assert re.findall(r'alt="(\w+\.jpg)"', pair) == ["one.jpg", "two.jpg"]


def test_counts_of_classes_are_bars_and_missing_classes_words():
    page = shown(FINDINGS)
    assert re.search(r'<th class="name" scope="row">dogs</th>.*?width: 33\.3%.*?>100<', page, re.DOTALL)
    assert '<span class="chip">birds</span>' in page


def test_each_kind_of_finding_has_its_filter():
    page = shown(FINDINGS)
    kinds = [found["kind"] for found in FINDINGS]
    assert re.findall(r'<input type="radio" name="only" id="only-(\w+)"', page) == ["all", *kinds]
    for kind in kinds:
        assert f"main:has(#only-{kind}:checked) .finding:not(.is-{kind})" in page
        assert f'<section class="finding is-{kind}">' in page


def test_what_is_too_much_is_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(check_page, "SINGLES", 2)
    page = shown([finding("blank", "warning", [image(f"{i}.jpg") for i in range(5)])])
    assert page.count("<figure") == 2
    assert "and 3 more" in page
