"""Augmentations of a run: their images and targets are checked at every batch, and the fault names the component."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from zoo.errors import ContractError
from zoo.plugin import Augmentation
from zoo.registry.entry import Entry, Origin
from zoo.runner.augmenting import CheckedAugment

ENTRY = Entry(Augmentation("warp", "m:Warp"), Origin("acme", "zoo-acme", "1.2"))
IMAGES, LABELS = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 2, 1])
SOFT = one_hot(LABELS, 3).float()


def apply(result: Any, targets: Tensor = LABELS) -> Any:
    return CheckedAugment(ENTRY, lambda images, targets: result, 3)(IMAGES, targets)


@pytest.mark.parametrize("targets", [LABELS, SOFT, SOFT.half(), SOFT.double()])
def test_valid_targets_are_passed_on(targets: Tensor):
    images, found = apply((IMAGES, targets))
    assert images is IMAGES
    assert found is targets


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ((IMAGES, LABELS.float()), "targets (4,) float32"),
        ((IMAGES, LABELS.int()), "targets (4,) int32"),
        ((IMAGES, LABELS.bool()), "targets (4,) bool"),
        ((IMAGES, SOFT.long()), "targets (4, 3) int64"),
        ((IMAGES, LABELS[:3]), "targets (3,) int64"),
        ((IMAGES, LABELS[:, None]), "targets (4, 1) int64"),
        ((IMAGES, SOFT[:, :2]), "targets (4, 2) float32"),
        ((IMAGES, SOFT[:3]), "targets (3, 3) float32"),
        ((IMAGES, LABELS.numpy()), "targets of type ndarray"),
        ((IMAGES, [0, 1, 2, 1]), "targets of type list"),
        ((IMAGES, LABELS + 1), "the target 3"),
        ((IMAGES, LABELS - 1), "the target -1"),
        ((IMAGES[:2], LABELS[:2]), "images (2, 3, 8, 8) float32"),
        ((IMAGES.byte(), LABELS), "images (4, 3, 8, 8) uint8"),
        ((IMAGES[:, 0], LABELS), "images (4, 8, 8) float32"),
        ((IMAGES.numpy(), LABELS), "images of type ndarray"),
        (IMAGES, "Tensor, not (images, targets)"),
        ((IMAGES, LABELS, 1), "tuple, not (images, targets)"),
        (None, "NoneType, not (images, targets)"),
    ],
)
def test_others_are_refused_with_the_component(result: Any, said: str):
    with pytest.raises(ContractError) as caught:
        apply(result)
    for word in ("augmentation 'acme/warp'", "zoo-acme 1.2", said):
        assert word in str(caught.value)


def test_multi_label_targets_stay_one_value_a_class():
    assert apply((IMAGES, SOFT), SOFT)[1] is SOFT
    with pytest.raises(ContractError, match=r"returned targets \(4,\) int64; .* \(4, 3\) float"):
        apply((IMAGES, LABELS), SOFT)
