"""Metrics of values and of ordered classes against scikit-learn and SciPy, and against the numbers of an evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as sk
import torch
from torch import Tensor

from zoo.engine.ordinal_scores import mean_rank_error, quadratic_weighted_kappa
from zoo.engine.regression import RegressionTask
from zoo.engine.scores import confusion_matrix
from zoo_metrics import metrics, plugin


def batch(n: int = 40, k: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    targets = 5 + torch.randn(n, k, generator=generator).round(decimals=1)  # with ties
    return (targets + torch.randn(n, k, generator=generator)).round(decimals=1), targets


def value(name: str, predictions: Tensor, targets: Tensor, *sizes: int) -> float:
    metric: Any = getattr(metrics, name)(predictions.shape[1])
    for some, real in zip(predictions.split(list(sizes) or 1000), targets.split(list(sizes) or 1000), strict=True):
        metric.update(some, real)
    return float(metric.compute())


def lin(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * np.cov(one, other, bias=True)[0, 1] / (one.var() + other.var() + (one.mean() - other.mean()) ** 2))


REFERENCES: dict[str, Any] = {
    "mae": lambda p, t: sk.mean_absolute_error(t, p),
    "rmse": lambda p, t: sk.root_mean_squared_error(t, p),
    "mape": lambda p, t: sk.mean_absolute_percentage_error(t, p),
    "r2": lambda p, t: sk.r2_score(t, p),
    "explained_variance": lambda p, t: sk.explained_variance_score(t, p),
    "pearson": lambda p, t: scipy.stats.pearsonr(p, t).statistic,
    "spearman": lambda p, t: scipy.stats.spearmanr(p, t).statistic,
    "concordance": lin,
}


def test_the_plugin_has_a_reference_for_each():
    assert {each.name for each in plugin.OF_VALUES} == set(REFERENCES)


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("k", [1, 3])
def test_it_is_the_mean_of_the_references(name: str, k: int):
    predictions, targets = batch(k=k)
    each = [REFERENCES[name](predictions[:, i].double().numpy(), targets[:, i].double().numpy()) for i in range(k)]
    assert value(name, predictions, targets) == pytest.approx(
        np.mean(each), rel=1e-3 if name == "concordance" else 1e-5
    )


@pytest.mark.parametrize("name", REFERENCES)
def test_it_does_not_depend_on_the_batches(name: str):
    predictions, targets = batch()
    assert value(name, predictions, targets, 1, 9, 30) == value(name, predictions, targets)


@pytest.mark.parametrize("name", ["mae", "rmse", "r2", "spearman"])
def test_it_is_the_number_of_every_evaluation(name: str):
    predictions, targets = batch(k=2)
    found = RegressionTask().numbers(predictions, targets, ["x", "y"])
    assert value(name, predictions, targets) == pytest.approx(found[name], rel=1e-5)


@pytest.mark.parametrize("name", ["r2", "explained_variance", "pearson", "spearman", "concordance"])
def test_without_spread_it_is_zero(name: str, recwarn: pytest.WarningsRecorder):
    _, targets = batch()
    assert value(name, targets, torch.ones_like(targets)) == 0
    assert value(name, targets[:1], targets[:1]) == 0
    assert not recwarn.list


def test_other_shapes_are_refused_with_both():
    with pytest.raises(ValueError, match=r"\(4, 1\).*\(4,\).*\(N, 1\)"):
        metrics.mae(1).update(torch.zeros(4, 1), torch.zeros(4))


# -- ordered classes ----------------------------------------------------------------------------------


def ranks(n: int = 60, k: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, k, generator=generator), torch.randint(0, k, (n,), generator=generator)


def test_kappa_is_scikit_learns_and_that_of_every_evaluation():
    logits, targets = ranks()
    expected = sk.cohen_kappa_score(targets, logits.argmax(1), weights="quadratic")
    assert value("qwk", logits, targets, 7, 53) == pytest.approx(expected, rel=1e-5)
    matrix = confusion_matrix(targets, logits.argmax(1), 4)
    assert quadratic_weighted_kappa(torch.as_tensor(matrix)) == pytest.approx(expected, rel=1e-5)


def test_the_error_in_ranks_is_the_mean_difference():
    logits, targets = ranks()
    expected = float((logits.argmax(1) - targets).abs().double().mean())
    assert value("mae_ranks", logits, targets, 7, 53) == pytest.approx(expected)
    assert mean_rank_error(torch.as_tensor(confusion_matrix(targets, logits.argmax(1), 4))) == pytest.approx(expected)


def test_farther_ranks_cost_more():
    targets = torch.arange(4)
    near, far = (torch.nn.functional.one_hot((targets + shift).clamp(0, 3), 4).float() for shift in (1, 3))
    assert value("mae_ranks", near, targets) < value("mae_ranks", far, targets)
    assert value("qwk", near, targets) > value("qwk", far, targets)
