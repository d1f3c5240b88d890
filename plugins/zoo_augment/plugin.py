"""The zoo's augmentations."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Augmentation, hookimpl


@hookimpl
def zoo_augmentations() -> Iterator[Augmentation]:
    yield Augmentation(
        "flip",
        "zoo_augment.augment:flip",
        summary="Mirror left to right, and with vertical=true upside down too",
        tags=("mirror", "geometry"),
    )
    yield Augmentation(
        "rotate",
        "zoo_augment.augment:rotate",
        summary="Turn by a random angle; the picture's mirror image fills the corners",
        tags=("geometry",),
    )
    yield Augmentation(
        "crop",
        "zoo_augment.augment:crop",
        summary="Cut out a random part and enlarge it to the full size (random resized crop)",
        tags=("random resized crop", "zoom", "geometry"),
    )
    yield Augmentation(
        "shift",
        "zoo_augment.augment:shift",
        summary="Move sideways and up or down by a random share of the size",
        tags=("translate", "geometry"),
    )
    yield Augmentation(
        "affine",
        "zoo_augment.augment:affine",
        summary="Flip, rotation, zoom and shift in one resampling: the fast way to have all four",
        tags=("flip", "rotate", "zoom", "translate", "geometry"),
    )
    yield Augmentation(
        "colour",
        "zoo_augment.augment:colour",
        summary="Brightness, contrast and saturation, each by a random factor",
        tags=("brightness", "contrast", "saturation", "jitter"),
        aliases=("color",),
    )
    yield Augmentation(
        "erase",
        "zoo_augment.augment:erase",
        summary="Paint a random rectangle over with the image's mean (random erasing)",
        tags=("random erasing", "cutout"),
    )
