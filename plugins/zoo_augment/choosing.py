"""Policies with a random operation for every sample: RandAugment and TrivialAugment.

Samples with the same operation, or with operations that combine into one sum or one resampling, are processed
together. Choices come from torch's CPU generator, so that the device is not synchronised.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo_augment.colour import recolour
from zoo_augment.draws import Augment, Batch, Size, need_within
from zoo_augment.operations import auto_contrast, equalize, posterize, sharpen, solarize
from zoo_augment.warp import affine_matrices, warp

__all__ = ["rand_augment", "trivial_augment"]

STRONGEST = 30
"""Maximum magnitude; magnitudes are in 0..30, the 31 bins of torchvision."""
PIXELS = 32
"""Maximum translation of TrivialAugment in pixels, for images of any size."""

Strength = Callable[[str], Tensor]
Operation = Callable[[Tensor, Strength], Tensor]
# Values of an operation at magnitudes 0 and 30, and True for a random sign. Operations without a magnitude are absent.
Space = dict[str, tuple[float, float, bool]]
_BOTH_WAYS = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "contrast", "saturation")


def rand_augment(size: Size, num_ops: int = 2, magnitude: float = 9.0) -> Augment:
    """RandAugment: a sequence of operations, drawn per sample from fourteen, with one magnitude (Cubuk et al. 2019).

    arXiv:1909.13719. The fourteen operations are identity, shear and translation along each axis, rotation, brightness,
    contrast, saturation, sharpness, posterize, solarize, auto-contrast and equalize. Ranges are torchvision's; borders
    are filled by reflection, and shears are centred. Saturation affects only images with three channels.

    Args:
        num_ops: number of operations per sample, at least 0.
        magnitude: magnitude of the operations, in 0..30.

    Raises:
        ValueError: a value is out of bounds.
    """
    need_within("num_ops", num_ops, 0, 100)
    need_within("magnitude", magnitude, 0, STRONGEST)
    space = _space(shear=0.3, move=(150 / 331, 150 / 331), degrees=30, factor=0.9, bits=4)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        for _ in range(num_ops):
            images = _operate(images, space, torch.full((len(images),), float(magnitude)))
        return images, targets

    return apply


def trivial_augment(size: Size) -> Augment:
    """TrivialAugment: one operation per sample with random magnitude, without parameters (Müller & Hutter 2021).

    arXiv:2103.10158. The operations of :func:`rand_augment` with the paper's wide ranges: rotations up to 135 degrees,
    shears up to 0.99, translations up to 32 pixels for any image size, factors of 0.01 to 1.99, posterize to 2 bits.
    """

    def apply(images: Tensor, targets: Tensor) -> Batch:
        move = (min(1.0, PIXELS / images.shape[3]), min(1.0, PIXELS / images.shape[2]))
        space = _space(shear=0.99, move=move, degrees=135, factor=0.99, bits=2)
        return _operate(images, space, torch.randint(0, STRONGEST + 1, (len(images),)).float()), targets

    return apply


def _space(shear: float, move: tuple[float, float], degrees: float, factor: float, bits: int) -> Space:
    """Ranges of the operations of a policy; the policies differ only in the maximum values."""
    strongest = (shear, shear, *move, degrees, factor, factor, factor)
    both_ways: Space = {name: (0.0, most, True) for name, most in zip(_BOTH_WAYS, strongest, strict=True)}
    return {**both_ways, "sharpness": (0.0, factor, True), "posterize": (8, bits, False), "solarize": (1, 0, False)}


def _operate(images: Tensor, space: Space, magnitudes: Tensor) -> Tensor:
    """Apply one operation per sample, drawn uniformly from all.

    Args:
        magnitudes: (N,) in 0..30, on the CPU.
    """
    chosen = torch.randint(0, len(_NAMES), (len(images),))
    signs = torch.randint(0, 2, (len(images),)) * 2 - 1
    low, high, signed = torch.tensor([space.get(name, (0.0, 0.0, False)) for name in _NAMES]).float()[chosen].T
    values = (low + (high - low) * magnitudes / STRONGEST) * torch.where(signed > 0, signs, 1)
    result = images.clone()
    for names, operation in _OPERATIONS:
        places = torch.isin(chosen, torch.tensor([_NAMES.index(name) for name in names])).nonzero().flatten()
        if len(places):
            theirs = _Strengths(chosen[places], values[places], images.device)
            index = places.to(images.device, non_blocking=True)
            result[index] = operation(images[index].contiguous(), theirs)  # sums over a channel are faster so
    return result


class _Strengths:
    """Strengths of a group of samples for an operation by name, (n,); 0 for samples with another operation."""

    def __init__(self, chosen: Tensor, values: Tensor, device: torch.device):
        self.chosen, self.values, self.device = chosen, values, device

    def __call__(self, name: str) -> Tensor:
        mine = torch.where(self.chosen == _NAMES.index(name), self.values, 0.0)
        return mine.to(self.device, non_blocking=True)


def _move(images: Tensor, strength: Strength) -> Tensor:
    matrices = affine_matrices(
        images,
        angle=strength("rotate"),
        shift=(2 * strength("translate_x"), 2 * strength("translate_y")),
        shear=(strength("shear_x"), strength("shear_y")),
    )
    return warp(images, matrices)


def _blend(images: Tensor, strength: Strength) -> Tensor:
    factors = (1 + strength(name).view(-1, 1, 1, 1) for name in ("brightness", "contrast", "saturation"))
    return recolour(images, *factors)


_OPERATIONS: tuple[tuple[tuple[str, ...], Operation], ...] = (
    (_BOTH_WAYS[:5], _move),
    (_BOTH_WAYS[5:], _blend),
    (("sharpness",), lambda images, strength: sharpen(images, 1 + strength("sharpness"))),
    (("posterize",), lambda images, strength: posterize(images, strength("posterize").round())),
    (("solarize",), lambda images, strength: solarize(images, strength("solarize"))),
    (("auto_contrast",), lambda images, strength: auto_contrast(images)),
    (("equalize",), lambda images, strength: equalize(images)),
)
_NAMES = ("none", *(name for names, _ in _OPERATIONS for name in names))
