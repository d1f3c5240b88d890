"""Components of the plugin zoo_torchvision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.plugin import CacheKind, Dataset, Family, Importer, hookimpl

TRAIN, TRAIN_TEST, TRAIN_VAL, ALL = ("train",), ("train", "test"), ("train", "val"), ("train", "val", "test")
MIRRORED, FROM_ABOVE = ("horizontal_flip",), ("horizontal_flip", "vertical_flip", "rotate_90")
OFFLINE: dict[str, Any] = {"download": False}  # a check must not fetch gigabytes


@hookimpl
def zoo_architectures() -> Iterator[Family]:
    """Contribute the architectures."""
    yield Family(
        "architecture",
        "zoo_torchvision.models:create",
        "zoo_torchvision:models.txt",
        summary="A classification model of torchvision, with or without pretrained weights",
        tags=("torchvision", "pretrained", "imagenet", "backbone"),
        samples=("squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small", "mnasnet0_5", "regnet_x_400mf"),
        gives_way=True,  # resnet18 is timm's
    )


@hookimpl
def zoo_importers() -> Iterator[Importer]:
    """Contribute the importer of torchvision's weights."""
    yield Importer(
        "torchvision",
        "zoo_torchvision.importing:read",
        summary="State dicts of torchvision's models, and checkpoints of its reference script",
        tags=("torchvision", "pytorch", "checkpoint"),
        suffixes=(".pth", ".pt", ".pth.tar", ".tar", ".ckpt", ".bin", ".safetensors"),
    )


@hookimpl
def zoo_datasets() -> Iterator[Dataset]:
    """Contribute the datasets."""
    yield from (*small_pictures(), *photos(), *kinds_of_one_thing(), *scenes(), *by_hand())
    yield Dataset(
        "fake_data",
        "zoo_torchvision.fake:FakeData",
        summary="Noise in place of images, to try a job out: nothing can be learned from it",
        tags=("small", "offline", "noise"),
        splits=ALL,
        symmetries=FROM_ABOVE,
        example={"images": 64, "num_classes": 4, "size": 24},
    )


def small_pictures() -> Iterator[Dataset]:
    """Small images of one size in few files, for trainings of minutes."""
    digits = ("digits", "grey", "small")
    grey: dict[str, Any] = {"in_chans": 1, "input_size": 28}
    script: dict[str, Any] = {**grey, "symmetries": ()}
    yield _set("mnist", "70,000 handwritten digits, 28x28 grey, 10 classes", digits, TRAIN_TEST, **script)
    yield _set("qmnist", "120,000 handwritten digits: MNIST with all of its test images", digits, TRAIN_TEST, **script)
    yield _set(
        "fashion_mnist", "70,000 pieces of clothing, 28x28 grey, 10 classes; MIT", ("grey", "small"), TRAIN_TEST, **grey
    )
    yield _set(
        "kmnist",
        "70,000 cursive Japanese characters, 28x28 grey, 10 classes; CC BY-SA 4.0",
        ("characters", "grey", "small"),
        TRAIN_TEST,
        **script,
    )
    yield _set(
        "emnist",
        "Handwritten letters and digits, 28x28 grey: 131,600 of 47 classes, or another of its six parts",
        ("characters", "letters", "grey", "small"),
        TRAIN_TEST,
        **script,
    )
    yield _set(
        "usps",
        "9,298 digits from envelopes, 16x16 grey, 10 classes",
        digits,
        TRAIN_TEST,
        in_chans=1,
        input_size=16,
        symmetries=(),
    )
    yield _set(
        "semeion",
        "1,593 handwritten digits, 16x16 black and white, 10 classes",
        digits,
        TRAIN,
        in_chans=1,
        input_size=16,
        symmetries=(),
    )
    yield _set(
        "svhn",
        "99,289 digits of house numbers in street photos, 32x32, 10 classes",
        ("digits", "photos", "small"),
        TRAIN_TEST,
        input_size=32,
        symmetries=(),
    )
    yield _set(
        "cifar10",
        "60,000 photos of animals and vehicles, 32x32, 10 classes",
        ("photos", "small"),
        TRAIN_TEST,
        input_size=32,
    )
    yield _set(
        "cifar100",
        "60,000 photos of things and animals, 32x32, 100 classes",
        ("photos", "small"),
        TRAIN_TEST,
        input_size=32,
    )
    yield _set(
        "stl10",
        "13,000 photos of animals and vehicles, 96x96, 10 classes",
        ("photos", "small"),
        TRAIN_TEST,
        input_size=96,
    )


def photos() -> Iterator[Dataset]:
    """Photographs of various subjects, or for one purpose."""
    yield _set("caltech101", "8,677 photos of things and animals, 101 classes", ("photos",), TRAIN)
    yield _set("caltech256", "30,607 photos of things and animals, 257 classes", ("photos",), TRAIN)
    yield _set("imagenette", "13,394 photos of ten easy classes of ImageNet", ("photos", "imagenet"), TRAIN_VAL)
    yield _set(
        "gtsrb",
        "39,270 photos of German traffic signs, 43 classes",
        ("photos", "traffic signs"),
        TRAIN_TEST,
        symmetries=(),
    )
    yield _set(
        "pcam",
        "327,680 patches of lymph nodes, 96x96: tumour or not; CC0 (takes h5py)",
        ("medical", "histology", "binary"),
        ALL,
        input_size=96,
        symmetries=FROM_ABOVE,
    )
    yield _set(
        "eurosat",
        "27,000 satellite photos, 64x64, 10 uses of land; MIT",
        ("satellite",),
        TRAIN,
        input_size=64,
        symmetries=FROM_ABOVE,
    )
    yield _set("dtd", "5,640 photos of textures, 47 classes", ("photos", "textures"), ALL)
    yield _set(
        "rendered_sst2", "9,613 pictures of sentences: positive or negative", ("text", "binary"), ALL, symmetries=()
    )


def kinds_of_one_thing() -> Iterator[Dataset]:
    """Fine-grained classes."""
    fine = ("photos", "fine-grained")
    yield _set("flowers102", "8,189 photos of flowers, 102 classes", (*fine, "flowers"), ALL)
    yield _set("food101", "101,000 photos of dishes, 101 classes", (*fine, "food"), TRAIN_TEST)
    yield _set(
        "oxford_iiit_pet", "7,349 photos of cats and dogs, 37 breeds; CC BY-SA 4.0", (*fine, "animals"), TRAIN_TEST
    )
    yield _set(
        "fgvc_aircraft",
        "10,000 photos of aircraft, 100 variants, 70 families or 30 manufacturers; non-commercial research",
        (*fine, "aircraft"),
        ALL,
    )


def scenes() -> Iterator[Dataset]:
    """Places and scenes."""
    yield _set("country211", "63,300 photos from 211 countries: which one", ("photos", "places"), ALL)
    yield _set("sun397", "108,754 photos of scenes, 397 classes", ("photos", "places"), TRAIN)
    yield _set("places365", "1,839,960 photos of scenes, 365 classes", ("photos", "places", "large"), TRAIN_VAL)


def by_hand() -> Iterator[Dataset]:
    """Datasets that torchvision can't download; their error explains how to get them."""
    yield _set(
        "fer2013",
        "35,887 faces, 48x48 grey, 7 feelings; files by hand",
        ("faces", "grey"),
        TRAIN_TEST,
        {},
        in_chans=1,
        input_size=48,
    )
    yield _set(
        "lfw_people",
        "Whose face it is: 4,324 photos of 158 people, or all with fewer photos too; files by hand",
        ("faces", "photos"),
        TRAIN,
        {},
    )
    yield _set(
        "stanford_cars",
        "16,185 photos of cars, 196 models; files by hand",
        ("photos", "fine-grained", "cars"),
        TRAIN_TEST,
        {},
    )
    yield _set(
        "imagenet",
        "1,331,167 photos, 1,000 classes; non-commercial research; files by hand",
        ("photos", "large"),
        TRAIN_VAL,
        {},
    )


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


@hookimpl
def zoo_cache_kinds() -> list[CacheKind]:
    """Describe torchvision's datasets, a folder each."""
    return [CacheKind("datasets", "downloaded datasets", "fetched again", groups=("torchvision",))]
