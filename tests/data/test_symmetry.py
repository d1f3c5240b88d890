"""The test of mirrored images, on digits and on pictures that have no left and right."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.data.symmetry import LEAST, MOST, keeps_class_when_mirrored, thumbnails
from zoo_images.digits import digits


class Pictures:
    """Images (C, H, W) with labels."""

    def __init__(self, images, labels, classes):
        self.images, self.targets, self.classes = images, labels, classes

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.targets[index]


def bars(upright: bool, count: int = 300) -> Pictures:
    """Bright bars on noise: left or right of the middle, or above or below it."""
    noise = np.random.default_rng(0).integers(0, 90, (count, 1, 24, 24)).astype(np.uint8)
    labels = np.arange(count) % 2
    for image, label in zip(noise[:, 0], labels, strict=True):
        side = slice(3, 7) if label else slice(17, 21)
        image[:, side] += 120 if upright else 0
        image[side] += 0 if upright else 120
    return Pictures(noise, labels, ["a", "b"])


def test_digits_are_not_mirrored():
    assert keeps_class_when_mirrored(digits(None, "train")) is False


def test_left_and_right_are_not_mirrored_but_above_and_below_are():
    assert keeps_class_when_mirrored(bars(upright=True)) is False
    assert keeps_class_when_mirrored(bars(upright=False)) is True


def test_of_noise_nothing_is_said():
    noise = np.random.default_rng(0).integers(0, 256, (300, 3, 20, 20)).astype(np.uint8)
    assert keeps_class_when_mirrored(Pictures(noise, np.arange(300) % 3, ["a", "b", "c"])) is None


def test_of_few_images_nothing_is_said():
    few = bars(upright=True, count=40)
    assert keeps_class_when_mirrored(few) is None


@pytest.mark.parametrize(("classes", "looked_at"), [(2, LEAST), (40, 12 * 40), (100, MOST)])
def test_how_many_are_looked_at(classes: int, looked_at: int):
    images = np.zeros((2000, 1, 8, 8), np.uint8)
    found, labels = thumbnails(Pictures(images, np.arange(2000) % classes, list(map(str, range(classes)))))
    assert len(found) == len(labels) == looked_at


def test_what_cannot_be_decoded_is_left_out(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    images = [broken if i % 2 else np.zeros((1, 8, 8), np.uint8) for i in range(20)]
    found, labels = thumbnails(Pictures(images, [i % 4 for i in range(20)], list("abcd")))
    assert len(found) == 10
    assert set(labels) == {0, 2}
