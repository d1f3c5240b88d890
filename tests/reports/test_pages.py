"""Pages of one file: their parts, what a browser may do with them, and charts whose values are shown on hover."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zoo.reports.kit.pages import hover_parts, page_of, policy_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.parametrize("package", ["zoo_dashboard", "zoo_serve"])
def test_a_page_is_one_file_with_the_look_of_all(package: str):
    page = page_of(package)
    assert not re.findall(r"/\* \S+\.(?:css|js) \*/", page), "every part is put in its place"
    for part in ("body { margin: 0;", ".empty {", ":focus-visible {"):
        assert part in page
    assert page.count("<style>") == page.count("<script>") == 1
    for kind, content in re.findall(r"<(style|script)>(.*?)</\1>", page, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy_for(page)


def test_the_script_of_charts_is_allowed_by_its_hash_alone():
    parts = hover_parts()
    digest = base64.b64encode(hashlib.sha256(parts["hover"].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in parts["policy"]
    assert parts["policy"].startswith("default-src 'none'; ")
    assert "script-src 'unsafe" not in parts["policy"]


CHART = """<!doctype html><meta http-equiv="Content-Security-Policy" content="{policy}"><title>a</title>
<style>.chart {{ position: relative; width: 200px; }} 
.tip {{ position: absolute; pointer-events: none; margin: 0; }}</style>
<body style="margin: 0"><div class="chart" role="img" aria-label="values">
<svg viewBox="0 0 200 100" width="200" height="100">
<polyline points="0,90 100,90 200,90" fill="none" stroke="red"><title>the line</title></polyline>
<circle cx="50" cy="20" r="5"><title>first &lt;b&gt;</title></circle>
<circle cx="150" cy="20" r="5"><title>second</title></circle>
</svg></div><script>{hover}</script>"""


@pytest.fixture
def chart(tmp_path: Path) -> Iterator[Any]:
    """A page with a chart in a browser."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium")
    (tmp_path / "page.html").write_text(CHART.format(**hover_parts()), "utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        yield page
        browser.close()


@pytest.mark.slow
def test_the_nearest_mark_is_named_beside_the_pointer(chart: Any):
    tip = chart.locator(".tip")
    for at, words in (((55, 25), "first <b>"), ((145, 12), "second"), ((70, 86), "the line")):
        chart.mouse.move(*at)
        assert tip.inner_text() == words
        assert chart.locator(".near").count() == 1
    chart.mouse.move(100, 50)
    assert tip.is_hidden()


@pytest.mark.slow
def test_arrow_keys_go_from_mark_to_mark(chart: Any):
    slider = chart.get_by_role("slider", name="values")
    slider.focus()
    for key, words in (("ArrowRight", "the line"), ("End", "second"), ("ArrowLeft", "first <b>"), ("Home", "the line")):
        chart.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext") == words
        assert chart.locator(".tip").inner_text() == words
    chart.keyboard.press("Escape")
    assert chart.locator(".tip").is_hidden()
