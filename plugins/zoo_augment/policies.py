"""Whole policies by one name, made of the other augmentations; what a job names is the first thing to try."""

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
    """Nothing: the images as they are, for a job that would have another policy by its recipe."""
    return _one_after_another()


def light(size: Size, flip: bool = True) -> Augment:
    """For pretrained networks, short trainings, much data: ``affine``, up to 5 degrees, zoom 0.95..1.15, shift 0.03.

    Args:
        flip: mirror half of the samples; not for digits, letters and signs.
    """
    return affine(size, degrees=5.0, zoom=(0.95, 1.15), shift=0.03, flip=flip)


def medium(size: Size, flip: bool = True) -> Augment:
    """For training from scratch: ``affine``, up to 12 degrees and a zoom of 0.95..1.67, then ``colour``, 0.3 of each.

    It is what the recipe of ``simple_cnn`` for photographs begins with.

    Args:
        flip: mirror half of the samples; not for digits, letters and signs.
    """
    return _one_after_another(
        affine(size, degrees=12.0, zoom=(0.95, 1.67), stretch=0.15, shift=0.025, flip=flip),
        colour(size, brightness=0.3, contrast=0.3, saturation=0.3),
    )


def heavy(size: Size, flip: bool = True, num_classes: int | None = None) -> Augment:
    """For long trainings of large networks on little data; half of the targets come back soft.

    ``flip``, ``random_resized_crop`` of 0.35 of the area or more, ``rand_augment`` (two operations of strength 9),
    ``random_erasing`` of a quarter of the samples, ``cutmix`` of half of them.

    Args:
        flip: mirror half of the samples; not for digits, letters and signs.
        num_classes: given by the job. Without it the largest label of a batch says how many there are.
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
