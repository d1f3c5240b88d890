"""Corruptions: what they keep, that they repeat, and that a higher strength changes real photographs more."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from zoo.data.split import Split
from zoo_robustness.corrupt import CATEGORIES, KINDS, STRENGTHS, CorruptedImages, corrupt
from zoo_robustness.weather import plasma

Pixels = NDArray[np.uint8]
PHOTOS = Path(os.environ.get("ZOO_TEST_PHOTOS", Path(__file__).parents[4] / "shared" / "data" / "cats_dogs"))
FALLING = ("elastic_transform", "frost", "fog")
"""Kinds whose published parameters do not change the pixels more at each strength."""


def drawn(side: int = 48, channels: int = 3, seed: int = 0) -> Pixels:
    """A smooth picture with an edge."""
    across = np.linspace(40, 200, side)
    image = np.repeat((across[:, None] + across)[..., None] / 2, channels, axis=2)
    image[: side // 2, side // 3 : side // 2] = 20 + 10 * seed
    return image.astype(np.uint8)


def test_there_are_the_fifteen_of_the_paper():
    assert {name: len(kinds) for name, kinds in CATEGORIES.items()} == {
        "noise": 3,
        "blur": 4,
        "weather": 4,
        "digital": 4,
    }
    assert len(KINDS) == 15


@pytest.mark.parametrize("kind", KINDS)
def test_shape_and_type_are_kept_and_the_image_is_changed(kind: str):
    for pixels in (drawn(), drawn(channels=1), drawn(33)[:, :32]):
        before = pixels.copy()
        found = corrupt(pixels, kind, 3)
        assert found.shape == pixels.shape
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - pixels).mean() > 0.3
        assert np.array_equal(pixels, before)


@pytest.mark.parametrize("kind", KINDS)
def test_seed_and_image_decide(kind: str):
    pixels = drawn()
    assert np.array_equal(corrupt(pixels, kind, 4, seed=1), corrupt(pixels.copy(), kind, 4, seed=1))
    random = kind not in ("defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression")
    assert np.array_equal(corrupt(pixels, kind, 4, seed=1), corrupt(pixels, kind, 4, seed=2)) is not random


def test_different_images_get_different_noise():
    one, other = drawn(seed=0), drawn(seed=1)
    same = one == other
    noise = [corrupt(image, "gaussian_noise", 1).astype(int) - image for image in (one, other)]
    assert not np.array_equal(noise[0][same], noise[1][same])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in FALLING])
@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"there are no photographs in {PHOTOS}; set ZOO_TEST_PHOTOS")
def test_a_higher_strength_changes_photographs_more(kind: str):
    photos = [np.asarray(Image.open(p).convert("RGB").resize((224, 224))) for p in sorted(PHOTOS.rglob("*.jpg"))[::400]]
    errors = [np.mean([np.abs(corrupt(p, kind, s).astype(int) - p).mean() for p in photos]) for s in STRENGTHS]
    assert errors == sorted(errors)
    assert errors[-1] > 1.5 * errors[0]


def test_published_parameters_of_what_can_be_measured():
    grey = np.full((224, 224, 3), 128, np.uint8)
    noise = corrupt(grey, "gaussian_noise", 1).astype(float) / 255
    assert noise.std() == pytest.approx(0.08, abs=0.001)
    impulses = corrupt(grey, "impulse_noise", 5)
    assert (impulses != 128).mean() == pytest.approx(0.27, abs=0.005)
    assert (impulses == 255).mean() == pytest.approx((impulses == 0).mean(), abs=0.005)
    shots = corrupt(grey, "shot_noise", 3).astype(float) / 255
    assert shots.var() == pytest.approx(128 / 255 / 12, rel=0.06)  # the brightest values are clipped
    photo = drawn(224)
    assert corrupt(photo, "contrast", 5).std() == pytest.approx(0.05 * photo.std(), rel=0.1)
    assert corrupt(grey, "brightness", 2)[0, 0, 0] == pytest.approx(128 + 0.2 * 255, abs=1)
    edge = np.zeros((224, 224, 3), np.uint8)
    edge[112, 112] = 255
    spread = np.flatnonzero(corrupt(edge, "defocus_blur", 3)[112, :, 0])
    assert len(spread) == pytest.approx(2 * 6 + 1, abs=2)


def test_lengths_scale_with_the_side():
    reach = []
    for side in (224, 112):
        dot = np.zeros((side, side, 3), np.uint8)
        dot[side // 2, side // 2] = 255
        reach.append(len(np.flatnonzero(corrupt(dot, "defocus_blur", 5)[side // 2, :, 0])))
    assert reach[0] == pytest.approx(2 * reach[1], abs=3)


def test_plasma_fills_the_range_and_tiles():
    clouds = plasma(100, 2.0, np.random.default_rng(0))
    assert clouds.shape == (128, 128)
    assert (clouds.min(), clouds.max()) == (0, 1)
    steps = np.abs(np.diff(clouds, axis=0, append=clouds[:1]))
    assert steps[-1].mean() < 3 * steps[:-1].mean(), "the last row continues in the first"


def test_images_of_a_part_of_a_split_are_corrupted_on_access():
    images = np.stack([drawn(16, seed=i) for i in range(6)])
    split = Split("val", images, np.zeros(6, int), list("abcdef")).part("val", np.array([5, 2, 0]))
    with ThreadPoolExecutor(2) as pool:
        corrupted = CorruptedImages(split, "fog", 2, 0, pool)
        found = corrupted[np.array([1, 2])]
    assert np.array_equal(found, np.stack([corrupt(images[2], "fog", 2), corrupt(images[0], "fog", 2)]))


@pytest.mark.parametrize("side", [16, 32, 64, 112, 224])
def test_defocus_blurs_small_images_too(side: int):
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    change = [np.abs(corrupt(image, "defocus_blur", strength).astype(float) - image).mean() for strength in STRENGTHS]
    assert change[0] > 5
    assert change == sorted(change)
    assert len(set(change)) == 5
