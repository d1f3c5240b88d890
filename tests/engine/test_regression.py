"""The regression task: scale, scores, intervals and the largest errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from torch.nn.functional import mse_loss

from zoo.engine.evaluate import Answers, evaluate_logits
from zoo.engine.final import final_numbers
from zoo.engine.regression import RegressionTask, value_scores
from zoo.engine.task import task_of_card
from zoo.engine.totals import Totals


def data(images: int = 200, outputs: int = 1, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(seed)
    targets = 50 + 10 * torch.randn(images, outputs, generator=made)
    return targets + 3 * torch.randn(images, outputs, generator=made), targets


@given(seed=st.integers(0, 1000), levels=st.sampled_from([2, 5, 1000]))
@settings(max_examples=30, deadline=None)
def test_scores_are_those_of_scikit_learn_and_scipy(seed: int, levels: int):
    made = np.random.default_rng(seed)
    real = made.integers(0, levels, 40).astype(float)  # with ties
    given_ = real + made.integers(-2, 3, 40)
    found = value_scores(torch.from_numpy(given_), torch.from_numpy(real))
    assert found["mae"] == pytest.approx(mean_absolute_error(real, given_))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(real, given_))
    assert found["r2"] == pytest.approx(r2_score(real, given_))
    assert found["spearman"] == pytest.approx(spearmanr(real, given_).statistic)


def test_targets_that_never_vary_have_no_correlation_and_no_r2():
    found = value_scores(torch.arange(4.0).double(), torch.ones(4).double())
    assert (found["r2"], found["spearman"]) == (0.0, 0.0)


@given(seed=st.integers(0, 100), scale=st.sampled_from([1e-3, 1.0, 1e6]), shift=st.sampled_from([0.0, 1e4]))
@settings(max_examples=30, deadline=None)
def test_reading_undoes_standardising(seed: int, scale: float, shift: float):
    labels = scale * np.random.default_rng(seed).normal(size=(30, 2)) + shift
    task = RegressionTask().fitted(labels)
    targets = torch.from_numpy(task.standardise(labels)).float()
    assert targets.mean(dim=0).abs().max() < 1e-5
    torch.testing.assert_close(
        task.read_targets(targets).double(), torch.from_numpy(labels), rtol=1e-6, atol=1e-6 * scale + 1e-6 * shift
    )
    again = task_of_card({"task": "regression", "outputs": task.card()})
    assert torch.equal(again.read(targets), task.read(targets))


def test_a_constant_value_keeps_its_scale():
    assert RegressionTask().fitted(np.full((3, 1), 7.0)).card() == {"mean": [7.0], "std": [1.0]}


def test_numbers_are_in_the_unit_of_the_data_and_the_loss_in_standard_deviations():
    values, real = data()
    task = RegressionTask().fitted(real.numpy())
    outputs, targets = (torch.from_numpy(task.standardise(some.numpy())).float() for some in (values, real))
    found = evaluate_logits(outputs, targets, mse_loss, ["age"], task=task)
    assert found["mae"] == pytest.approx(float((values - real).abs().mean()), rel=1e-4)
    assert found["loss"] == pytest.approx(float((values - real).square().mean()) / task.stds[0] ** 2, rel=1e-4)
    beside, worst = final_numbers(Answers(outputs, targets), mse_loss, [f"{i}" for i in range(200)], ["age"], task=task)
    for name, (low, high) in beside["intervals"].items():
        assert low < found[name] < high
    assert beside["intervals"].keys() == {"loss", "mae", "rmse", "r2", "spearman"}
    assert "calibration" not in beside
    median = float(np.median(real.numpy()))
    assert beside["baseline"]["answer"] == pytest.approx(median, rel=1e-5)
    assert beside["baseline"]["mae"] == pytest.approx(float((real - median).abs().mean()), rel=1e-4)
    largest = int((values - real).abs().argmax())
    assert worst[0]["name"] == str(largest)
    assert worst[0]["error"] == pytest.approx(float((values - real)[largest, 0]), rel=1e-3)


def test_several_values_are_scored_each_and_on_average():
    values, real = data(outputs=2)
    found = RegressionTask([0, 0], [1, 1]).numbers(values, real, ["x", "y"])
    assert found["per_output"].keys() == {"x", "y"}
    assert found["mae"] == pytest.approx((found["per_output"]["x"]["mae"] + found["per_output"]["y"]["mae"]) / 2)


def test_a_training_epoch_averages_the_absolute_error():
    task = RegressionTask([10.0], [2.0])
    totals = Totals(torch.device("cpu"), task)
    totals.add(torch.tensor(0.0), torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0], [0.0]]))
    totals.add(torch.tensor(0.0), torch.tensor([[3.0]]), torch.tensor([[0.0]]))
    assert totals.score == ("mae", pytest.approx((2 + 0 + 6) / 3))
    assert np.isnan(totals.accuracy)
    assert totals.copy().score == totals.score


def test_quantiles_give_the_median_and_their_ends():
    task = RegressionTask([10.0], [2.0], {"kind": "quantiles", "levels": [0.1, 0.5, 0.9]})
    outputs = torch.tensor([[-1.0, 0.0, 2.0]])
    assert task.read(outputs).tolist() == [[10.0]]
    low, high = task.ends(outputs)
    assert (low.tolist(), high.tolist()) == ([[8.0]], [[14.0]])
    assert RegressionTask([10.0], [2.0]).ends(outputs[:, :1]) is None
