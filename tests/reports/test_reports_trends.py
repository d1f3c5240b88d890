"""Whether an accuracy still rises: by the end of the training, not by what came before."""

from __future__ import annotations

import pytest

from zoo.reports.trends import rising
from zoo.runner.run_result import RunResult


@pytest.mark.parametrize(
    ("accuracies", "still"),
    [
        ([0.5], True),
        ([0.5, 0.6, 0.7, 0.8], True),
        ([0.5 + 0.01 * i for i in range(40)], True),
        ([0.5 + 0.02 * i for i in range(25)] + [1.0] * 15, False),  # all right for long: nothing is left to rise
        ([0.8] * 40, False),
        ([], False),
    ],
)
def test_an_accuracy_rises_if_its_end_is_above_what_came_just_before(accuracies: list[float], still: bool):
    epochs = [{"epoch": i, "val": {"accuracy": value}} for i, value in enumerate(accuracies, start=1)]
    assert rising(RunResult.read({"epochs": epochs})) is still
