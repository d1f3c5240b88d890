"""The table of ``zoo runs threshold``."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from zoo_threshold.figures import ChosenThreshold, ClassFigures, ThresholdFigures
from zoo_threshold.report import thresholds_table


@pytest.mark.parametrize("below", [0.8321, {"cat": 0.7, "dog": 1.01}])
def test_a_threshold_as_a_table(below):
    rows = {
        "cat": ClassFigures(below=0.7, answered=700, precision=0.95, recall=0.8),
        "dog": ClassFigures(below=1.01, answered=0, precision=None, recall=0.0),
    }
    found = ThresholdFigures(
        images=1000, answered=700, share=0.7, precision=0.95, interval=[0.93, 0.97], accuracy=0.9, per_class=rows
    )
    console = Console(file=io.StringIO(), width=80)
    console.print(
        thresholds_table(ChosenThreshold("r", "runs/r", {"precision": 0.95}, below, {"val": found}, kept=False))
    )
    text = console.file.getvalue()
    assert "700 (70.0%)" in text
    assert "93.0–97.0%" in text
    if isinstance(below, dict):
        assert "never predicted" in text
        assert "--keep" in text
    else:
        assert "zoo predict runs/r IMAGE --reject-below 0.8321" in text
    assert max(map(len, text.splitlines())) <= 80
