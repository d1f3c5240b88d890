"""What every augmentation owes: images as they were in form, each changed by itself, and targets that stay whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import one_hot

from zoo.entry import Entry
from zoo.registry import open_registry
from zoo.runner.build import build

ENTRIES = [entry for entry in open_registry().entries("augmentation") if entry.origin.bundled]
every_augmentation = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)


def made(entry: Entry, size: int = 16) -> Any:
    return build(entry, {}, "augment", size)


def images(n: int = 8, chans: int = 3, size: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(n, chans, size, size, generator=torch.Generator().manual_seed(seed))


def test_there_are_as_many_augmentations_as_there_should_be():
    assert len(ENTRIES) >= 7


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
def test_each_sample_has_a_draw_of_its_own(entry: Entry):
    torch.manual_seed(0)
    alike = images(1).expand(64, -1, -1, -1).contiguous()
    result, _ = made(entry)(alike, torch.zeros(64, dtype=torch.int64))
    assert len({picture.numpy().tobytes() for picture in result}) > 1


@every_augmentation
def test_a_seed_repeats_it(entry: Entry):
    augment, results = made(entry), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(augment(images(64), torch.zeros(64, dtype=torch.int64))[0])
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@every_augmentation
def test_soft_targets_still_sum_to_one(entry: Entry):
    targets = 0.9 * one_hot(torch.arange(8) % 4, 4).float() + 0.025
    _, after = made(entry)(images(8), targets.clone())
    assert after.shape == (8, 4)
    assert torch.allclose(after.sum(1), torch.ones(8))
    assert after.min() >= 0


@every_augmentation
def test_labels_stay_labels_or_become_shares(entry: Entry):
    labels = torch.arange(8) % 4
    _, after = made(entry)(images(8), labels.clone())
    if after.ndim == 1:
        assert torch.equal(after, labels)
    else:
        assert torch.allclose(after.sum(1), torch.ones(8))


@every_augmentation
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_memory_format_stays(entry: Entry, layout: torch.memory_format):
    result, _ = made(entry)(images().contiguous(memory_format=layout), torch.arange(8))
    assert result.is_contiguous(memory_format=layout)
