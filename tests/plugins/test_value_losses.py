"""Losses of values against torch.nn.functional, scikit-learn, and formulas written out here."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss
from torch import Tensor, nn

from zoo_losses.losses import MSE
from zoo_losses.values import L1, Huber, Quantile

VARIANTS = {"mse": MSE(regression=True), "l1": L1(), "huber": Huber(), "a narrow huber": Huber(0.1)}
every_loss = pytest.mark.parametrize("loss", VARIANTS.values(), ids=VARIANTS.keys())


def batch(n: int = 12, k: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, k, generator=generator), torch.randn(n, k, generator=generator)


@given(st.integers(1, 20), st.integers(1, 4), st.floats(0.1, 3), st.integers(0, 2**20))
@settings(max_examples=20, deadline=None)
def test_they_are_torchs(n: int, k: int, delta: float, seed: int):
    outputs, targets = batch(n, k, seed)
    torch.testing.assert_close(MSE(regression=True)(outputs, targets), F.mse_loss(outputs, targets))
    torch.testing.assert_close(L1()(outputs, targets), F.l1_loss(outputs, targets))
    torch.testing.assert_close(Huber(delta)(outputs, targets), F.huber_loss(outputs, targets, delta=delta))


@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 2**20))
@settings(max_examples=20, deadline=None)
def test_the_pinball_loss_is_scikit_learns(n: int, k: int, seed: int):
    levels = (0.05, 0.5, 0.9)
    outputs = 2 * torch.randn(n, 3 * k, generator=torch.Generator().manual_seed(seed))
    targets = batch(n, k, seed)[1]
    each = outputs.view(n, k, 3)
    expected = [mean_pinball_loss(targets, each[:, :, i], alpha=level) for i, level in enumerate(levels)]
    assert float(Quantile(levels)(outputs, targets)) == pytest.approx(sum(expected) / 3, rel=1e-5)


def test_the_pinball_loss_of_the_median_is_half_the_absolute_error():
    outputs, targets = batch()
    torch.testing.assert_close(2 * Quantile((0.5,))(outputs, targets), L1()(outputs, targets))


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_the_best_constant_is_the_quantile(level: float):
    values = torch.arange(101.0)[:, None]
    losses = [float(Quantile((level,))(torch.full((101, 1), float(c)), values)) for c in range(101)]
    assert losses.index(min(losses)) == pytest.approx(100 * level, abs=1)


def test_a_huge_error_weighs_less_in_huber_and_l1():
    outputs, targets = torch.tensor([[0.0], [100.0]]), torch.zeros(2, 1)
    assert float(Huber(1.0)(outputs, targets)) == pytest.approx((100 - 0.5) / 2)
    assert float(L1()(outputs, targets)) == 50
    assert float(MSE(regression=True)(outputs, targets)) == 5000


@every_loss
def test_outputs_and_targets_of_other_shapes_are_refused_with_both(loss: nn.Module):
    """Torch would broadcast (4,) against (4, 1) to (4, 4)."""
    with pytest.raises(ValueError, match=r"\(4,\).*\(4, 1\)"):
        loss(torch.zeros(4, 1), torch.zeros(4))


def test_quantiles_of_another_number_of_values_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(4, 2\)"):
        Quantile()(torch.zeros(4, 6), torch.zeros(4, 3))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Huber(0.0), "delta is 0.0"),
        (lambda: Huber(math.inf), "delta is inf"),
        (lambda: Huber(math.nan), "delta is nan"),
        (lambda: Quantile(()), "increasing numbers between 0 and 1"),
        (lambda: Quantile((0.0, 0.5)), "increasing numbers between 0 and 1"),
        (lambda: Quantile((0.5, 0.5)), "increasing numbers between 0 and 1"),
        (lambda: Quantile((0.9, 0.1)), "increasing numbers between 0 and 1"),
        (lambda: Quantile((0.5, math.nan)), "increasing numbers between 0 and 1"),
        (lambda: Quantile.link([1.5]), "increasing numbers between 0 and 1"),
    ],
)
def test_values_out_of_bounds_are_refused(build: Any, message: str):
    with pytest.raises(ValueError, match=message):
        build()


def test_the_link_of_quantiles_has_their_levels():
    assert Quantile.link() == {"kind": "quantiles", "levels": [0.05, 0.5, 0.95]}
    assert Quantile.link(quantiles=[0.25, 0.75]) == {"kind": "quantiles", "levels": [0.25, 0.75]}
