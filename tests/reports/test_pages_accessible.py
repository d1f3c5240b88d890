"""Pages without a serious finding of axe-core, in light and dark, on a screen and on a phone.

axe-core is a script from npm: ``npm install axe-core``, then ``ZOO_TEST_AXE=node_modules/axe-core/axe.min.js``. Without
it, or without Chromium, these tests are skipped.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.reports.compare_page import render_comparison
from zoo.reports.html import render_html
from zoo.runner.run_result import RunResult

Document = dict[str, Any]
AXE = Path(os.environ.get("ZOO_TEST_AXE", "node_modules/axe-core/axe.min.js")).absolute()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here"),
    pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: set ZOO_TEST_AXE to its axe.min.js"),
]
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
RUN = """
const done = found => parent.postMessage(JSON.stringify(found), '*');
document.querySelectorAll('details').forEach(each => { each.open = true; });
const dark = matchMedia('(prefers-color-scheme: dark)').matches;
const short = each => [each.impact, each.id, each.nodes.map(node => node.target.join(' '))];
axe.run().then(
  found => done({width: innerWidth, dark, passes: found.passes.length, violations: found.violations.map(short)}),
  error => done(String(error)),
);
"""


FRAME = """<!doctype html><meta name="color-scheme" content="light dark"><body>
<script>onmessage = event => { document.body.textContent = event.data; };</script>
<iframe src="page.html" width="WIDTH" height="900" style="border: 0"></iframe></body>"""
"""Chromium's window is never as narrow as a phone; a frame in it is."""


@pytest.fixture
def report(two_classes: Document) -> str:
    val = two_classes["metrics"]["val"]
    bins = [{"images": 40, "confidence": 0.9, "accuracy": 0.8}, {"images": 60, "confidence": 0.97, "accuracy": 0.95}]
    val["intervals"] = {"accuracy": [0.89, 0.93], "loss": [0.2, 0.25]}
    val["baseline"] = {"answer": "cat", "accuracy": 0.5}
    val["calibration"] = {"ece": 0.08, "reliability": bins}
    two_classes["metrics"]["test"] = dict(val)
    shown = [{"name": m["name"], "file": PIXEL, "heat": PIXEL} for m in two_classes["mistakes"]["val"][:4]]
    augmented = [{"name": "one.jpg", "file": PIXEL}]
    return render_html(RunResult.read(two_classes), {"mistakes": shown, "augmented": augmented})


@pytest.fixture
def comparison() -> str:
    def row(run: str, p: float) -> Document:
        figures = {
            "difference": 0.1,
            "interval": [0.05, 0.15],
            "p": p,
            "p_holm": p,
            "test": "t",
            "significant": p < 0.05,
        }
        counts = {"both_right": 880, "only_first": 20, "only_second": 41, "both_wrong": 59}
        images = {"only_first": ["a.jpg"], "only_second": ["b.jpg"]}
        metrics = {"accuracy": figures, "log_loss": figures}
        return {"run": run, "against": "base", "verdict": run, "counts": counts, "metrics": metrics, **images}

    runs = [{"run": name, "metrics": {"accuracy": 0.9, "log_loss": 0.3}} for name in ("base", "one", "two")]
    found = {"split": "val", "images": 1000, "runs": runs, "comparisons": [row("one", 0.01), row("two", 0.6)]}
    return render_comparison(found)


@pytest.fixture
def findings(tmp_path: Path) -> Callable[[str, int, bool], Document]:
    """What axe finds on a page of this width, in the dark or not."""

    def found(page: str, width: int, dark: bool) -> Document:
        page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        scripts = f'<script src="{AXE.as_uri()}"></script><script>{RUN}</script>'
        (tmp_path / "page.html").write_text(page.replace("</body>", f"{scripts}</body>"), "utf-8")
        flags = ["headless", "no-sandbox", "disable-gpu", "dump-dom", "virtual-time-budget=60000"]
        (tmp_path / "frame.html").write_text(FRAME.replace("WIDTH", str(width)), "utf-8")
        flags += ["window-size=1400,1000", f"blink-settings=preferredColorScheme={0 if dark else 1}"]
        place = [f"--user-data-dir={tmp_path / 'profile'}", f"file://{tmp_path / 'frame.html'}"]
        command = ["chromium", *(f"--{flag}" for flag in flags), *place]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
        return json.loads(html.unescape(re.search(r"<body[^>]*>(.*)</body>", done.stdout, re.DOTALL)[1]))

    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("page", ["report", "comparison"])
def test_axe_finds_nothing_serious(page, width, dark, findings, request):
    found = findings(request.getfixturevalue(page), width, dark)
    assert (found["width"], found["dark"]) == (width, dark)
    assert found["passes"] > 20
    assert [each for each in found["violations"] if each[0] in ("serious", "critical")] == []


def test_it_notices_letters_that_are_too_pale(report, findings):
    found = findings(report.replace("--soft: #5d6778", "--soft: #c0c4cc"), 1200, False)
    assert "color-contrast" in [each[1] for each in found["violations"]]
