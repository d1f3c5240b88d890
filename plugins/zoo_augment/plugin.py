"""Components of the plugin zoo_augment."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Augmentation, hookimpl


@hookimpl
def zoo_augmentations() -> Iterator[Augmentation]:
    yield from _geometry()
    yield from _pixels()
    yield from _mixing()
    yield from _policies()


def _geometry() -> Iterator[Augmentation]:
    yield Augmentation(
        "flip",
        "zoo_augment.geometry:flip",
        summary="Mirror left to right, and with vertical=true upside down too",
        tags=("mirror", "geometry"),
    )
    yield Augmentation(
        "rotate",
        "zoo_augment.geometry:rotate",
        summary="Turn by a random angle; the picture's mirror image fills the corners",
        tags=("geometry",),
    )
    yield Augmentation(
        "crop",
        "zoo_augment.geometry:crop",
        summary="Cut out a random part, most of the picture, and enlarge it to the full size",
        tags=("random resized crop", "zoom", "geometry"),
    )
    yield Augmentation(
        "random_resized_crop",
        "zoo_augment.geometry:random_resized_crop",
        summary="Inception's crop: a part of 8 to 100 % of the area, enlarged to the full size (Szegedy et al. 2015)",
        tags=("crop", "zoom", "geometry", "inception"),
    )
    yield Augmentation(
        "shift",
        "zoo_augment.geometry:shift",
        summary="Move sideways and up or down by a random share of the size",
        tags=("translate", "geometry"),
    )
    yield Augmentation(
        "affine",
        "zoo_augment.geometry:affine",
        summary="Flip, rotation, zoom and shift in one resampling: the fast way to have all four",
        tags=("flip", "rotate", "zoom", "translate", "geometry"),
    )


def _pixels() -> Iterator[Augmentation]:
    yield Augmentation(
        "colour",
        "zoo_augment.colour:colour",
        summary="Brightness, contrast and saturation, each by a random factor, and with hue=0.1 the hue too",
        tags=("brightness", "contrast", "saturation", "hue", "jitter"),
        aliases=("color", "colour_jitter", "color_jitter"),
    )
    yield Augmentation(
        "erase",
        "zoo_augment.erasing:erase",
        summary="Paint a random rectangle over with the image's mean",
        tags=("random erasing", "cutout"),
    )
    yield Augmentation(
        "random_erasing",
        "zoo_augment.erasing:random_erasing",
        summary="Paint a random rectangle over with noise, the mean or black (Zhong et al. 2017)",
        tags=("erase", "cutout"),
    )


def _mixing() -> Iterator[Augmentation]:
    yield Augmentation(
        "mixup",
        "zoo_augment.mixing:mixup",
        summary="Show two images through one another, targets alike (Zhang et al. 2017)",
        tags=("mix", "soft targets", "regularisation"),
    )
    yield Augmentation(
        "cutmix",
        "zoo_augment.mixing:cutmix",
        summary="Paste a rectangle of another image; targets by area (Yun et al. 2019)",
        tags=("mix", "soft targets", "regularisation"),
    )


def _policies() -> Iterator[Augmentation]:
    yield Augmentation(
        "rand_augment",
        "zoo_augment.choosing:rand_augment",
        summary="Two of fourteen operations a sample, of one strength (RandAugment, Cubuk et al. 2019)",
        tags=("policy", "randaugment"),
        aliases=("randaugment",),
    )
    yield Augmentation(
        "trivial_augment",
        "zoo_augment.choosing:trivial_augment",
        summary="One of fourteen operations a sample, of any strength: nothing to tune (Müller & Hutter 2021)",
        tags=("policy", "trivialaugment"),
        aliases=("trivialaugment",),
    )
    yield Augmentation(
        "none",
        "zoo_augment.policies:none",
        summary="No augmentation, where the recipe would have one",
        tags=("policy", "off"),
    )
    yield Augmentation(
        "light",
        "zoo_augment.policies:light",
        summary="A policy: a little affine, for pretrained networks and much data",
        tags=("policy",),
    )
    yield Augmentation(
        "medium",
        "zoo_augment.policies:medium",
        summary="A policy: affine and colour, for training from scratch",
        tags=("policy",),
    )
    yield Augmentation(
        "heavy",
        "zoo_augment.policies:heavy",
        summary="A policy: flip, crop, RandAugment, erasing and cutmix, for long trainings on little data",
        tags=("policy", "soft targets"),
    )
