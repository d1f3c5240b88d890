"""Factories of the datasets, ``f(root, split, ...)``, for the rows of the table in ``sets.py``."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Literal

from zoo_torchvision.download import cache_folder
from zoo_torchvision.items import ArrayImages, FileImages
from zoo_torchvision.reading import open_set
from zoo_torchvision.sets import SETS

Images = FileImages | ArrayImages


def by_name(name: str, root: Path | None, split: str, download: bool = True) -> Images:
    """Open one of torchvision's datasets.

    Args:
        name: name of the dataset in the table.
        root: the ``root`` of torchvision's class; None for the zoo's cache.
        split: one of the component's splits.
        download: download missing files into the cache.

    Raises:
        DataError: files are missing or damaged, the download failed, or there is no such split.
    """
    return open_set(SETS[name], root, split, download)


def placed_by_hand(name: str, root: Path | None, split: str) -> Images:
    """Open a dataset that torchvision can't download; otherwise like ``by_name``.

    Args:
        root: root folder of the torchvision class; None for the cache of the zoo.

    Raises:
        DataError: as ``by_name``.
    """
    return open_set(SETS[name], root, split, False)


cifar10 = partial(by_name, "cifar10")
cifar100 = partial(by_name, "cifar100")
mnist = partial(by_name, "mnist")
fashion_mnist = partial(by_name, "fashion_mnist")
kmnist = partial(by_name, "kmnist")
qmnist = partial(by_name, "qmnist")
usps = partial(by_name, "usps")
semeion = partial(by_name, "semeion")
svhn = partial(by_name, "svhn")
stl10 = partial(by_name, "stl10")
gtsrb = partial(by_name, "gtsrb")
pcam = partial(by_name, "pcam")
flowers102 = partial(by_name, "flowers102")
food101 = partial(by_name, "food101")
oxford_iiit_pet = partial(by_name, "oxford_iiit_pet")
eurosat = partial(by_name, "eurosat")
caltech101 = partial(by_name, "caltech101")
caltech256 = partial(by_name, "caltech256")
country211 = partial(by_name, "country211")
sun397 = partial(by_name, "sun397")
rendered_sst2 = partial(by_name, "rendered_sst2")
stanford_cars = partial(placed_by_hand, "stanford_cars")
imagenet = partial(placed_by_hand, "imagenet")

EmnistPart = Literal["byclass", "bymerge", "balanced", "letters", "digits", "mnist"]


def emnist(root: Path | None, split: str, part: EmnistPart = "balanced", download: bool = True) -> Images:
    """EMNIST: handwritten letters and digits, transposed to their upright orientation.

    Args:
        root: root folder of the torchvision class; None for the cache of the zoo.
        part: one of its six variants; ``"letters"`` has 26 classes, ``"balanced"`` 47, ``"byclass"`` 62.
        download: download missing files into the cache.

    Raises:
        DataError: as ``by_name``.
    """
    return open_set(SETS["emnist"], root, split, download, {"split": part})


def dtd(root: Path | None, split: str, partition: int = 1, download: bool = True) -> Images:
    """Describable Textures.

    Args:
        root: root folder of the torchvision class; None for the cache of the zoo.
        partition: number of its ten divisions into train, val and test, 1..10.
        download: download missing files into the cache.

    Raises:
        DataError: as ``by_name``.
        ValueError: there is no such partition.
    """
    if not 1 <= partition <= 10:
        raise ValueError(f"partition must be in 1..10, not {partition}")
    return open_set(SETS["dtd"], root, split, download, {"partition": partition})


def fgvc_aircraft(
    root: Path | None,
    split: str,
    level: Literal["variant", "family", "manufacturer"] = "variant",
    download: bool = True,
) -> Images:
    """FGVC-Aircraft.

    Args:
        root: root folder of the torchvision class; None for the cache of the zoo.
        level: granularity of the classes: 100 variants, 70 families or 30 manufacturers.
        download: download missing files into the cache.

    Raises:
        DataError: as ``by_name``.
    """
    return open_set(SETS["fgvc_aircraft"], root, split, download, {"annotation_level": level})


def imagenette(
    root: Path | None, split: str, size: Literal["full", "320px", "160px"] = "320px", download: bool = True
) -> Images:
    """Imagenette: ten easy classes of ImageNet.

    Args:
        root: root folder of the torchvision class; None for the cache of the zoo.
        size: shorter side of the images: original (1.5 GB), 320 px (330 MB) or 160 px (100 MB).
        download: download missing files into the cache.

    Raises:
        DataError: as ``by_name``.
    """
    folder = {"full": "imagenette2", "320px": "imagenette2-320", "160px": "imagenette2-160"}[size]
    return open_set(SETS["imagenette"], root, split, download, {"size": size}, size, folder=folder)


def places365(root: Path | None, split: str, small: bool = True, download: bool = True) -> Images:
    """Places365-Standard.

    Args:
        root: root folder of the torchvision class; None for the cache of the zoo.
        small: images of 256 px (24 GB) instead of the large ones (105 GB).
        download: download missing files into the cache.

    Raises:
        DataError: as ``by_name``.
    """
    size = "256" if small else "large"
    names = {"folder": f"data_{size}_standard", "val_folder": f"val_{size}"}
    return open_set(SETS["places365"], root, split, download, {"small": small}, size, **names)


_LFW = {
    "original": ("lfw", "lfw.tgz"),
    "funneled": ("lfw_funneled", "lfw-funneled.tgz"),
    "deepfunneled": ("lfw-deepfunneled", "lfw-deepfunneled.tgz"),
}


def lfw_people(
    root: Path | None,
    split: str,
    alignment: Literal["original", "funneled", "deepfunneled"] = "funneled",
    min_images: int = 10,
) -> FileImages:
    """Labeled Faces in the Wild: the person in the photograph.

    The official train and test parts contain different people, so that a classifier can't be tested on them; all photos
    are therefore the train split, of which the runner holds out a part.

    Args:
        root: root folder of the torchvision class; None for the cache of the zoo.
        alignment: alignment of the faces.
        min_images: minimum number of photos of a person; most of the 5,749 people have one.

    Raises:
        DataError: as ``by_name``.
        ValueError: ``min_images`` is less than 2.
    """
    if min_images < 2:
        raise ValueError(f"min_images must be at least 2 (one for training, one to hold out), not {min_images}")
    folder, archive = _LFW[alignment]
    options = {"split": "10fold", "image_set": alignment}
    found = open_set(SETS["lfw_people"], root, split, False, options, folder=folder, archive=archive)
    assert isinstance(found, FileImages)
    return _with_images(found, min_images)


def _with_images(found: FileImages, least: int) -> FileImages:
    """Keep the images of classes with at least ``least`` images."""
    counts = Counter(found.targets)
    kept = [label for label in range(len(found.classes)) if counts[label] >= least]
    new = {label: i for i, label in enumerate(kept)}
    pairs = [(path, new[y]) for path, y in zip(found.paths, found.targets, strict=True) if y in new]
    classes = [found.classes[label] for label in kept]
    return FileImages([path for path, _ in pairs], [y for _, y in pairs], classes, found.source, found.licence)


def fer2013(root: Path | None, split: str) -> Images:
    """FER-2013: seven facial expressions.

    Args:
        root: root folder of the torchvision class; None for the cache of the zoo.

    Raises:
        DataError: as ``by_name``.
    """
    return open_set(SETS["fer2013"], root, split, False)


def _fer2013_splits(root: Path | None) -> tuple[str, ...]:
    """Splits by the files that exist, since only two of the four files have labels of the test images."""
    folder = Path(root).expanduser() if root is not None else cache_folder() / "fer2013"
    labelled = [folder / "fer2013" / name for name in ("fer2013.csv", "icml_face_data.csv")]
    return ("train", "test") if any(file.is_file() for file in labelled) else ("train",)


fer2013.available_splits = _fer2013_splits  # type: ignore[attr-defined]
