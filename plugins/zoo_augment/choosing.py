"""Policies that choose an operation for every sample: RandAugment and TrivialAugment.

A batch is not looped over: the samples of one operation, or of several that are one sum or one resampling, are worked
on together. What is chosen is drawn by torch's generator of the processor, so that nothing waits for the device.
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
"""Magnitudes are in 0..30, as in torchvision, whose 31 bins they are."""
PIXELS = 32
"""How far TrivialAugment moves a picture of any size."""

Strength = Callable[[str], Tensor]
Operation = Callable[[Tensor, Strength], Tensor]
# What strength 0 and strength 30 of an operation mean, and whether its sign is drawn too. Those without one are absent.
Space = dict[str, tuple[float, float, bool]]
_BOTH_WAYS = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "contrast", "saturation")


def rand_augment(size: Size, num_ops: int = 2, magnitude: float = 9.0) -> Augment:
    """Operations one after the other, each sample's drawn from fourteen, all of one strength (Cubuk et al. 2019).

    arXiv:1909.13719. The fourteen: none, shear and move each way, turn, brightness, contrast, saturation, sharpness,
    posterize, solarize, auto-contrast, equalize. Ranges are torchvision's; beyond the edge lies the mirror image, and
    pictures are sheared about their middle. Saturation leaves images alone whose channels are not three.

    Args:
        num_ops: operations a sample, at least 0.
        magnitude: strength, in 0..30.

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
    """One operation a sample, drawn as its strength is: nothing to tune (Müller & Hutter 2021, arXiv:2103.10158).

    The operations of :func:`rand_augment` with the paper's wide ranges: turned up to 135 degrees, sheared up to 0.99,
    moved up to 32 pixels of a picture of any size, factors of 0.01 to 1.99, posterized down to 2 bits.
    """

    def apply(images: Tensor, targets: Tensor) -> Batch:
        move = (min(1.0, PIXELS / images.shape[3]), min(1.0, PIXELS / images.shape[2]))
        space = _space(shear=0.99, move=move, degrees=135, factor=0.99, bits=2)
        return _operate(images, space, torch.randint(0, STRONGEST + 1, (len(images),)).float()), targets

    return apply


def _space(shear: float, move: tuple[float, float], degrees: float, factor: float, bits: int) -> Space:
    """The ranges of both policies' operations, of which only the strongest values differ."""
    strongest = (shear, shear, *move, degrees, factor, factor, factor)
    both_ways: Space = {name: (0.0, most, True) for name, most in zip(_BOTH_WAYS, strongest, strict=True)}
    return {**both_ways, "sharpness": (0.0, factor, True), "posterize": (8, bits, False), "solarize": (1, 0, False)}


def _operate(images: Tensor, space: Space, magnitudes: Tensor) -> Tensor:
    """One operation a sample, drawn alike from all.

    Args:
        magnitudes: (N,) in 0..30, on the processor.
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
    """The strengths of one group of samples: called with an operation's name, (n,), and 0 for other operations'."""

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
