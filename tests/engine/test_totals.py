"""Running totals: added up, and divided once."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.engine.totals import Totals


@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=6), seed=st.integers(0, 100))
@settings(deadline=None)
def test_batches_of_any_size_give_the_mean_over_images(sizes: list[int], seed: int):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(sum(sizes), 4, generator=generator)
    targets = torch.randint(0, 4, (sum(sizes),), generator=generator)
    totals = Totals(torch.device("cpu"))
    for part, labels in zip(logits.split(sizes), targets.split(sizes), strict=True):
        totals.add(torch.nn.functional.cross_entropy(part, labels), part, labels)
    assert totals.seen == sum(sizes)
    assert totals.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, targets)), rel=1e-5)
    assert totals.accuracy == pytest.approx(float((logits.argmax(1) == targets).float().mean()))


def test_a_soft_target_counts_as_its_largest_class():
    totals = Totals(torch.device("cpu"))
    totals.add(torch.tensor(1.0), torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.6, 0.4], [0.3, 0.7]]))
    assert totals.accuracy == 0.5


def test_nothing_seen_is_zero():
    totals = Totals(torch.device("cpu"))
    assert (totals.loss, totals.accuracy, totals.seen) == (0.0, 0.0, 0)
