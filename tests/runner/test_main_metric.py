"""The number that stands for a result."""

from __future__ import annotations

import math

import pytest

from zoo.runner.main_metric import ACCURACY, ERROR, main_metric, main_metric_of, value_text
from zoo.runner.measurements import EpochScores
from zoo.runner.run_result import RunResult


@pytest.mark.parametrize(
    ("task", "key", "name", "higher"),
    [
        (None, "accuracy", "accuracy", True),
        ("single-label", "accuracy", "accuracy", True),
        ("ordinal", "accuracy", "accuracy", True),
        ("multi-label", "accuracy", "exact match", True),
        ("regression", "mae", "MAE", False),
    ],
)
def test_each_task_has_its_main_metric(task: str | None, key: str, name: str, higher: bool) -> None:
    metric = main_metric(task)
    assert (metric.key, metric.name, metric.higher) == (key, name, higher)


def test_scores_without_a_task_are_known_by_what_they_have() -> None:
    assert main_metric_of(EpochScores.read({"loss": 1.0})) is ACCURACY
    assert main_metric_of(EpochScores.read({"accuracy": 0.5, "mae": 2.0})) is ACCURACY  # a metric of the job
    assert main_metric_of(EpochScores.read({"mae": 2.0})) is ERROR


def test_an_accuracy_is_a_share_and_an_error_is_not() -> None:
    assert ACCURACY.text(0.97213) == "97.2%"
    assert ACCURACY.span((0.951, 0.98)) == "95.1–98.0%"
    assert ERROR.text(0.78612) == "0.7861"
    assert ERROR.span((0.6349, 23456.7)) == "0.6349–23,457"
    assert {metric.text(value) for metric in (ACCURACY, ERROR) for value in (None, math.nan)} == {"–"}
    assert (ACCURACY.title, ERROR.title, main_metric("multi-label").title) == ("Accuracy", "MAE", "Exact match")


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (4.5, "4.5"), (-0.012345, "-0.01235"), (9999.4, "9999"), (1234567.0, "1,234,567")]
)
def test_a_value_has_four_digits_or_all_before_the_point(value: float, text: str) -> None:
    assert value_text(value) == text


def test_a_result_names_its_main_metric(regression_result: dict, ordinal_result: dict) -> None:
    assert RunResult.read(regression_result).brief == "runs/regression: completed, val MAE 0.6943"
    assert RunResult.read(ordinal_result).brief == "runs/ordinal: completed, val accuracy 98.6%"
