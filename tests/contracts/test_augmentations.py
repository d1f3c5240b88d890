"""What the zoo's own augmentations owe beyond what ``zoo.testing`` asks of anyone's: any form, any layout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from zoo.host.loader import open_registry
from zoo.model.build import build
from zoo.registry.entry import Entry

ENTRIES = [entry for entry in open_registry().entries("augmentation") if entry.origin.bundled]
every_augmentation = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)


def made(entry: Entry, size: int = 16) -> Any:
    return build(entry, {}, "augment", size, num_classes=9)


def images(n: int = 8, chans: int = 3, size: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(n, chans, size, size, generator=torch.Generator().manual_seed(seed))


@every_augmentation
@given(n=st.integers(1, 9), chans=st.sampled_from([1, 3, 4]), size=st.integers(1, 24), seed=st.integers(0, 2**20))
@settings(deadline=None, max_examples=15)
def test_form_and_range_stay(entry: Entry, n: int, chans: int, size: int, seed: int):
    given_images, targets = images(n, chans, size, seed), torch.arange(n)
    before = given_images.clone()
    result, after = made(entry, size)(given_images, targets)
    assert result.shape == given_images.shape
    assert result.dtype == torch.float32
    assert result.isfinite().all()
    assert 0 <= float(result.min()) <= float(result.max()) <= 1
    assert len(after) == n
    assert torch.equal(given_images, before), "the images given were changed"


@every_augmentation
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_memory_format_stays(entry: Entry, layout: torch.memory_format):
    result, _ = made(entry)(images().contiguous(memory_format=layout), torch.arange(8))
    assert result.is_contiguous(memory_format=layout)
