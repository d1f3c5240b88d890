"""Links: outputs that are neither logits of classes nor one value each."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.engine.links import QuantileLink, link_of


@pytest.mark.parametrize("kind", ["corn", "cumulative"])
@given(seed=st.integers(0, 1000), count=st.integers(2, 8), scale=st.sampled_from([0.1, 1.0, 20.0]))
@settings(max_examples=40, deadline=None)
def test_ordinal_outputs_become_probabilities_that_sum_to_one(kind: str, seed: int, count: int, scale: float):
    link = link_of({"kind": kind})
    assert link.width(count) == count - 1
    outputs = scale * torch.randn(5, count - 1, generator=torch.Generator().manual_seed(seed))
    probs = link.read(outputs).exp()
    assert probs.shape == (5, count)
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(5), rtol=1e-4, atol=1e-5)


def test_corn_multiplies_conditional_probabilities():
    outputs = torch.tensor([[1.0, -2.0]])
    first, second = outputs.sigmoid()[0].tolist()
    expected = [1 - first, first * (1 - second), first * second]
    torch.testing.assert_close(link_of({"kind": "corn"}).read(outputs).exp(), torch.tensor([expected]))


def test_cumulative_subtracts_neighbours():
    outputs = torch.tensor([[2.0, -1.0]])
    first, second = outputs.sigmoid()[0].tolist()
    expected = torch.tensor([[1 - first, first - second, second]])
    torch.testing.assert_close(link_of({"kind": "cumulative"}).read(outputs).exp(), expected)


def test_a_crossed_cumulative_output_is_nearly_impossible_and_finite():
    read = link_of({"kind": "cumulative"}).read(torch.tensor([[-1.0, 1.0]]))
    assert read.isfinite().all()
    assert read[0, 1] < -20


def test_quantiles_are_read_by_the_level_nearest_the_median_and_sorted_at_their_ends():
    link = QuantileLink([0.1, 0.5, 0.9])
    outputs = torch.tensor([[1.0, 2.0, 3.0, 6.0, 5.0, 4.0]])  # the second value's quantiles are crossed
    assert link.width(2) == 6
    assert link.read(outputs).tolist() == [[2.0, 5.0]]
    low, high = link.ends(outputs)
    assert (low.tolist(), high.tolist()) == ([[1.0, 4.0]], [[3.0, 6.0]])


def test_an_unknown_link_is_refused():
    with pytest.raises(ValueError, match=r"unknown link 'probit'; valid are quantiles"):
        link_of({"kind": "probit"})
