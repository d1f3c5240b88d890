"""RandAugment's operations against torchvision's and PIL's, and the two policies that choose from them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from torch import Tensor

from zoo_augment import operations
from zoo_augment.choosing import rand_augment, trivial_augment
from zoo_augment.warp import affine_matrices, warp

SHAPES = st.tuples(st.integers(1, 3), st.sampled_from([1, 3]), st.integers(1, 20), st.integers(1, 20))
LABELS = torch.zeros(1000, dtype=torch.int64)


def bytes_of(shape: tuple[int, ...], seed: int, power: float = 2.0) -> Tensor:
    """uint8 images with more dark pixels than bright ones; the first channel of the first is of one value."""
    drawn = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) ** power
    drawn[0, 0] = 0.3
    return (drawn * 255).round().byte()


def grainy(side: int) -> Tensor:
    """An asymmetric picture (1, 3, side, side), smooth but for some grain, in steps of 1 / 255, darker than white."""
    grain = torch.rand(3, side, side, generator=torch.Generator().manual_seed(0))
    y, x = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    picture = torch.stack([x * y, (3 * x).sin() ** 2, 0.2 + 0.6 * y**2])[None]
    return ((0.85 * picture + 0.1 * grain) * 255).round() / 255


@given(shape=SHAPES, seed=st.integers(0, 2**20), bits=st.integers(1, 8))
@settings(deadline=None, max_examples=40)
def test_posterize_and_equalize_are_torchvisions_on_bytes(shape: tuple[int, ...], seed: int, bits: int):
    from torchvision.transforms.v2.functional import equalize, posterize

    images = bytes_of(shape, seed)
    units = images.float() / 255
    all_bits = torch.full((len(images),), float(bits))
    torch.testing.assert_close(operations.posterize(units, all_bits), posterize(images, bits).float() / 255)
    torch.testing.assert_close(operations.equalize(units), equalize(images).float() / 255)


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_posterize_and_equalize_are_pils(bits: int):
    images = bytes_of((2, 3, 40, 50), 0)
    for image, mine, even in zip(
        images,
        operations.posterize(images.float() / 255, torch.full((2,), float(bits))),
        operations.equalize(images.float() / 255),
        strict=True,
    ):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        for theirs, ours in ((ImageOps.posterize(picture, bits), mine), (ImageOps.equalize(picture), even)):
            expected = torch.from_numpy(np.asarray(theirs).copy()).permute(2, 0, 1).float() / 255
            torch.testing.assert_close(ours, expected)


@given(shape=SHAPES, seed=st.integers(0, 2**20), strength=st.floats(0.0, 2.0))
@settings(deadline=None, max_examples=40)
def test_auto_contrast_solarize_and_sharpness_are_torchvisions(shape: tuple[int, ...], seed: int, strength: float):
    from torchvision.transforms.v2.functional import adjust_sharpness, autocontrast, solarize

    images = bytes_of(shape, seed).float() / 255
    all_alike = torch.full((len(images),), strength)
    torch.testing.assert_close(operations.auto_contrast(images), autocontrast(images), rtol=0, atol=1e-6)
    torch.testing.assert_close(operations.solarize(images, all_alike / 2), solarize(images, float(all_alike[0] / 2)))
    sharper = operations.sharpen(images, all_alike)
    torch.testing.assert_close(sharper, adjust_sharpness(images, strength), rtol=0, atol=1e-5)


def test_each_image_has_a_strength_of_its_own():
    images = bytes_of((1, 3, 12, 12), 1).float().repeat(3, 1, 1, 1) / 255
    strengths = torch.tensor([0.2, 0.9, 1.7])
    for operation, each in (
        (operations.sharpen, strengths),
        (operations.solarize, strengths / 2),
        (operations.posterize, torch.tensor([2.0, 4.0, 7.0])),
    ):
        together = operation(images, each)
        for i in range(3):
            assert torch.equal(together[i : i + 1], operation(images[i : i + 1], each[i : i + 1]))
        assert not torch.equal(together[0], together[1])


@pytest.mark.parametrize(("across", "down"), [(0.3, 0.0), (0.0, -0.3)])
def test_shear_is_torchvisions_about_the_middle(across: float, down: float):
    images = grainy(40)
    matrices = affine_matrices(images, shear=(torch.tensor([across]), torch.tensor([down])))
    expected, inside = moved(images, shear=(across, down))
    torch.testing.assert_close(warp(images, matrices) * inside, expected * inside, rtol=0, atol=1e-4)
    assert not torch.allclose(warp(images, matrices), images, atol=0.05)
    assert float(inside.mean()) > 0.5


def test_shear_keeps_pixels_where_height_and_width_differ():
    images = grainy(40)[..., :30]
    matrices = affine_matrices(images, shear=(torch.tensor([0.25]), torch.tensor([0.0])))
    expected, inside = moved(images, shear=(0.25, 0.0))
    torch.testing.assert_close(warp(images, matrices) * inside, expected * inside, rtol=0, atol=1e-4)


def moved(images: Tensor, shear: tuple[float, float] = (0.0, 0.0), **how: float) -> tuple[Tensor, Tensor]:
    """Torchvision's picture, and where it is one: 1 or 0, (1, 1, H, W). Directions are those of mine."""
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2.functional import affine

    x, y = (float(torch.tensor(s).atan().rad2deg()) for s in shear)
    translate = [-how.get("x", 0.0), -how.get("y", 0.0)]  # what lies there comes to the middle
    both = torch.cat([images, torch.ones_like(images[:, :1])], dim=1)
    result = affine(both, -how.get("degrees", 0.0), translate, 1.0, [x, y], interpolation=InterpolationMode.BILINEAR)
    return result[:, :-1], (result[:, -1:] > 0.999).float()


Candidate = tuple[str, Tensor, Tensor]


def candidates(images: Tensor, ranges: dict[str, float], share: float, bits: int) -> list[Candidate]:
    """All that an operation of this strength, a share of the strongest, may make of a picture, by torchvision."""
    from torchvision.transforms.v2 import functional as f

    whole = torch.ones(1, 1, *images.shape[-2:])
    eight = (images * 255).round().byte()
    found = [
        ("none", images, whole),
        ("auto_contrast", f.autocontrast(images), whole),
        ("equalize", f.equalize(eight).float() / 255, whole),
        ("posterize", f.posterize(eight, bits).float() / 255, whole),
        ("solarize", f.solarize(images, 1 - share), whole),
    ]
    for sign in (-1, 1):
        by = {name: sign * most * share for name, most in ranges.items()}
        found += [
            ("shear_x", *moved(images, shear=(by["shear"], 0.0))),
            ("shear_y", *moved(images, shear=(0.0, by["shear"]))),
            ("translate_x", *moved(images, x=by["pixels"])),
            ("translate_y", *moved(images, y=by["pixels"])),
            ("rotate", *moved(images, degrees=by["degrees"])),
            ("brightness", f.adjust_brightness(images, 1 + by["factor"]), whole),
            ("contrast", f.adjust_contrast(images, 1 + by["factor"]), whole),
            ("saturation", f.adjust_saturation(images, 1 + by["factor"]), whole),
            ("sharpness", f.adjust_sharpness(images, 1 + by["factor"]), whole),
        ]
    return found


def matching(result: Tensor, among: list[Candidate]) -> list[str]:
    """The operations that could have made this picture (3, H, W)."""
    pictures, masks = (torch.cat([c[i] for c in among]) for i in (1, 2))
    farthest = ((result - pictures) * masks).abs().amax((1, 2, 3))
    return [name for (name, _, _), distance in zip(among, farthest.tolist(), strict=True) if distance < 3e-3]


FOURTEEN = 14
NARROW = {"shear": 0.3, "degrees": 30.0, "factor": 0.9}


def test_rand_augment_does_one_of_fourteen_operations_as_torchvision_does_them():
    picture = grainy(40)
    torch.manual_seed(0)
    results = rand_augment(40, num_ops=1, magnitude=15)(picture.repeat(700, 1, 1, 1), LABELS)[0]
    among = candidates(picture, {**NARROW, "pixels": 150 / 331 * 40}, 0.5, bits=6)
    found = [matching(result, among) for result in results]
    assert [names for names in found if len(set(names)) != 1] == [], "each is what one operation makes"
    counts = Counter(names[0] for names in found)
    assert len(counts) == FOURTEEN
    assert min(counts.values()) > 25, "each about 50 times"
    assert max(counts.values()) < 80
    assert len({result.numpy().tobytes() for result in results}) == 5 + 2 * 9, "both signs of nine of them"


def test_rand_augment_at_no_strength_changes_at_most_contrast_and_histogram():
    picture = grainy(40)
    torch.manual_seed(0)
    results = rand_augment(40, num_ops=1, magnitude=0)(picture.repeat(100, 1, 1, 1), LABELS)[0]
    among = candidates(picture, {**NARROW, "pixels": 0.0}, 0.0, bits=8)
    kinds = {tuple(sorted(set(matching(result, among)) & {"none", "auto_contrast", "equalize"})) for result in results}
    assert kinds <= {("none",), ("auto_contrast",), ("equalize",), ("auto_contrast", "none")}
    assert any("none" in kind for kind in kinds)


def test_rand_augment_does_as_many_operations_as_it_is_told():
    picture = grainy(24)
    torch.manual_seed(0)
    one, three = (rand_augment(24, num_ops=n)(picture.repeat(300, 1, 1, 1), LABELS)[0] for n in (1, 3))
    different = [len({result.numpy().tobytes() for result in results}) for results in (one, three)]
    assert different[0] <= 23
    assert different[1] > 200


def test_trivial_augment_does_one_operation_of_any_strength_as_torchvision_does_it():
    picture = grainy(48)
    torch.manual_seed(0)
    results = trivial_augment(48)(picture.repeat(60, 1, 1, 1), LABELS)[0]
    among = []
    for magnitude in range(31):
        ranges = {"shear": 0.99, "degrees": 135.0, "factor": 0.99, "pixels": 32.0}
        among += candidates(picture, ranges, magnitude / 30, bits=round(8 - magnitude / 5))
    found = [set(matching(result, among)) for result in results]
    assert all(found), "each is what an operation makes"
    assert len(set().union(*(names for names in found if len(names) == 1))) >= 9
    assert len({result.numpy().tobytes() for result in results}) > 30, "of many strengths"


@given(shape=st.tuples(st.integers(1, 9), st.sampled_from([1, 2, 3, 6]), st.integers(1, 20), st.integers(1, 20)))
@settings(deadline=None, max_examples=20)
def test_images_of_any_form_stay_images(shape: tuple[int, ...]):
    images = torch.rand(shape)
    for augment in (rand_augment(1, 3, 30), trivial_augment(1)):
        before = images.clone()
        result = augment(images, LABELS)[0]
        assert result.shape == images.shape
        assert result.isfinite().all()
        assert 0 <= float(result.min()) <= float(result.max()) <= 1
        assert torch.equal(images, before)
