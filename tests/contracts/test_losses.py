"""What the zoo's own losses owe beyond what ``zoo.testing`` asks of anyone's, and more batches of any kind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import one_hot

from zoo.engine.links import link_of
from zoo.host.loader import open_registry
from zoo.job.task_fit import supports
from zoo.model.build import build
from zoo.registry.entry import Entry

BUNDLED = [entry for entry in open_registry().entries("loss") if entry.origin.bundled]
ENTRIES = [entry for entry in BUNDLED if supports(entry, entry.factory(), "single-label")]
OTHERS = [entry for entry in BUNDLED if entry not in ENTRIES]
every_loss = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
every_class_count = pytest.mark.parametrize("k", [2, 5])
batches = st.tuples(st.integers(2, 9), st.integers(0, 2**20), st.floats(0.1, 30))


def made(entry: Entry, k: int) -> Any:
    return build(entry, {}, "loss", num_classes=k)


def batch(n: int, k: int, seed: int = 0, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, k, generator=generator), torch.randint(0, k, (n,), generator=generator)


@every_loss
@every_class_count
@given(case=batches)
@settings(deadline=None, max_examples=15)
def test_it_is_never_negative_and_labels_agree_with_their_rows(entry: Entry, k: int, case: tuple[int, int, float]):
    logits, targets = batch(case[0], k, case[1], case[2])
    value = made(entry, k)(logits, targets)
    assert value >= 0
    assert float(made(entry, k)(logits, one_hot(targets, k).float())) == pytest.approx(float(value), rel=1e-4)


@every_loss
@every_class_count
@given(seed=st.integers(0, 2**20), better=st.floats(0.5, 4))
@settings(deadline=None, max_examples=15)
def test_a_better_answer_has_the_lower_loss(entry: Entry, k: int, seed: int, better: float):
    logits, targets = batch(8, k, seed)
    loss, right = made(entry, k), one_hot(targets, k).float()
    assert loss(logits + better * right, targets) < loss(logits, targets) < loss(logits - better * right, targets)


@every_loss
@every_class_count
def test_certain_right_answers_cost_nothing(entry: Entry, k: int):
    targets = torch.arange(10) % k
    assert made(entry, k)(60 * one_hot(targets, k).float() - 30, targets) < 1e-3


@every_loss
def test_half_precision_logits_are_worked_on_in_full(entry: Entry):
    logits, targets = batch(6, 4)
    loss = made(entry, 4)
    half = loss(logits.bfloat16(), targets)
    assert half.dtype == torch.float32
    assert float(half) == pytest.approx(float(loss(logits.bfloat16().float(), targets)), rel=1e-5)


@every_loss
def test_mixed_targets_lie_between(entry: Entry):
    """Targets that mixing images makes: each row still sums to one."""
    logits, targets = batch(8, 4)
    mixed = 0.7 * one_hot(targets, 4).float() + 0.3 * one_hot(targets.flip(0), 4).float()
    assert made(entry, 4)(logits, mixed).isfinite()


# -- of values, and of ordered classes ----------------------------------------------------------------


def other_batch(entry: Entry, n: int, k: int) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """The loss, and outputs and targets of its task."""
    link, generator = getattr(entry.factory(), "link", None), torch.Generator().manual_seed(0)
    outputs = torch.randn(n, link_of(link() if link else None).width(k), generator=generator)
    if "regression" in entry.component.tasks:
        return build(entry, {}, "loss", num_classes=k), outputs, torch.randn(n, k, generator=generator)
    return build(entry, {}, "loss", num_classes=k), outputs, torch.randint(0, k, (n,), generator=generator)


@pytest.mark.parametrize("entry", OTHERS, ids=lambda entry: entry.id)
@every_class_count
def test_losses_of_values_and_ranks_are_never_negative_and_work_in_full_precision(entry: Entry, k: int):
    loss, outputs, targets = other_batch(entry, 12, k)
    assert loss(outputs, targets) > 0
    half = loss(outputs.bfloat16(), targets)
    assert half.dtype == torch.float32
    assert float(half) == pytest.approx(float(loss(outputs.bfloat16().float(), targets)), rel=1e-5)


@pytest.mark.parametrize("entry", OTHERS, ids=lambda entry: entry.id)
def test_their_targets_can_be_mixed(entry: Entry):
    """Mixup blends values as they are, and ranks as rows of probabilities."""
    loss, outputs, targets = other_batch(entry, 8, 4)
    rows = targets if targets.is_floating_point() else one_hot(targets, 4).float()
    assert float(loss(outputs, rows)) == pytest.approx(float(loss(outputs, targets)), rel=1e-5)
    assert loss(outputs, 0.7 * rows + 0.3 * rows.flip(0)).isfinite()
