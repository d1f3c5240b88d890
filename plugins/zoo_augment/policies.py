"""Augmentation policies: combinations of the other augmentations under one name."""

from __future__ import annotations

from torch import Tensor

from zoo_augment.choosing import rand_augment
from zoo_augment.colour import colour
from zoo_augment.draws import Augment, Batch, Size
from zoo_augment.erasing import random_erasing
from zoo_augment.geometry import affine, random_resized_crop
from zoo_augment.geometry import flip as mirror
from zoo_augment.mixing import cutmix

__all__ = ["heavy", "light", "medium", "none"]


def none(size: Size) -> Augment:
    """No augmentation, for a job whose recipe has another policy."""
    return _one_after_another()


def light(size: Size, flip: bool = True) -> Augment:
    """Mild policy for pretrained networks or much data: ``affine`` up to 5 degrees, zoom 0.95..1.15, shift 0.03.

    Args:
        flip: flip half of the samples horizontally; not for digits, letters and signs.
    """
    return affine(size, degrees=5.0, zoom=(0.95, 1.15), shift=0.03, flip=flip)


def medium(size: Size, flip: bool = True) -> Augment:
    """Medium policy for training from scratch: ``affine`` and ``colour``.

    Rotation up to 12 degrees, zoom 0.95..1.67, colour factors up to 0.3; the base of the recipe of ``simple_cnn`` for
    photographs.

    Args:
        flip: flip half of the samples horizontally; not for digits, letters and signs.
    """
    return _one_after_another(
        affine(size, degrees=12.0, zoom=(0.95, 1.67), stretch=0.15, shift=0.025, flip=flip),
        colour(size, brightness=0.3, contrast=0.3, saturation=0.3),
    )


def heavy(size: Size, flip: bool = True, num_classes: int | None = None) -> Augment:
    """Strong policy for long trainings of large networks on little data; half of the targets become soft.

    ``flip``, ``random_resized_crop`` of at least 0.35 of the area, ``rand_augment`` (two operations of magnitude 9),
    ``random_erasing`` for a quarter of the samples, ``cutmix`` for half of them.

    Args:
        flip: flip half of the samples horizontally; not for digits, letters and signs.
        num_classes: set by the job; by default one more than the largest label of the batch.
    """
    return _one_after_another(
        mirror(size, p=0.5 if flip else 0.0),
        random_resized_crop(size, scale=(0.35, 1.0)),
        rand_augment(size),
        random_erasing(size, p=0.25),
        cutmix(size, p=0.5, num_classes=num_classes),
    )


def _one_after_another(*augmentations: Augment) -> Augment:
    def apply(images: Tensor, targets: Tensor) -> Batch:
        for augment in augmentations:
            images, targets = augment(images, targets)
        return images, targets

    return apply
