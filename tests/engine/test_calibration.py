"""Temperature scaling, the calibration error, and familiarity."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy, one_hot

from zoo.engine.calibration import (
    calibrate,
    calibration_error,
    calibration_numbers,
    familiarity,
    fit_temperature,
    reliability,
)


def honest(images: int = 4000, classes: int = 5, spread: float = 2.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits whose softmax is the very chance of each class."""
    made = torch.Generator().manual_seed(0)
    logits = spread * torch.randn(images, classes, generator=made)
    return logits, torch.multinomial(logits.softmax(dim=1), 1, generator=made)[:, 0]


@pytest.mark.parametrize("heat", [0.3, 1.0, 2.5, 6.0])
def test_a_planted_temperature_is_found(heat):
    logits, targets = honest()
    assert fit_temperature(logits * heat, targets) == pytest.approx(heat, rel=0.06)


def test_it_is_the_minimum_that_scipy_finds():
    logits, targets = honest(500)
    logits = logits * 3
    slip = 1 / 502
    soft = one_hot(targets, 5) * (1 - slip) + (1 - one_hot(targets, 5)) * slip / 4

    def nll(log_heat: float) -> float:
        return float(cross_entropy(logits.double() / math.exp(log_heat), soft.double()))

    wanted = math.exp(minimize_scalar(nll, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x)
    assert fit_temperature(logits, targets) == pytest.approx(wanted, rel=1e-5)


def test_where_all_are_right_it_does_not_become_certain():
    logits, targets = honest(200)
    sure = 10 * one_hot(logits.argmax(dim=1), 5).float()
    heat = fit_temperature(sure, logits.argmax(dim=1))
    assert (sure / heat).softmax(dim=1).max() == pytest.approx(1 - 1 / 202, rel=1e-4)
    assert targets.shape == (200,)


def test_an_extreme_network_is_held_within_bounds():
    _, targets = honest(200)
    assert fit_temperature(torch.zeros(200, 5), targets) == pytest.approx(1.0, rel=20)
    assert 0.05 <= fit_temperature(1e4 * torch.randn(200, 5), targets) <= 20.0001


def test_the_error_by_hand():
    confidence, right = np.array([0.95, 0.95, 0.55, 1.0]), np.array([True, False, True, True])
    rows = reliability(confidence, right, bins=10)
    assert [(row["from"], row["images"], row["accuracy"]) for row in rows] == [(0.5, 1, 1.0), (0.9, 3, 2 / 3)]
    assert calibration_error(confidence, right, bins=10) == pytest.approx((0.45 + 3 * abs(2 / 3 - 2.9 / 3)) / 4)


def test_a_bin_has_its_upper_edge_and_none_is_lost():
    confidence = np.linspace(0, 1, 16)
    rows = reliability(confidence, np.ones(16, bool))
    assert sum(row["images"] for row in rows) == 16
    assert len(rows) == 15


def test_an_honest_network_has_nearly_no_error_and_an_overconfident_one_is_mended():
    logits, targets = honest()
    assert calibration_numbers(logits, targets, None)["ece"] < 0.02
    found = calibration_numbers(4 * logits, targets, fit_temperature(4 * logits, targets), fitted_here=True)
    assert found["scaled"]["how"] == "cross-fitted"
    assert found["scaled"]["ece"] < found["ece"] / 4
    assert found["scaled"]["nll"] < found["nll"]


def test_a_temperature_changes_no_answer():
    logits, targets = honest()
    heat = fit_temperature(5 * logits, targets)
    assert torch.equal((5 * logits / heat).argmax(dim=1), logits.argmax(dim=1))


def test_cross_fitting_does_not_flatter():
    """Of logits without any information a temperature by the same images looks a little better than it is."""
    made, gains = torch.Generator().manual_seed(1), []
    for _ in range(20):
        logits, targets = torch.randn(100, 3, generator=made), torch.randint(3, (100,), generator=made)
        heat = fit_temperature(logits, targets)
        held_out = calibration_numbers(logits, targets, heat, fitted_here=True)["scaled"]["nll"]
        gains.append(held_out - calibration_numbers(logits, targets, heat)["scaled"]["nll"])
    assert np.mean(gains) > 0


def test_what_does_not_help_is_not_taken():
    logits, targets = honest(120)
    found = calibrate(logits, targets)
    assert found is not None
    assert found.temperature == 1.0 or fit_temperature(logits, targets) == found.temperature
    assert set(found.card()) == {"temperature", "familiar", "conformal"}


def test_few_images_several_labels_and_broken_logits_have_none():
    logits, targets = honest(99)
    assert calibrate(logits, targets) is None
    assert calibrate(torch.randn(200, 3), torch.ones(200, 3)) is None
    assert calibrate(torch.full((200, 3), torch.nan), torch.zeros(200, dtype=torch.long)) is None


def test_familiarity_is_the_energy_and_of_one_logit_the_confidence():
    logits = torch.tensor([[9.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert familiarity(logits) == pytest.approx(logits.exp().sum(dim=1).log())
    one_logit = torch.tensor([[0.0, 3.0], [0.0, -3.0], [0.0, 0.1]])
    found = familiarity(one_logit, "centred energy")
    assert found[0] == pytest.approx(float(found[1])), "either class is as familiar"
    assert found[2] < found[0]


def test_familiarity_of_log_probabilities_is_not_their_rounding():
    logits, targets = honest(2000, classes=4)
    found = calibrate(logits.log_softmax(dim=1), targets)
    assert found is not None
    assert found.score == "centred energy"
    assert found.most - found.least > 0.1


@pytest.mark.parametrize("one_logit", [False, True])
def test_one_in_twenty_validation_images_is_unusual(one_logit):
    logits, targets = honest(2000, classes=2)
    if one_logit:
        logits = torch.stack([torch.zeros(2000), logits[:, 1] - logits[:, 0]], dim=1)
    found = calibrate(logits, targets)
    assert found is not None
    assert found.score == ("centred energy" if one_logit else "energy")
    energies = familiarity(logits, found.score)
    usual = (energies >= found.least) & (energies <= found.most)
    assert float(usual.float().mean()) == pytest.approx(0.95, abs=0.002)


def test_a_network_that_was_trained_for_long_on_little_is_mended():
    """Handwritten digits: 120 learned by heart, without regularisation, and the others asked for."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(400):
        optimizer.zero_grad()
        cross_entropy(model(images[:120]), labels[:120]).backward()
        optimizer.step()
    logits, targets = model(images[120:]).detach(), labels[120:]
    found = calibrate(logits, targets)
    assert found is not None
    assert found.temperature > 1.5, "it was far too sure"
    numbers = calibration_numbers(logits, targets, found.temperature, fitted_here=True)
    assert numbers["scaled"]["ece"] < numbers["ece"] / 2
    assert torch.equal((logits / found.temperature).argmax(dim=1), logits.argmax(dim=1))
