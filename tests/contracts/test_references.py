"""Every loss and every schedule of the bundled plugins against a calculation that isn't ours: another library's, or
a formula of its paper in NumPy. A component without one fails here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn
from torch.optim.lr_scheduler import LinearLR, LRScheduler, SequentialLR

from zoo.host.loader import open_registry
from zoo.model.build import build
from zoo.registry.entry import Entry

Floats = NDArray[np.float64]
REGISTRY = open_registry()


def bundled(kind: str) -> dict[str, Entry]:
    return {entry.component.name: entry for entry in REGISTRY.entries(kind) if entry.origin.bundled}


# -- losses: of logits (N, K) and labels (N,), with their default parameters ---------------------------------------


def probabilities(logits: Floats) -> Floats:
    from scipy.special import softmax

    return np.asarray(softmax(logits, axis=1))


def cross_entropy(logits: Floats, labels: NDArray[np.int64]) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(labels, probabilities(logits), labels=range(logits.shape[1])))


def binary_cross_entropy(logits: Floats, labels: NDArray[np.int64]) -> float:
    """The sigmoid of the log-odds for two classes; each class against the rest for more."""
    from scipy.special import expit
    from sklearn.metrics import log_loss

    if logits.shape[1] == 2:
        return float(log_loss(labels, expit(logits[:, 1] - logits[:, 0]), labels=[0, 1]))
    each = [log_loss(labels == k, expit(column), labels=[False, True]) for k, column in enumerate(logits.T)]
    return float(np.mean(each))


def mse(logits: Floats, labels: NDArray[np.int64]) -> float:
    from sklearn.metrics import mean_squared_error

    return float(mean_squared_error(np.eye(logits.shape[1])[labels], probabilities(logits)))


def focal(logits: Floats, labels: NDArray[np.int64]) -> float:
    """Torchvision's for two classes; Lin et al. 2017, equation 4, for more."""
    from torchvision.ops import sigmoid_focal_loss

    if logits.shape[1] == 2:
        odds, ones = torch.from_numpy(logits[:, 1] - logits[:, 0]), torch.from_numpy(labels).double()
        return float(sigmoid_focal_loss(odds, ones, alpha=-1, gamma=2, reduction="mean"))
    p = probabilities(logits)[np.arange(len(labels)), labels]
    return float(-((1 - p) ** 2 * np.log(p)).mean())


def soft_f1(logits: Floats, labels: NDArray[np.int64]) -> float:
    """scikit-learn's, of samples that are each predicted to be every class, with its probability for a weight."""
    from sklearn.metrics import f1_score

    count = logits.shape[1]
    said, weights = np.tile(np.arange(count), len(labels)), probabilities(logits).ravel()
    truth = np.repeat(labels, count)
    return float(1 - f1_score(truth, said, labels=np.unique(labels), average="macro", sample_weight=weights))


LOSSES: dict[str, Callable[[Floats, NDArray[np.int64]], float]] = {
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "mse": mse,
    "focal": focal,
    "soft_f1": soft_f1,
}


# of outputs (N, M) and values (N, K)


def values_mse(outputs: Floats, values: Floats) -> float:
    from sklearn.metrics import mean_squared_error

    return float(mean_squared_error(values, outputs))


def l1(outputs: Floats, values: Floats) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(values, outputs))


def huber(outputs: Floats, values: Floats) -> float:
    from scipy.special import huber as of_error

    return float(np.mean(of_error(1.0, values - outputs)))


def quantile(outputs: Floats, values: Floats) -> float:
    from sklearn.metrics import mean_pinball_loss

    levels = (0.05, 0.5, 0.95)
    each = outputs.reshape(*values.shape, len(levels))
    return float(np.mean([mean_pinball_loss(values, each[..., i], alpha=q) for i, q in enumerate(levels)]))


VALUE_LOSSES: dict[str, tuple[Callable[[Floats, Floats], float], int]] = {
    "mse": (values_mse, 1),
    "l1": (l1, 1),
    "huber": (huber, 1),
    "quantile": (quantile, 3),
}
"""Reference of each loss of values, and the number of outputs for a value."""


# of logits (N, K - 1) and ranks (N,)


def ordinal(logits: Floats, ranks: NDArray[np.int64]) -> float:
    """scikit-learn's log loss of "is the rank above k", mean over k."""
    from scipy.special import expit
    from sklearn.metrics import log_loss

    each = [log_loss(ranks > k, expit(column), labels=[False, True]) for k, column in enumerate(logits.T)]
    return float(np.mean(each))


def corn(logits: Floats, ranks: NDArray[np.int64]) -> float:
    """scikit-learn's log loss of "is the rank above k" of the images that reach k, over the number of all decisions."""
    from scipy.special import expit
    from sklearn.metrics import log_loss

    total = sum(
        log_loss(ranks[ranks >= k] > k, expit(column[ranks >= k]), labels=[False, True], normalize=False)
        for k, column in enumerate(logits.T)
        if (ranks >= k).any()
    )
    return float(total / sum((ranks >= k).sum() for k in range(logits.shape[1])))


RANK_LOSSES: dict[str, Callable[[Floats, NDArray[np.int64]], float]] = {"ordinal": ordinal, "corn": corn}


def test_every_loss_has_a_reference():
    assert {*LOSSES, *VALUE_LOSSES, *RANK_LOSSES} == set(bundled("loss"))


@pytest.mark.parametrize("name", VALUE_LOSSES)
@pytest.mark.parametrize("k", [1, 3])
@given(n=st.integers(1, 20), seed=st.integers(0, 2**20), scale=st.floats(0.1, 5))
@settings(deadline=None, max_examples=15)
def test_a_loss_of_values_is_its_references(name: str, k: int, n: int, seed: int, scale: float):
    drawn, (reference, width) = np.random.default_rng(seed), VALUE_LOSSES[name]
    outputs, values = scale * drawn.normal(size=(n, k * width)), drawn.normal(size=(n, k))
    loss = build(bundled("loss")[name], {}, "loss", num_classes=k, regression=True)
    ours = loss(torch.from_numpy(outputs), torch.from_numpy(values))
    assert float(ours) == pytest.approx(reference(outputs, values), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", RANK_LOSSES)
@pytest.mark.parametrize("k", [2, 5])
@given(n=st.integers(1, 20), seed=st.integers(0, 2**20), scale=st.floats(0.1, 5))
@settings(deadline=None, max_examples=15)
def test_a_loss_of_ranks_is_its_references(name: str, k: int, n: int, seed: int, scale: float):
    drawn = np.random.default_rng(seed)
    logits, ranks = scale * drawn.normal(size=(n, k - 1)), drawn.integers(0, k, n)
    loss = build(bundled("loss")[name], {}, "loss", num_classes=k)
    ours = loss(torch.from_numpy(logits), torch.from_numpy(ranks))
    assert float(ours) == pytest.approx(RANK_LOSSES[name](logits, ranks), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("k", [2, 5])
@given(n=st.integers(2, 20), seed=st.integers(0, 2**20), scale=st.floats(0.1, 5))
@settings(deadline=None, max_examples=15)
def test_a_loss_is_its_references(name: str, k: int, n: int, seed: int, scale: float):
    drawn = np.random.default_rng(seed)
    logits, labels = scale * drawn.normal(size=(n, k)), drawn.integers(0, k, n)
    loss = build(bundled("loss")[name], {}, "loss", num_classes=k)
    ours = loss(torch.from_numpy(logits), torch.from_numpy(labels))
    assert float(ours) == pytest.approx(LOSSES[name](logits, labels), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_a_losses_gradient_is_the_slope_of_its_reference(name: str):
    logits, labels = np.random.default_rng(0).normal(size=(6, 3)), np.arange(6) % 3
    leaf = torch.from_numpy(logits).requires_grad_()
    value = build(bundled("loss")[name], {}, "loss", num_classes=3)(leaf, torch.from_numpy(labels))
    (gradient,) = torch.autograd.grad(value, leaf)
    for place in np.ndindex(*logits.shape):
        little = np.zeros_like(logits)
        little[place] = 1e-5
        slope = (LOSSES[name](logits + little, labels) - LOSSES[name](logits - little, labels)) / 2e-5
        assert float(gradient[place]) == pytest.approx(slope, rel=1e-4, abs=1e-8)


# -- schedules: the rates of a training's steps, with their default parameters ---------------------------------------

PEAK = 0.1
LENGTHS = (20, 37, 100)


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=PEAK, momentum=0.9)


def torchs(total: int, make: Callable[[torch.optim.Optimizer], LRScheduler]) -> list[float]:
    trained = optimizer()
    scheduler, seen = make(trained), []
    for _ in range(total):
        seen.append(trained.param_groups[0]["lr"])
        trained.step()
        scheduler.step()
    return seen


def timms(total: int, name: str, **params: Any) -> list[float]:
    """The rates of a scheduler of timm that counts updates."""
    from timm import scheduler

    trained, seen = optimizer(), []
    schedule = getattr(scheduler, name)(trained, t_in_epochs=False, **params)
    for i in range(total):
        schedule.step_update(i)
        seen.append(float(trained.param_groups[0]["lr"]))
    return seen


def one_cycle(total: int) -> list[float]:
    """Two halves of cosines: up to the peak in a quarter of the steps, and down (Smith & Topin 2017)."""
    start, end, top = PEAK / 25, PEAK / 25 / 1e4, 0.25 * total - 1
    steps = np.arange(total)
    up = PEAK + (start - PEAK) * (1 + np.cos(np.pi * steps / top)) / 2
    down = end + (PEAK - end) * (1 + np.cos(np.pi * (steps - top) / (total - 1 - top))) / 2
    return list(np.where(steps <= top, up, down))


def cosine(total: int) -> list[float]:
    rise = round(0.05 * total)
    first = PEAK / (rise + 1)
    params = {"t_initial": total - rise, "warmup_t": rise, "warmup_lr_init": first, "warmup_prefix": True}
    return timms(total, "CosineLRScheduler", **params)


def linear(total: int) -> list[float]:
    rise = round(0.05 * total)

    def make(trained: torch.optim.Optimizer) -> LRScheduler:
        up = LinearLR(trained, 1 / (rise + 1), 1.0, rise)
        down = LinearLR(trained, 1.0, 0.0, total - rise)
        return SequentialLR(trained, [up, down], [rise])

    return torchs(total, make)


SCHEDULES: dict[str, Callable[[int], list[float]]] = {
    "constant": lambda total: [PEAK] * total,
    "one_cycle": one_cycle,
    "cosine": cosine,
    "linear": linear,
    "step": lambda total: [PEAK / 10 ** ((i >= round(total / 2)) + (i >= round(0.75 * total))) for i in range(total)],
    "polynomial": lambda total: timms(total, "PolyLRScheduler", t_initial=total, power=2.0),
}
BY_RESULTS = {"plateau"}  # which follow what a run measures: tests/plugins/test_optim.py


def test_every_schedule_has_a_reference():
    assert set(SCHEDULES) == set(bundled("schedule")) - BY_RESULTS


@pytest.mark.filterwarnings("ignore:The epoch parameter")  # within torch's SequentialLR
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("total", LENGTHS)
def test_a_schedule_is_its_references(name: str, total: int):
    entry = bundled("schedule")[name]
    ours = torchs(total, lambda trained: build(entry, {}, "schedule", trained, total))
    assert ours == pytest.approx(SCHEDULES[name](total), rel=1e-6, abs=1e-12)
