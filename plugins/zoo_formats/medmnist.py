"""The dataset ``medmnist``: a ``.npz`` file of images and labels, of MedMNIST (Yang et al., 2023) or Keras."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.jobs import listing
from zoo.errors import DataError
from zoo_formats.labelled import LabelledImages, ListedImages
from zoo_formats.paths import need_root
from zoo_formats.splits import splits_among

if TYPE_CHECKING:
    from zoo_formats.arrays import ArrayPictures

__all__ = ["MedMnist", "recognises"]

_WHAT = "a .npz file with train_images, train_labels, val_images, …"
_SPLIT = {"train": "train", "val": "val", "test": "test", "x_train": "train", "x_val": "val", "x_test": "test"}
_NAMES = "medmnist.json"
_NAMELESS = "The classes have numbers but no names: name them in order with dataset.class_names."


def recognises(path: Path) -> bool:
    """Check for a ``.npz`` file with images of the training split."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name in archive.namelist() for name in ("train_images.npy", "x_train.npy"))


class MedMnist(LabelledImages[int]):
    """Images and labels in the arrays of a ``.npz`` file.

    The arrays are ``train_images`` and ``train_labels``, likewise for ``val`` and ``test``, as in MedMNIST; or
    ``x_train`` and ``y_train``, as in Keras. Images are uint8 (N, H, W) or (N, H, W, C); labels are numbers, or columns
    of 0 and 1 of a multi-label dataset. Files that are called as MedMNIST's 2D datasets have their names of classes.

    Args:
        root: the file.
        split: one of ``available_splits(root)``.
        class_names: names of the classes 0, 1, 2, …; None for MedMNIST's own, else the numbers.

    Raises:
        DataError: there is no such file, it is damaged, lacks an array or has one of another type or shape; a label
            has no name; the training images are of one class only; there is no such split.
    """

    def __init__(self, root: Path | None, split: str, class_names: list[str] | None = None) -> None:
        path = need_root(root, "medmnist", _WHAT)
        now = path.stat()
        keys = _keys(path)
        chosen = split if split in keys else next(iter(keys))
        listed, pictures = _read_once(path, chosen, tuple(class_names or ()), now.st_size, now.st_mtime_ns)
        super().__init__(listed, split, pictures, f"images in {path}")

    @staticmethod
    def available_splits(root: Path | None, class_names: list[str] | None = None) -> tuple[str, ...]:
        """Splits among train, val and test.

        Raises:
            DataError: see the class.
        """
        del class_names
        return splits_among(_keys(need_root(root, "medmnist", _WHAT)))

    @staticmethod
    def peek(root: Path | None, class_names: list[str] | None = None) -> dict[str, object]:
        """``multilabel`` and ``in_chans``.

        Raises:
            DataError: see the class.
        """
        del class_names
        path = need_root(root, "medmnist", _WHAT)
        images, labels = next(iter(_keys(path).values()))
        shape, of_labels = _shape(path, images), _shape(path, labels)
        several = len(of_labels) == 2 and of_labels[1] > 1
        return {"multilabel": several, "in_chans": shape[3] if len(shape) == 4 and shape[3] <= 4 else 1}


def _keys(path: Path) -> dict[str, tuple[str, str]]:
    """Names of the arrays of images and labels of each split.

    Raises:
        DataError: the file is damaged, has no such arrays, or one lacks its labels.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise DataError(f"{path} can't be read as a .npz file: {error}. Download the file again.") from error
    found = {}
    for word, split in _SPLIT.items():
        images, labels = (word, word.replace("x_", "y_")) if "_" in word else (f"{word}_images", f"{word}_labels")
        if images in names:
            found[split] = (images, labels)
            if labels not in names:
                raise DataError(f"{path} has {images}, but no {labels}. It has: {listing(names)}.")
    if not found:
        raise DataError(f"{path} has no train_images. It has: {listing(names) or 'nothing'}. medmnist reads {_WHAT}.")
    return found


def _loaded(path: Path, key: str) -> Any:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[key]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise DataError(f"{key} in {path} can't be read: {reason}. Download the file again.") from error


def _shape(path: Path, key: str) -> tuple[int, ...]:
    """Shape of an array, from its header."""
    from numpy.lib import format as npy

    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as file:
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape: tuple[int, ...] = read(file)[0]
            return shape
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{key} in {path} can't be read: {error}. Download the file again.") from error


@lru_cache(maxsize=1)
def _read_once(
    path: Path, split: str, names: tuple[str, ...], size: int, time_ns: int
) -> tuple[ListedImages[int], ArrayPictures]:
    """Read a split once, as long as the file is the same.

    Raises:
        DataError: see :class:`MedMnist`.
    """
    from zoo_formats.arrays import ArrayPictures, contents_of, label_names, need_images

    del size, time_ns
    keys = _keys(path)
    images = need_images(_loaded(path, keys[split][0]), f"{keys[split][0]} in {path}")
    labels = _loaded(path, keys[split][1])
    if len(images) != len(labels):
        raise DataError(f"{path} has {len(images):,} {keys[split][0]}, and {len(labels):,} {keys[split][1]}.")
    known = names or _known_names(path)
    contents = contents_of(images)
    listed = ListedImages(
        str(path),
        range(len(images)),
        label_names(labels, known or None, f"{keys[split][1]} in {path}"),
        labels.ndim == 2 and labels.shape[1] > 1,
        splits=[split] * len(images),
        others=list(keys),
        contents=contents,
        notices=[] if known else [_NAMELESS],
    )
    return listed, ArrayPictures(images, f"{path.name}, {split}", contents)


def _known_names(path: Path) -> tuple[str, ...]:
    """Names of the classes of one of MedMNIST's datasets, by the name of its file; empty for another."""
    table = json.loads(resources.files("zoo_formats").joinpath(_NAMES).read_text("utf-8"))
    return tuple(table.get(re.sub(r"(_\d+)?\.npz$", "", path.name.casefold()), ()))
