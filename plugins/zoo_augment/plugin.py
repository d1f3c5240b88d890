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
        summary="Horizontal flip, and with vertical=true also vertical flip",
        tags=("mirror", "geometry"),
    )
    yield Augmentation(
        "rotate",
        "zoo_augment.geometry:rotate",
        summary="Random rotation; corners are filled by reflection",
        tags=("geometry",),
    )
    yield Augmentation(
        "crop",
        "zoo_augment.geometry:crop",
        summary="Random crop of most of the image, resized to the full size",
        tags=("random resized crop", "zoom", "geometry"),
    )
    yield Augmentation(
        "random_resized_crop",
        "zoo_augment.geometry:random_resized_crop",
        summary="Crop of 8 to 100 % of the area, resized to the full size, as for Inception (Szegedy et al. 2015)",
        tags=("crop", "zoom", "geometry", "inception"),
    )
    yield Augmentation(
        "shift",
        "zoo_augment.geometry:shift",
        summary="Random translation by a fraction of the size",
        tags=("translate", "geometry"),
    )
    yield Augmentation(
        "affine",
        "zoo_augment.geometry:affine",
        summary="Flip, rotation, zoom and shift in one resampling, the fastest way to combine them",
        tags=("flip", "rotate", "zoom", "translate", "geometry"),
    )


def _pixels() -> Iterator[Augmentation]:
    yield Augmentation(
        "colour",
        "zoo_augment.colour:colour",
        summary="Random brightness, contrast and saturation, and with hue=0.1 also hue",
        tags=("brightness", "contrast", "saturation", "hue", "jitter"),
        aliases=("color", "colour_jitter", "color_jitter"),
    )
    yield Augmentation(
        "erase",
        "zoo_augment.erasing:erase",
        summary="Replace a random rectangle by the mean of the image",
        tags=("random erasing", "cutout"),
    )
    yield Augmentation(
        "random_erasing",
        "zoo_augment.erasing:random_erasing",
        summary="Replace a random rectangle by noise, the mean or black (Zhong et al. 2017)",
        tags=("erase", "cutout"),
    )


def _mixing() -> Iterator[Augmentation]:
    yield Augmentation(
        "mixup",
        "zoo_augment.mixing:mixup",
        summary="Blend two images and their targets (Zhang et al. 2017)",
        tags=("mix", "soft targets", "regularisation"),
    )
    yield Augmentation(
        "cutmix",
        "zoo_augment.mixing:cutmix",
        summary="Paste a rectangle of another image; targets are weighted by area (Yun et al. 2019)",
        tags=("mix", "soft targets", "regularisation"),
    )


def _policies() -> Iterator[Augmentation]:
    yield Augmentation(
        "rand_augment",
        "zoo_augment.choosing:rand_augment",
        summary="Two of fourteen operations per sample, of the same strength (Cubuk et al. 2019)",
        tags=("policy", "randaugment"),
        aliases=("randaugment",),
    )
    yield Augmentation(
        "trivial_augment",
        "zoo_augment.choosing:trivial_augment",
        summary="One of fourteen operations per sample, of random strength, without tuning (Müller & Hutter 2021)",
        tags=("policy", "trivialaugment"),
        aliases=("trivialaugment",),
    )
    yield Augmentation(
        "none",
        "zoo_augment.policies:none",
        summary="No augmentation, in place of that of the recipe",
        tags=("policy", "off"),
    )
    yield Augmentation(
        "light",
        "zoo_augment.policies:light",
        summary="Policy: weak affine, for pretrained networks and large datasets",
        tags=("policy",),
    )
    yield Augmentation(
        "medium",
        "zoo_augment.policies:medium",
        summary="Policy: affine and colour, for training from scratch",
        tags=("policy",),
    )
    yield Augmentation(
        "heavy",
        "zoo_augment.policies:heavy",
        summary="Policy: flip, crop, RandAugment, erasing and CutMix, for long training on little data",
        tags=("policy", "soft targets"),
    )
