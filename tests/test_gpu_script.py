"""tests/gpu/run.sh on the CPU at tiny sizes: its own code works, and its results become the tables of a page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STEPS = ("machine", "tests", "training", "simple_cnn", "race")


@pytest.mark.slow
def test_the_script_for_a_gpu_runs_on_the_cpu_and_fills_the_page(tmp_path: Path):
    out = tmp_path / "out"
    given = {"OUT": str(out), "ZOO_GPU_DEVICE": "cpu", "PYTHON": sys.executable, "ZOO_GPU_WORKERS": "1"}
    done = subprocess.run(
        ["bash", str(ROOT / "tests/gpu/run.sh"), *STEPS],
        env={**os.environ, **given, "ZOO_GPU_TEST_S": "120"},
        capture_output=True,
        text=True,
        timeout=480,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((out / "results.json").read_text("utf-8"))
    assert {name: found[name]["status"] for name in STEPS} == dict.fromkeys(STEPS, "ok"), done.stdout
    page = tmp_path / "page.md"
    marks = ("<!-- made from results.json of tests/gpu/run.sh -->\n", "<!-- end -->")
    page.write_text(f"before\n{marks[0]}old\n{marks[1]}\nafter\n", "utf-8")
    record = ROOT / "tests/gpu/record.py"
    subprocess.run([sys.executable, record, "page", out / "results.json", page], check=True)
    text = page.read_text("utf-8")
    assert text.startswith(f"before\n{marks[0]}")
    assert text.endswith(f"{marks[1]}\nafter\n")
    assert "old" not in text
    assert "| training | zoo, resident | " in text
    assert "| race | by hand | " in text
    assert text.count(marks[0]) == (ROOT / "docs/results.md").read_text("utf-8").count(marks[0]) == 1
