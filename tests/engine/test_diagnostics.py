"""Signs of what may be wrong: images in both splits, mistakes as sure as right answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from zoo.engine.diagnostics import confidence_in_mistakes, input_figures, shared_images, wrong_among_the_surest


@pytest.mark.parametrize("side", [8, 64])
def test_images_in_both_are_counted_pixel_for_pixel(side: int):
    generator = np.random.default_rng(0)
    train = generator.integers(0, 256, (600, side, side, 3), np.uint8)
    val = generator.integers(0, 256, (300, side, side, 3), np.uint8)
    val[[3, 200, 299]] = train[[599, 0, 0]]
    val[7] = train[5]
    val[7, 1, 1, 0] ^= 1  # nearly
    blocks = (val[i : i + 128] for i in range(0, 300, 128))
    assert shared_images(lambda rows: train[rows], 600, blocks) == 3


@given(seed=st.integers(0, 999), count=st.integers(50, 300), rounded=st.booleans())
def test_the_confidence_in_mistakes_is_the_area_under_a_roc_curve(seed: int, count: int, rounded: bool):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, 3, generator=generator)
    logits = logits.round() if rounded else logits  # equal confidences
    targets = torch.randint(0, 3, (count,), generator=generator)
    confidence, answer = logits.softmax(1).max(1)
    right = answer == targets
    found = confidence_in_mistakes(logits, targets)
    if min(int(right.sum()), int((~right).sum())) < 20:
        assert found is None
    else:
        assert found == pytest.approx(roc_auc_score(right, confidence))


def test_figures_of_the_input():
    found = input_figures(torch.tensor([0.0, 2.0]).view(1, 1, 1, 2))
    assert found == {"mean": 1.0, "std": pytest.approx(2**0.5)}


@pytest.mark.parametrize("weak", [True, False])
def test_a_weak_network_is_right_where_it_is_sure_and_wrong_labels_spare_no_answer(weak: bool):
    generator = torch.Generator().manual_seed(0)
    confidence = 0.5 + 0.5 * torch.rand(4000, generator=generator)
    logits = torch.stack([confidence.log(), (1 - confidence).log()], 1)
    share = confidence if weak else torch.full_like(confidence, 0.75)
    targets = (torch.rand(4000, generator=generator) > share).long()
    found = wrong_among_the_surest(logits, targets)
    assert found is not None
    assert found < 0.2 if weak else found == pytest.approx(1, abs=0.25)


def test_of_few_mistakes_nothing_is_told():
    logits = torch.eye(2).repeat(50, 1)
    assert wrong_among_the_surest(logits, logits.argmax(1)) is None
