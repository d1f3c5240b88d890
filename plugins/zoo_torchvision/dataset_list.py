"""Datasets of torchvision, as plain data."""

from __future__ import annotations

from typing import Any

from zoo.plugin import Dataset

__all__ = ["DATASETS"]

TRAIN, TRAIN_TEST, TRAIN_VAL, ALL = ("train",), ("train", "test"), ("train", "val"), ("train", "val", "test")
MIRRORED, FROM_ABOVE = ("horizontal_flip",), ("horizontal_flip", "vertical_flip", "rotate_90")
OFFLINE: dict[str, Any] = {"download": False}  # a check must not fetch gigabytes


def _set(
    name: str,
    summary: str,
    tags: tuple[str, ...],
    splits: tuple[str, ...],
    example: dict[str, Any] = OFFLINE,
    symmetries: tuple[str, ...] = MIRRORED,
    **fields: Any,
) -> Dataset:
    return Dataset(
        name,
        f"zoo_torchvision.datasets:{name}",
        summary=summary,
        tags=(*tags, "torchvision"),
        splits=splits,
        example=example,
        symmetries=symmetries,
        **fields,
    )


_DIGITS = ("digits", "grey", "small")
_GREY: dict[str, Any] = {"in_chans": 1, "input_size": 28}
_SCRIPT: dict[str, Any] = {**_GREY, "symmetries": ()}
SMALL_PICTURES = (
    _set("mnist", "70,000 handwritten digits, 28x28 grey, 10 classes", _DIGITS, TRAIN_TEST, **_SCRIPT),
    _set("qmnist", "120,000 handwritten digits: MNIST with all of its test images", _DIGITS, TRAIN_TEST, **_SCRIPT),
    _set(
        "fashion_mnist",
        "70,000 pieces of clothing, 28x28 grey, 10 classes; MIT",
        ("grey", "small"),
        TRAIN_TEST,
        **_GREY,
    ),
    _set(
        "kmnist",
        "70,000 cursive Japanese characters, 28x28 grey, 10 classes; CC BY-SA 4.0",
        ("characters", "grey", "small"),
        TRAIN_TEST,
        **_SCRIPT,
    ),
    _set(
        "emnist",
        "Handwritten letters and digits, 28x28 grey: 131,600 of 47 classes, or another of its six parts",
        ("characters", "letters", "grey", "small"),
        TRAIN_TEST,
        **_SCRIPT,
    ),
    _set(
        "usps",
        "9,298 digits from envelopes, 16x16 grey, 10 classes",
        _DIGITS,
        TRAIN_TEST,
        in_chans=1,
        input_size=16,
        symmetries=(),
    ),
    _set(
        "semeion",
        "1,593 handwritten digits, 16x16 black and white, 10 classes",
        _DIGITS,
        TRAIN,
        in_chans=1,
        input_size=16,
        symmetries=(),
    ),
    _set(
        "svhn",
        "99,289 digits of house numbers in street photos, 32x32, 10 classes",
        ("digits", "photos", "small"),
        TRAIN_TEST,
        input_size=32,
        symmetries=(),
    ),
    _set(
        "cifar10",
        "60,000 photos of animals and vehicles, 32x32, 10 classes",
        ("photos", "small"),
        TRAIN_TEST,
        input_size=32,
    ),
    _set(
        "cifar100",
        "60,000 photos of things and animals, 32x32, 100 classes",
        ("photos", "small"),
        TRAIN_TEST,
        input_size=32,
    ),
    _set(
        "stl10",
        "13,000 photos of animals and vehicles, 96x96, 10 classes",
        ("photos", "small"),
        TRAIN_TEST,
        input_size=96,
    ),
)
"""Small images of one size in few files, for trainings of minutes."""
PHOTOS = (
    _set("caltech101", "8,677 photos of things and animals, 101 classes", ("photos",), TRAIN),
    _set("caltech256", "30,607 photos of things and animals, 257 classes", ("photos",), TRAIN),
    _set(
        "imagenette", "13,394 photos of ten easily distinguished classes of ImageNet", ("photos", "imagenet"), TRAIN_VAL
    ),
    _set(
        "gtsrb",
        "39,270 photos of German traffic signs, 43 classes",
        ("photos", "traffic signs"),
        TRAIN_TEST,
        symmetries=(),
    ),
    _set(
        "pcam",
        "327,680 patches of lymph nodes, 96x96: tumour or not; CC0 (needs h5py)",
        ("medical", "histology", "binary"),
        ALL,
        input_size=96,
        symmetries=FROM_ABOVE,
    ),
    _set(
        "eurosat",
        "27,000 satellite photos, 64x64, 10 kinds of land use; MIT",
        ("satellite",),
        TRAIN,
        input_size=64,
        symmetries=FROM_ABOVE,
    ),
    _set("dtd", "5,640 photos of textures, 47 classes", ("photos", "textures"), ALL),
    _set("rendered_sst2", "9,613 rendered sentences, positive or negative", ("text", "binary"), ALL, symmetries=()),
)
"""Photographs of various subjects, or for one purpose."""
FINE_GRAINED = (
    _set("flowers102", "8,189 photos of flowers, 102 classes", ("photos", "fine-grained", "flowers"), ALL),
    _set("food101", "101,000 photos of dishes, 101 classes", ("photos", "fine-grained", "food"), TRAIN_TEST),
    _set(
        "oxford_iiit_pet",
        "7,349 photos of cats and dogs, 37 breeds; CC BY-SA 4.0",
        ("photos", "fine-grained", "animals"),
        TRAIN_TEST,
    ),
    _set(
        "fgvc_aircraft",
        "10,000 photos of aircraft, 100 variants, 70 families or 30 manufacturers; non-commercial research",
        ("photos", "fine-grained", "aircraft"),
        ALL,
    ),
)
"""Fine-grained classes."""
SCENES = (
    _set("country211", "63,300 photos from 211 countries", ("photos", "places"), ALL),
    _set("sun397", "108,754 photos of scenes, 397 classes", ("photos", "places"), TRAIN),
    _set("places365", "1,839,960 photos of scenes, 365 classes", ("photos", "places", "large"), TRAIN_VAL),
)
"""Places and scenes."""
BY_HAND = (
    _set(
        "fer2013",
        "35,887 faces, 48x48 greyscale, 7 emotions; manual download",
        ("faces", "grey"),
        TRAIN_TEST,
        {},
        in_chans=1,
        input_size=48,
    ),
    _set(
        "lfw_people",
        "4,324 photos of the faces of 158 people, or of more people with fewer photos; manual download",
        ("faces", "photos"),
        TRAIN,
        {},
    ),
    _set(
        "stanford_cars",
        "16,185 photos of cars, 196 models; manual download",
        ("photos", "fine-grained", "cars"),
        TRAIN_TEST,
        {},
    ),
    _set(
        "imagenet",
        "1,331,167 photos, 1,000 classes; non-commercial research; manual download",
        ("photos", "large"),
        TRAIN_VAL,
        {},
    ),
)
"""Datasets that torchvision can't download; their error explains how to get them."""
FAKE = Dataset(
    "fake_data",
    "zoo_torchvision.fake:FakeData",
    summary="Random noise, for testing jobs",
    tags=("small", "offline", "noise"),
    splits=ALL,
    symmetries=FROM_ABOVE,
    example={"images": 64, "num_classes": 4, "size": 24},
)
DATASETS = (*SMALL_PICTURES, *PHOTOS, *FINE_GRAINED, *SCENES, *BY_HAND, FAKE)
