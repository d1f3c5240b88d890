"""The augmentations: what they leave alone, what they change, and that they agree with other libraries."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from zoo_augment import colour, geometry, plugin
from zoo_augment.warp import affine_matrices, warp

FACTORIES: dict[str, Callable[..., Any]] = {
    c.name: getattr(importlib.import_module(c.target.split(":")[0]), c.target.split(":")[1])
    for c in plugin.zoo_augmentations()
}
CLASSES = 5
# Parameters with which a change is certain.
ALWAYS: dict[str, dict[str, Any]] = {"flip": {"p": 1.0}, "erase": {"p": 1.0}, "random_erasing": {"p": 1.0}}
IDENTITY: dict[str, dict[str, Any]] = {
    "flip": {"p": 0.0, "vertical": True},
    "rotate": {"degrees": 0.0},
    "crop": {"scale": (1.0, 1.0), "ratio": (1.0, 1.0)},
    "shift": {"fraction": 0.0},
    "affine": {"degrees": 0.0, "zoom": (1.0, 1.0), "shift": 0.0, "flip": False},
    "colour": {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0},
    "erase": {"p": 0.0},
    "random_erasing": {"p": 0.0},
    "mixup": {"p": 0.0},
    "cutmix": {"p": 0.0},
    "rand_augment": {"num_ops": 0},
    "none": {},
}
MIXING = {"mixup", "cutmix", "heavy"}
every_augmentation = pytest.mark.parametrize("name", FACTORIES)
every_change = pytest.mark.parametrize("name", sorted(set(FACTORIES) - {"none"}))


def pictures(n: int = 4, channels: int = 3, height: int = 24, width: int = 24, seed: int = 0) -> Tensor:
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(seed))


def smooth(height: int, width: int) -> Tensor:
    """An asymmetric picture (1, 3, H, W) without sharp edges, so that ways of resampling agree on it."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([x * y, (3 * x).sin() ** 2, 0.2 + 0.6 * y**2])[None]


def made(name: str, size: int | tuple[int, int], **params: Any) -> Any:
    """The augmentation, told the number of classes if it asks, as a job tells it."""
    factory = FACTORIES[name]
    told = {"num_classes": CLASSES} if "num_classes" in inspect.signature(factory).parameters else {}
    return factory(size, **told, **params)


def run(name: str, images: Tensor, seed: int = 0, **params: Any) -> Tensor:
    torch.manual_seed(seed)
    size = images.shape[2] if images.shape[2] == images.shape[3] else tuple(images.shape[2:])
    return made(name, size, **params)(images, torch.arange(len(images)) % CLASSES)[0]


def test_the_plugin_brings_exactly_these_augmentations():
    others = {"random_resized_crop", "trivial_augment", "light", "medium", "heavy"}
    assert set(FACTORIES) == set(IDENTITY) | others
    aliases = {a for c in plugin.zoo_augmentations() for a in c.aliases}
    assert aliases == {"color", "colour_jitter", "color_jitter", "randaugment", "trivialaugment"}


@every_augmentation
@given(
    shape=st.tuples(st.integers(1, 4), st.sampled_from([1, 2, 3, 5]), st.integers(1, 20), st.integers(1, 20)),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=10, deadline=None)
def test_shape_dtype_and_range_stay(name: str, shape: tuple[int, int, int, int], seed: int):
    images = pictures(*shape, seed=seed)
    before = images.clone()
    result = run(name, images, seed, **ALWAYS.get(name, {}))
    assert result.shape == images.shape
    assert result.dtype == torch.float32
    assert result.min() >= 0
    assert result.max() <= 1
    assert torch.equal(images, before), "the input was changed in place"


@every_augmentation
@pytest.mark.parametrize("channels_last", [False, True])
def test_memory_format_stays(name: str, channels_last: bool):
    images = pictures()
    if channels_last:
        images = images.to(memory_format=torch.channels_last)
    result = run(name, images, **ALWAYS.get(name, {}))
    assert result.is_contiguous(memory_format=torch.channels_last) == channels_last
    torch.testing.assert_close(result, run(name, images.contiguous(), **ALWAYS.get(name, {})))


@pytest.mark.parametrize("name", sorted(set(FACTORIES) - MIXING))
def test_targets_are_untouched(name: str):
    augment, images = made(name, 24), pictures()
    for targets in (torch.tensor([3, 1, 2, 0]), torch.rand(4, 5)):
        given_targets = targets.clone()
        assert torch.equal(augment(images, targets)[1], given_targets)


@every_change
def test_equal_images_come_out_different_and_a_seed_repeats_them(name: str):
    images = pictures(2).repeat(8, 1, 1, 1)  # of two kinds, so that what mixes has something to mix
    params = {} if name == "flip" else ALWAYS.get(name, {})
    first, again, other = (run(name, images, seed, **params) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert any(not torch.equal(first[0], image) for image in first[2::2])


@pytest.mark.parametrize("name", IDENTITY)
@pytest.mark.parametrize("shape", [(24, 24), (17, 30)])
def test_identity_parameters_change_nothing(name: str, shape: tuple[int, int]):
    images = pictures(4, 3, *shape)
    torch.testing.assert_close(run(name, images, **IDENTITY[name]), images, rtol=0, atol=1e-4)


@every_change
def test_default_parameters_change_something(name: str):
    images = pictures(16)
    assert not torch.allclose(run(name, images), images, atol=1e-2)


def test_flip_is_exact():
    images = pictures(4, 3, 17, 30)
    assert torch.equal(run("flip", images, p=1.0), images.flip(-1))
    assert torch.equal(run("flip", images, p=1.0, vertical=True), images.flip((-1, -2)))


def test_flip_flips_about_the_share_it_was_told():
    images = pictures(1).expand(2000, -1, -1, -1)
    torch.manual_seed(0)
    flipped = (geometry.flip(24, p=0.3)(images, torch.zeros(2000))[0] != images).flatten(1).any(1)
    assert float(flipped.float().mean()) == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize("shape", [(40, 40), (36, 60), (60, 36)])
@pytest.mark.parametrize("degrees", [20.0, -35.0])
def test_rotation_is_torchvisions_inside_the_largest_circle(shape: tuple[int, int], degrees: float):
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2.functional import rotate

    images = smooth(*shape)
    mine = warp(images, affine_matrices(images, angle=torch.tensor([degrees])))
    theirs = rotate(images, degrees, interpolation=InterpolationMode.BILINEAR)
    y, x = (torch.arange(side) - (side - 1) / 2 for side in shape)
    inside = y[:, None] ** 2 + x**2 < (min(shape) / 2 - 1) ** 2  # outside, theirs is black and mine mirrored
    torch.testing.assert_close(mine[..., inside], theirs[..., inside], rtol=0, atol=1e-4)
    assert not torch.allclose(mine[..., inside], images[..., inside], atol=0.05)


@pytest.mark.parametrize("shape", [(24, 24), (16, 30)])
def test_half_a_turn_flips_both_axes(shape: tuple[int, int]):
    images = pictures(2, 3, *shape)
    turned = warp(images, affine_matrices(images, angle=torch.tensor([180.0, -180.0])))
    torch.testing.assert_close(turned, images.flip((-1, -2)), rtol=0, atol=1e-4)


def test_quarter_turn_of_a_square_is_rot90():
    images = pictures(1)
    turned = warp(images, affine_matrices(images, angle=torch.tensor([90.0])))
    torch.testing.assert_close(turned, images.rot90(1, (-2, -1)), rtol=0, atol=1e-4)


def test_zoom_shows_the_middle_and_shift_moves_by_pixels():
    images = pictures(1, 3, 20, 20)
    two = torch.tensor([2.0])
    shown = warp(images, affine_matrices(images, zoom=(two, two)), (10, 10))
    torch.testing.assert_close(shown, images[:, :, 5:15, 5:15], rtol=0, atol=1e-5)
    looked = warp(images, affine_matrices(images, shift=(torch.tensor([2 * 3 / 20]), torch.tensor([0.0]))))
    torch.testing.assert_close(looked[..., :17], images[..., 3:], rtol=0, atol=1e-5)
    torch.testing.assert_close(looked[..., 17:], images[..., 17:].flip(-1), rtol=0, atol=1e-5)  # the mirror image


def test_picture_is_turned_first_and_mirrored_last():
    images = smooth(24, 24)
    both = warp(images, affine_matrices(images, angle=torch.tensor([30.0]), mirror=torch.tensor([-1.0])))
    turned = warp(images, affine_matrices(images, angle=torch.tensor([30.0])))
    torch.testing.assert_close(both, turned.flip(-1), rtol=0, atol=1e-4)


def test_crop_gives_the_size_it_was_told():
    images = pictures(3, 3, 30, 40)
    assert geometry.crop(16)(images, torch.zeros(3))[0].shape == (3, 3, 16, 16)
    assert geometry.crop((12, 20))(images, torch.zeros(3))[0].shape == (3, 3, 12, 20)


@pytest.mark.parametrize("name", ["affine", "crop", "random_resized_crop", "rotate", "shift"])
def test_what_resamples_makes_larger_pictures_the_size_it_was_told(name: str):
    targets = torch.zeros(4, dtype=torch.int64)
    assert made(name, 24)(pictures(height=33, width=33), targets)[0].shape == (4, 3, 24, 24)


def test_larger_pictures_are_sharper_where_they_are_enlarged():
    enlarge = made("affine", 24, degrees=0.0, zoom=(2.0, 2.0), shift=0.0, flip=False)
    large, targets = pictures(64, height=48, width=48), torch.zeros(64, dtype=torch.int64)
    small = torch.nn.functional.interpolate(large, (24, 24), mode="bilinear", antialias=True)
    assert enlarge(large, targets)[0].std() > 1.5 * enlarge(small, targets)[0].std()


def test_crop_stays_inside_the_picture():
    ramp = torch.linspace(0.2, 0.8, 40).expand(200, 1, 40, 40).contiguous()
    torch.manual_seed(0)
    cut = geometry.crop(40, scale=(0.25, 0.25), ratio=(1.0, 1.0))(ramp, torch.zeros(200))[0]
    assert bool((cut.diff(dim=-1) > 0).all()), "a mirrored border turns the ramp round"
    spans = cut[..., -1] - cut[..., 0]  # half of the width, a pixel's width less on each side
    torch.testing.assert_close(spans, torch.full_like(spans, 0.6 * 19.5 / 39), rtol=2e-2, atol=0)
    assert cut[:, 0, 0, 0].min() < 0.22
    assert cut[:, 0, 0, -1].max() > 0.78


def test_rotate_and_affine_stay_within_their_limits():
    dot = torch.zeros(300, 1, 41, 41)
    dot[:, :, 20, 32] = 1.0
    torch.manual_seed(0)
    turned = geometry.rotate(41, degrees=30.0)(dot, torch.zeros(300))[0]
    rows = torch.arange(41.0) - 20
    height = -(turned.sum((1, 3)) * rows).sum(1) / turned.sum((1, 2, 3))  # mean row: 12 pixels times the sine
    angles = (height / 12).clamp(-1, 1).asin().rad2deg()
    assert float(angles.max()) == pytest.approx(30, abs=2)
    assert float(angles.min()) == pytest.approx(-30, abs=2)
    assert abs(float(angles.mean())) < 3


@pytest.mark.parametrize(("brightness", "contrast", "saturation"), [(0.8, 1.0, 1.0), (1.0, 0.7, 1.0), (1.0, 1.0, 0.6)])
def test_colour_is_torchvisions(brightness: float, contrast: float, saturation: float):
    from torchvision.transforms.v2.functional import adjust_brightness, adjust_contrast, adjust_saturation

    images = pictures(2)
    mine = colour.recolour(images, *(torch.full((2, 1, 1, 1), f) for f in (brightness, contrast, saturation)))
    theirs = adjust_saturation(adjust_contrast(adjust_brightness(images, brightness), contrast), saturation)
    torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-3)


def test_colour_composes_its_three_steps():
    images = pictures(2) * 0.5 + 0.25
    b, c, s = (torch.tensor([x, 2 - x]).view(2, 1, 1, 1) for x in (0.9, 1.1, 0.8))
    one = torch.ones(2, 1, 1, 1)
    steps = colour.recolour(images, b, one, one)
    steps = colour.recolour(steps, one, c, one)
    steps = colour.recolour(steps, one, one, s)
    torch.testing.assert_close(colour.recolour(images, b, c, s), steps)


def test_saturation_leaves_grey_images_alone():
    params = {"brightness": 0.0, "contrast": 0.0, "saturation": 1.0}
    for channels in (1, 5):
        images = pictures(4, channels)
        torch.testing.assert_close(run("colour", images, **params), images)
    grey = pictures(4, 1).expand(-1, 3, -1, -1)
    torch.testing.assert_close(run("colour", grey, **params), grey)


def test_colour_changes_about_the_share_it_was_told():
    images = pictures(1).expand(1000, -1, -1, -1)
    changed = (run("colour", images, p=0.4) - images).abs().amax((1, 2, 3)) > 1e-4
    assert float(changed.float().mean()) == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("turns", [0.0, 0.1, -0.37, 0.5])
def test_turned_hue_is_torchvisions(turns: float):
    from torchvision.transforms.v2.functional import adjust_hue

    images = torch.cat(
        [pictures(2), pictures(1, 1).expand(-1, 3, -1, -1), torch.eye(3).view(1, 3, 3, 1).repeat(1, 1, 8, 24)]
    )
    mine = colour.turn_hue(images, torch.full((4, 1, 1, 1), turns))
    torch.testing.assert_close(mine, adjust_hue(images, turns), rtol=0, atol=1e-5)


def test_hue_is_turned_within_its_limits_and_only_of_three_channels():
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).repeat(400, 1, 4, 4)
    only = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0}
    turned = run("colour", red, hue=0.1, **only)[:, :, 0, 0]
    assert bool((turned[:, 0] == 1).all()), "red stays the largest within a sixth of the circle"
    assert float(turned[:, 1].max()) == pytest.approx(0.6, abs=0.02)
    assert float(turned[:, 2].max()) == pytest.approx(0.6, abs=0.02)
    many = pictures(4, 5)
    torch.testing.assert_close(run("colour", many, hue=0.5, **only), many)


def test_inceptions_crop_draws_areas_and_proportions_within_their_limits_as_torchvision_does():
    """Ramps in x and y tell where each part lies: its width and height in shares of."""
    from torchvision.transforms import RandomResizedCrop

    ramp = torch.linspace(0.5, 99.5, 100) / 100
    ramps = torch.stack([ramp.expand(60, 100), (torch.linspace(0.5, 59.5, 60) / 60)[:, None].expand(60, 100)])
    cut = run("random_resized_crop", ramps.repeat(600, 1, 1, 1), scale=(0.1, 0.6), ratio=(0.5, 2.0))
    width = (cut[:, 0, 0, -1] - cut[:, 0, 0, 0]) * 100 / 99  # between the centres of the outermost pixels
    height = (cut[:, 1, -1, 0] - cut[:, 1, 0, 0]) * 60 / 59
    area, ratio = width * height, width * 100 / (height * 60)
    assert float(area.min()) > 0.095
    assert float(area.max()) < 0.605
    assert float(ratio.min()) > 0.49
    assert float(ratio.max()) < 2.05
    parts = [RandomResizedCrop.get_params(torch.empty(3, 60, 100), [0.1, 0.6], [0.5, 2.0])[2:] for _ in range(600)]
    theirs = torch.tensor(parts).float()  # (600, 2): height and width
    for found, wanted in ((area, theirs.prod(1) / 6000), (ratio.log(), (theirs[:, 1] / theirs[:, 0]).log())):
        assert float(found.mean()) == pytest.approx(float(wanted.mean()), abs=0.06)
        assert float(found.std()) == pytest.approx(float(wanted.std()), abs=0.03)
    assert bool((cut[:, 0].diff(dim=-1) > 0).all()), "a part never reaches over the edge"


def test_inceptions_crop_falls_back_to_the_middle_where_no_part_fits():
    images = pictures(2, 3, 12, 40)
    shown = run("random_resized_crop", images, scale=(1.0, 1.0), ratio=(1.0, 1.0))
    across = torch.full((2,), 12 / 40)
    expected = warp(images, affine_matrices(images, zoom=(1 / across, torch.ones(2))))
    torch.testing.assert_close(shown, expected)


@pytest.mark.parametrize("fill", ["random", "mean", "black"])
@given(low=st.floats(0.02, 0.4), more=st.floats(0.0, 0.5), seed=st.integers(0, 2**20))
@settings(max_examples=15, deadline=None)
def test_the_erased_area_is_within_its_range(fill: str, low: float, more: float, seed: int):
    images = pictures(16, 3, 40, 30, seed) * 0.9 + 0.05  # neither black nor by chance what is painted
    result = run("random_erasing", images, seed, p=1.0, area=(low, low + more), fill=fill)
    hidden = (result != images).any(1)
    rows, columns = hidden.any(2).sum(1), hidden.any(1).sum(1)
    assert torch.equal(hidden.sum((1, 2)), rows * columns), "one full rectangle"
    # Sides are whole pixels: each is at most half a pixel from what was drawn, and at least one.
    assert bool(((rows - 0.51) * (columns - 0.51) <= (low + more) * 1200).all())
    assert bool(((rows + 0.51) * (columns + 0.51) >= low * 1200).all())


def test_random_erasing_fills_with_noise_of_all_values():
    result = run("random_erasing", torch.zeros(64, 3, 32, 32), p=1.0)
    noise = result[result > 0]
    assert len(noise) > 5000
    assert float(noise.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(noise.max()) > 0.99


def test_erase_paints_one_rectangle_of_the_mean_colour():
    images = pictures(500, 3, 32, 32)
    result = run("erase", images, p=1.0, area=(0.1, 0.2))
    hidden = (result != images).any(1)  # (N, H, W)
    rows, columns = hidden.any(2), hidden.any(1)
    assert torch.equal(hidden, rows[:, :, None] & columns[:, None, :])
    for line in (rows, columns):
        assert bool((line.int().diff(dim=1).abs().sum(1) + line[:, 0].int() + line[:, -1].int() == 2).all())
    share = hidden.float().mean((1, 2))
    assert share.min() > 0.07
    assert share.max() < 0.24
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    assert torch.equal(result[hidden[:, None].expand_as(images)], mean[hidden[:, None].expand_as(images)])


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("flip", {"p": 1.5}, "p is 1.5"),
        ("rotate", {"degrees": -1.0}, "degrees is -1.0"),
        ("rotate", {"degrees": 200.0}, "degrees is 200.0"),
        ("crop", {"scale": (0.0, 1.0)}, "scale is"),
        ("crop", {"scale": (0.5, 1.2)}, "scale is"),
        ("crop", {"scale": (0.9, 0.5)}, "scale is"),
        ("crop", {"ratio": (1.0, math.inf)}, "ratio is"),
        ("random_resized_crop", {"scale": (0.0, 1.0)}, "scale is"),
        ("random_resized_crop", {"ratio": (2.0, 1.0)}, "ratio is"),
        ("shift", {"fraction": 1.1}, "fraction is 1.1"),
        ("affine", {"zoom": (0.0, 1.0)}, "zoom is"),
        ("affine", {"zoom": (1.2, 0.8)}, "zoom is"),
        ("affine", {"degrees": math.nan}, "degrees is nan"),
        ("affine", {"shift": -0.1}, "shift is -0.1"),
        ("colour", {"brightness": 2.0}, "brightness is 2.0"),
        ("colour", {"p": -0.1}, "p is -0.1"),
        ("erase", {"p": 2.0}, "p is 2.0"),
        ("colour", {"hue": 0.6}, "hue is 0.6"),
        ("erase", {"area": (0.3, 0.1)}, "area is"),
        ("random_erasing", {"p": -1.0}, "p is -1.0"),
        ("random_erasing", {"ratio": (0.0, 1.0)}, "ratio is"),
        ("mixup", {"alpha": 0.0}, "alpha is"),
        ("mixup", {"p": 1.1}, "p is 1.1"),
        ("cutmix", {"alpha": math.inf}, "alpha is"),
        ("cutmix", {"p": math.nan}, "p is nan"),
        ("rand_augment", {"num_ops": -1}, "num_ops is -1"),
        ("rand_augment", {"magnitude": 31.0}, "magnitude is 31.0"),
    ],
)
def test_values_out_of_bounds_are_refused(name: str, params: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        FACTORIES[name](24, **params)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_change
def test_works_on_cuda_without_waiting_for_it(name: str):
    images, targets = pictures().cuda(), torch.arange(4).cuda()
    augment = made(name, 24, **ALWAYS.get(name, {}))
    torch.cuda.set_sync_debug_mode("error")
    try:
        result, _ = augment(images, targets)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert result.is_cuda
    assert not torch.equal(result, images)
