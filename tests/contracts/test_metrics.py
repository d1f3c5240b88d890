"""What the zoo's own metrics owe beyond what ``zoo.testing`` asks of anyone's: shares in 0..1, 1 for the best."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import one_hot

from zoo.host.loader import open_registry
from zoo.job.task_fit import supports
from zoo.model.build import build
from zoo.registry.entry import Entry

BUNDLED = [entry for entry in open_registry().entries("metric") if entry.origin.bundled]
ENTRIES = [entry for entry in BUNDLED if supports(entry, entry.factory(), "single-label")]
every_metric = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
every_class_count = pytest.mark.parametrize("k", [2, 5])


def made(entry: Entry, k: int) -> Any:
    return build(entry, {}, "metrics", k)


def batch(n: int, k: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, k, generator=generator), torch.randint(0, k, (n,), generator=generator)


def value_of(metric: Any, logits: Tensor, targets: Tensor, sizes: list[int] | None = None) -> Tensor:
    sizes = sizes or [len(logits)]
    for part, labels in zip(logits.split(sizes), targets.split(sizes), strict=True):
        metric.update(part, labels)
    return torch.as_tensor(metric.compute()).double()


@every_metric
@every_class_count
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6), seed=st.integers(0, 2**20))
@settings(deadline=None, max_examples=8)
def test_the_value_is_that_of_the_whole_however_it_is_cut(entry: Entry, k: int, sizes: list[int], seed: int):
    logits, targets = batch(sum(sizes), k, seed)
    whole, parts = (value_of(made(entry, k), logits, targets, cut) for cut in (None, sizes))
    assert torch.allclose(whole, parts, equal_nan=True)


@every_metric
@every_class_count
@given(seed=st.integers(0, 2**20))
@settings(deadline=None, max_examples=8)
def test_it_is_a_share_or_counts_of_every_sample(entry: Entry, k: int, seed: int):
    value = value_of(made(entry, k), *batch(30, k, seed))
    if value.ndim == 0:
        assert 0 <= value <= 1
    else:
        assert value.shape == (k, k)
        assert value.sum() == 30


@every_metric
@every_class_count
def test_the_best_answers_have_the_best_value(entry: Entry, k: int):
    targets = torch.arange(20) % k
    right, wrong = (5 * one_hot((targets + shift) % k, k).float() for shift in (0, 1))
    best, worst = (value_of(made(entry, k), logits, targets) for logits in (right, wrong))
    if best.ndim:
        assert torch.equal(best, torch.diag(torch.bincount(targets).double()))
        return
    higher = getattr(entry.component, "higher_is_better", None)
    assert higher is not None
    assert best == (1 if higher else 0)
    assert (worst < best if higher else worst > best) or entry.component.name == "top_k", (
        "every class is among the five likeliest of five"
    )
