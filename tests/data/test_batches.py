"""Batches: every item once an epoch, an order that seed and epoch decide, and the path to the network's input."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import zoo.data.gpu_cache
from zoo.data.batches import Batches, Normalize, pixels_of
from zoo.data.gpu_cache import Residence
from zoo.data.samplers import Sampling, cut
from zoo.data.split import Split
from zoo_samplers.samplers import epoch_order, shuffle

CPU = torch.device("cpu")
PLAIN = Normalize([0.0], [1.0], CPU)


def shuffled(seed: int) -> Sampling:
    """The sampling of a job by default."""
    return Sampling(lambda split, processes: shuffle(len(split), seed, split.shards, processes))


def split(count: int, side: int = 2, channels: int = 3) -> Split:
    """Images whose pixels say which item they are."""
    images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, side, side, channels))
    labels = np.arange(count, dtype=np.int64) % 5
    return Split("train", images, labels, [str(i) for i in range(count)])


def items(batches: Batches) -> list[list[int]]:
    """Which items each batch holds."""
    return [(images[:, 0, 0, 0] * 255).round().int().tolist() for images, _ in batches]


@given(count=st.integers(1, 60), batch_size=st.integers(1, 20), seed=st.none() | st.integers(0, 2**63 - 1))
@settings(deadline=None, max_examples=60)
def test_an_epoch_has_every_item_once(count: int, batch_size: int, seed: int | None):
    batches = Batches(split(count), batch_size, PLAIN, sampling=None if seed is None else shuffled(seed))
    found = items(batches)
    order = list(chain.from_iterable(found))
    assert sorted(order) == list(range(count))
    assert len(found) == len(batches)
    if seed is None:
        assert order == list(range(count)), "the split's own order"
        assert [len(batch) for batch in found[:-1]] == [batch_size] * (len(found) - 1)


@given(count=st.integers(1, 60), batch_size=st.integers(2, 20))
@settings(deadline=None)
def test_only_the_last_batch_differs_in_size_and_is_never_one_item(count: int, batch_size: int):
    sizes = [len(batch) for batch in cut(np.arange(count), batch_size, merge_last=True)]
    assert all(size == batch_size for size in sizes[:-1])
    assert sizes[-1] <= batch_size + 1
    assert sizes[-1] > 1 or count == 1


def test_a_last_batch_of_one_joins_the_one_before_in_training_alone():
    assert [len(b) for b in items(Batches(split(9), 4, PLAIN, sampling=shuffled(0)))] == [4, 5]
    assert [len(b) for b in items(Batches(split(9), 4, PLAIN))] == [4, 4, 1]
    assert [len(b) for b in items(Batches(split(10), 4, PLAIN, sampling=shuffled(0)))] == [4, 4, 2]


@given(count=st.integers(0, 100), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 10_000))
def test_the_order_depends_on_seed_and_epoch_alone(count: int, seed: int, epoch: int):
    first = epoch_order(count, seed, epoch)
    np.random.seed(0)
    assert np.array_equal(epoch_order(count, seed, epoch), first)
    assert sorted(first) == list(range(count))


def test_each_epoch_and_each_seed_has_an_order_of_its_own():
    orders = {tuple(epoch_order(50, seed, epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16


def test_an_epochs_order_is_found_again_whatever_went_before():
    fresh, used = (Batches(split(20), 4, PLAIN, sampling=shuffled(3)) for _ in range(2))
    for epoch in (1, 2):
        used.epoch = epoch
        items(used)
    used.epoch = fresh.epoch = 3
    next(iter(used))  # an epoch that was left in the middle
    assert items(used) == items(fresh)


def test_labels_go_with_their_images():
    for images, labels in Batches(split(23), 5, PLAIN, sampling=shuffled(1)):
        assert labels.dtype == torch.int64
        assert ((images[:, 0, 0, 0] * 255).round().long() % 5).tolist() == labels.tolist()


def test_a_part_of_a_split_gives_its_own_items():
    part = split(20).part("val", np.array([3, 8, 13]))
    assert items(Batches(part, 2, PLAIN)) == [[3, 8], [13]]


@pytest.mark.parametrize("channels_last", [True, False])
def test_images_are_normalised_floats_in_the_memory_format(channels_last: bool):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 3), dtype=np.uint8)
    whole = Split("train", pixels, np.zeros(4, np.int64), list("abcd"))
    normalize = Normalize([0.1, 0.2, 0.3], [0.5, 0.25, 2.0], CPU)
    ((images, _),) = Batches(whole, 8, normalize, channels_last=channels_last)
    wanted = (pixels.astype(np.float64) / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.25, 2.0]
    assert images.dtype == torch.float32
    assert np.allclose(images.permute(0, 2, 3, 1).numpy(), wanted, atol=1e-6)
    assert images.is_contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def test_one_mean_is_for_all_channels():
    images = torch.rand(2, 3, 4, 4)
    assert torch.equal(Normalize([0.5], [0.25], CPU)(images), Normalize([0.5] * 3, [0.25] * 3, CPU)(images))


def test_augmentations_see_pixels_in_0_to_1_in_turn_and_may_change_targets():
    seen: list[tuple[float, float]] = []

    def double(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        seen.append((float(images.min()), float(images.max())))
        return images * 2, torch.nn.functional.one_hot(targets, 5).float()

    def add(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return images + 1, targets

    whole = Split("train", np.full((2, 2, 2, 1), 255, np.uint8), np.array([1, 4]), ["a", "b"])
    ((images, targets),) = Batches(whole, 8, Normalize([0.5], [0.25], CPU), augment=(double, add))
    assert seen == [(1.0, 1.0)]
    assert (images == (1.0 * 2 + 1 - 0.5) / 0.25).all()
    assert targets.tolist() == [[0, 1, 0, 0, 0], [0, 0, 0, 0, 1]]


def test_smaller_training_images_are_averages_of_larger_ones():
    pixels = np.zeros((1, 4, 4, 1), np.uint8)
    pixels[0, ::2, ::2] = 200  # one pixel in four
    batches = Batches(Split("train", pixels, np.array([0]), ["a"]), 4, PLAIN)
    batches.size = 2
    ((images, _),) = batches
    assert images.shape == (1, 1, 2, 2)
    assert images.mean() == pytest.approx(50 / 255, abs=0.02)


@pytest.mark.parametrize(("room", "given"), [(1.0, 12), (1.25, 15), (3.0, 20)])
def test_augmentation_is_given_more_pixels_than_come_out(room: float, given: int):
    """As many as there are, at the most; what it doesn't resample is shrunk after it."""
    seen: list[int] = []

    def look(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(images.shape[-1])
        return images, targets

    pixels = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3), dtype=np.uint8)
    split = Split("train", pixels, np.array([0, 1, 1]), ["a", "b", "c"])
    batches = Batches(split, 4, PLAIN, augment=(look,))
    batches.size, batches.room = 12, room
    ((images, _),) = batches
    assert (images.shape[-2:], seen) == ((12, 12), [given])


def test_pixels_are_stacked_as_they_are():
    pixels: list[Any] = [np.full((2, 3, 1), i, np.uint8) for i in range(4)]
    stacked = pixels_of(pixels)
    assert stacked.dtype == torch.uint8
    assert stacked.shape == (4, 2, 3, 1)
    assert stacked[:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_an_error_while_gathering_is_raised_where_the_batch_is_wanted():
    class Broken:
        def __getitem__(self, rows: Any) -> Any:
            raise OSError("gone")

    broken = Split("train", Broken(), np.zeros(4, np.int64), list("abcd"))
    with pytest.raises(OSError, match="gone"):
        list(Batches(broken, 2, PLAIN))


@pytest.mark.parametrize("part", [False, True])
def test_images_that_stay_on_the_device_give_the_same_batches(part: bool):
    whole = split(23, side=4)
    some = whole.part("some", np.array([2, 3, 5, 7, 11, 13, 17, 19])) if part else whole
    copied = list(Batches(some, 5, PLAIN, sampling=shuffled(1)))
    resident = list(Batches(some, 5, PLAIN, sampling=shuffled(1), residence=Residence(CPU, free=lambda: 10**6)))
    assert len(copied) == len(resident) > 1
    for one, other in zip(copied, resident, strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_images_stay_on_the_device_once_and_only_where_there_is_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zoo.data.gpu_cache, "_PIECE", 4)
    whole = split(10)
    part = whole.part("part", np.arange(3))
    roomy = Residence(CPU, free=lambda: 4 * whole.images.nbytes)
    assert torch.equal(roomy.images(whole), torch.from_numpy(whole.images.copy()))
    assert roomy.images(part) is roomy.images(whole)
    assert Residence(CPU, free=lambda: 4 * whole.images.nbytes - 1).images(whole) is None
    assert Residence(CPU).images(whole) is None, "a CPU has them already"
    streamed = Split("train", object(), whole.labels, whole.names)
    assert roomy.images(streamed) is None


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_normalising_row_by_row_changes_no_bit_and_no_layout(channels: int, layout: torch.memory_format):
    mean, std = torch.rand(channels).tolist(), (0.1 + torch.rand(channels)).tolist()
    images = torch.rand(3, channels, 5, 7).contiguous(memory_format=layout)
    wanted = (images - torch.tensor(mean).view(1, -1, 1, 1)) / torch.tensor(std).view(1, -1, 1, 1)
    normalize = Normalize(mean, std, CPU)
    assert torch.equal(normalize(images), wanted)
    assert normalize(images).is_contiguous(memory_format=layout)
    assert torch.allclose(normalize.undone(wanted), images, atol=1e-6)
    assert Normalize([0.0] * channels, [1.0] * channels, CPU)(images) is images
    assert torch.equal(Normalize([0.5], [0.25], CPU)(images), (images - 0.5) / 0.25), "one value for all channels"
