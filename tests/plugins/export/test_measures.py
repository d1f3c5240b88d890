"""zoo_export.measures: differences of values are in standard deviations, and so is what a coarser file loses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from zoo.engine.regression import RegressionTask
from zoo.engine.task import MULTI_LABEL, SINGLE_LABEL
from zoo_export.measures import DecisionMeasure, ValueMeasure, measure_of


def model(task: Any, **card: Any) -> Any:
    return SimpleNamespace(task=task, classes=["a", "b"], card=card)


@pytest.fixture
def values() -> ValueMeasure:
    return ValueMeasure(model(RegressionTask([0.0, 100.0], [1.0, 50.0])))


def test_a_task_has_its_measure():
    assert isinstance(measure_of(model(RegressionTask())), ValueMeasure)
    assert isinstance(measure_of(model(SINGLE_LABEL)), DecisionMeasure)


def test_values_differ_in_standard_deviations(values):
    wanted = torch.tensor([[0.0, 100.0], [1.0, 90.0]])
    found = values.compare(wanted, wanted + torch.tensor([[0.0, 5.0], [0.0, 0.0]]))
    assert found == {"images": 2, "largest_difference": pytest.approx(0.1), "unit": "standard deviations"}
    said = values.difference(found)
    assert said is not None
    assert "values off by up to 0.1 standard deviations (allowed: less than 0.001)" in said
    assert values.difference(values.compare(wanted, wanted + 5e-4)) is None


def test_a_value_that_is_not_finite_differs(values):
    wanted = torch.zeros(2, 2)
    assert values.difference(values.compare(wanted, torch.full((2, 2), torch.nan))) is not None


def test_the_loss_of_values_is_the_rise_of_their_error_in_standard_deviations(values):
    labels = [[0.0, 100.0], [0.0, 100.0]]
    before, after = torch.tensor([[0.1, 100.0]] * 2), torch.tensor([[0.3, 110.0]] * 2)
    assert values.scored(before, labels) == pytest.approx(0.05)
    assert values.scored(after, labels) == pytest.approx(5.15)
    assert values.loss(before, after, labels) == pytest.approx((0.2 / 1 + 10 / 50) / 2)
    assert values.loss(after, before, labels) < 0


def test_decisions_of_several_labels_use_their_thresholds():
    measure = DecisionMeasure(model(MULTI_LABEL, thresholds=[0.2, 0.9]))
    probs = torch.tensor([[0.3, 0.8], [0.1, 0.95]])
    assert measure.decide(probs).tolist() == [[True, False], [False, True]]
    assert measure.scored(probs, [[1.0, 0.0], [1.0, 1.0]]) == 0.5
    found = measure.compare(probs, torch.tensor([[0.1, 0.8], [0.1, 0.95]]))
    assert (found["disagreements"], found["largest_difference"]) == (1, pytest.approx(0.2))
    assert "1 of 2 validation images" in str(measure.difference(found))
