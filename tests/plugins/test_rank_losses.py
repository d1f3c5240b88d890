"""Losses of ordered classes against the definitions of the papers, image by image."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from zoo.engine.links import link_of
from zoo_losses.ranks import CornLoss, OrdinalLoss

BOTH = pytest.mark.parametrize("loss", [CornLoss(5), OrdinalLoss()], ids=["corn", "ordinal"])


def batch(n: int = 12, k: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, k - 1, generator=generator), torch.randint(0, k, (n,), generator=generator)


def corn_of_the_paper(logits: Tensor, ranks: Tensor) -> Tensor:
    """Sum over the ranks k of the binary cross entropy on the images with y > k - 1, divided by their number."""
    total, seen = torch.zeros(()), 0
    for k in range(logits.shape[1]):
        chosen = ranks > k - 1
        wanted = (ranks[chosen] > k).float()
        total = total + F.binary_cross_entropy_with_logits(logits[chosen][:, k], wanted, reduction="sum")
        seen += int(chosen.sum())
    return total / seen


@given(st.integers(1, 20), st.integers(2, 6), st.integers(0, 2**20))
@settings(max_examples=25, deadline=None)
def test_corn_is_that_of_the_paper(n: int, k: int, seed: int):
    logits, ranks = batch(n, k, seed)
    torch.testing.assert_close(CornLoss(k)(logits, ranks), corn_of_the_paper(logits, ranks))


@given(st.integers(1, 20), st.integers(2, 6), st.integers(0, 2**20))
@settings(max_examples=25, deadline=None)
def test_ordinal_is_the_mean_of_the_binary_questions(n: int, k: int, seed: int):
    logits, ranks = batch(n, k, seed)
    each = [F.binary_cross_entropy_with_logits(logits[:, i], (ranks > i).float()) for i in range(k - 1)]
    torch.testing.assert_close(OrdinalLoss()(logits, ranks), sum(each) / (k - 1))


@BOTH
def test_one_hot_rows_are_labels_and_mixed_rows_their_expectation(loss: nn.Module):
    logits, ranks = batch()
    rows = F.one_hot(ranks, 5).float()
    torch.testing.assert_close(loss(logits, rows), loss(logits, ranks))
    mixed, weight = 0.7 * rows + 0.3 * rows.flip(0), getattr(loss, "weight_of", len)
    parts = [share * loss(logits, some) * weight(some) for share, some in ((0.7, rows), (0.3, rows.flip(0)))]
    torch.testing.assert_close(loss(logits, mixed), sum(parts) / weight(mixed))


def test_the_weight_of_corn_is_its_number_of_questions():
    ranks = torch.tensor([0, 1, 4, 3])
    assert CornLoss(5).weight_of(ranks) == 1 + 2 + 4 + 4
    assert CornLoss(5).weight_of(F.one_hot(ranks, 5).float()) == 1 + 2 + 4 + 4


@BOTH
def test_the_wrong_number_of_outputs_is_refused(loss: nn.Module):
    with pytest.raises(ValueError, match=r"probabilities \(N, 4\), one more than the logits"):
        loss(torch.zeros(6, 3), torch.zeros(6, 5))


@BOTH
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_the_gradient_is_finite(loss: nn.Module, scale: float):
    logits, ranks = batch()
    leaf = (scale * logits).requires_grad_()
    loss(leaf, ranks).backward()
    assert leaf.grad is not None
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("cls", [CornLoss, OrdinalLoss])
def test_what_they_learn_is_read_as_the_distribution_of_the_ranks(cls: type[nn.Module]):
    """Logits without an image, trained on ranks alone, tell how frequent each rank is."""
    loss = CornLoss(4) if cls is CornLoss else OrdinalLoss()
    ranks = torch.tensor([0] * 10 + [1] * 20 + [2] * 30 + [3] * 40)
    logits = torch.zeros(1, 3, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=100)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value: Tensor = loss(logits.expand(100, 3), ranks)
        value.backward()
        return value

    optimizer.step(closure)
    shares = link_of(cls.link()).read(logits.detach()).exp()[0]
    torch.testing.assert_close(shares, torch.tensor([0.1, 0.2, 0.3, 0.4]), atol=1e-3, rtol=0)
