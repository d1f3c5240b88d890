"""Extraction of files, labels and class names from torchvision's datasets, without decoding images.

torchvision's classes store these in different attributes, some of them private; the tests cover each class.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = [
    "H5",
    "Pair",
    "Pairs",
    "caltech101",
    "caltech256",
    "face_targets",
    "fingerprint_of",
    "first_targets",
    "h5_fingerprint",
    "h5_labels",
    "image_files",
    "let_go_of_h5py",
    "listed",
    "pets",
    "samples",
    "signs",
    "sorted_files",
    "targets",
    "turn_upright",
]

Pair = tuple[str | Path, int]
Pairs = Iterable[Pair]


def samples(data: Any) -> Pairs:
    """Pairs of path and label of ``ImageFolder`` and similar classes."""
    found: Pairs = data.samples if hasattr(data, "samples") else data._samples
    return found


def image_files(data: Any) -> Pairs:
    """Pairs of path and label of classes with a list of files and one of labels."""
    return zip(data._image_files, data._labels, strict=True)


def sorted_files(data: Any) -> Pairs:
    """Pairs of :func:`image_files`, sorted, where the order is that of the disk."""
    return sorted(image_files(data), key=lambda pair: str(pair[0]))


def pets(data: Any) -> Pairs:
    """Pairs of path and label of Oxford-IIIT Pet."""
    return zip(data._images, data._labels, strict=True)


def listed(data: Any) -> Pairs:
    """Pairs of path and label of Places365."""
    pairs: Pairs = data.imgs
    return pairs


def signs(data: Any) -> Pairs:
    """Pairs of path and label of GTSRB, whose folders are named by ClassId."""
    test = data._split == "test"
    return [(path, label if test else int(Path(path).parent.name)) for path, label in data._samples]


def tracks(pairs: Pairs) -> list[str]:
    """Groups of GTSRB: about 30 frames show the same sign, identified by the first number of the file name."""
    return [f"{label}/{Path(path).name.partition('_')[0]}" for path, label in pairs]


def caltech101(data: Any) -> Pairs:
    """Pairs of path and label of Caltech 101, from class and number."""
    folder = Path(data.root, "101_ObjectCategories")
    return [(folder / data.categories[y] / f"image_{i:04d}.jpg", y) for i, y in zip(data.index, data.y, strict=True)]


def caltech256(data: Any) -> Pairs:
    """Pairs of path and label of Caltech 256, whose file names contain the class number."""
    folder = Path(data.root, "256_ObjectCategories")
    return [
        (folder / data.categories[y] / f"{data.categories[y].partition('.')[0]}_{i:04d}.jpg", y)
        for i, y in zip(data.index, data.y, strict=True)
    ]


def targets(data: Any) -> Sequence[int]:
    """Labels of a dataset in arrays."""
    found: Sequence[int] = np.asarray(data.targets if hasattr(data, "targets") else data.labels).tolist()
    return found


def first_targets(data: Any) -> Sequence[int]:
    """Labels of QMNIST, the first column of its targets."""
    found: Sequence[int] = np.asarray(data.targets)[:, 0].tolist()
    return found


def face_targets(data: Any) -> Sequence[int]:
    """Labels of FER2013."""
    return [label for _, label in data._samples]


def h5_labels(data: Any) -> Sequence[int]:
    """Labels of PCAM, read at once; its class opens the file for each label."""
    with data.h5py.File(data._base_folder / data._FILES[data._split]["targets"][0]) as file:
        found: Sequence[int] = np.asarray(file["y"]).reshape(-1).tolist()
    return found


class H5:
    """Lazy import of h5py; PCAM's object holds the module, which can't be pickled for a worker."""

    @property
    def File(self) -> Any:  # noqa: N802
        import h5py

        return h5py.File


def let_go_of_h5py(data: Any) -> None:
    """Replace PCAM's reference to h5py, so that the object can be pickled."""
    data.h5py = H5()


def turn_upright(data: Any) -> None:
    """Transpose EMNIST's images to their upright orientation, and drop the class "N/A" of letters, which is empty."""
    data.data = data.data.transpose(1, 2)
    if data.classes[0] == "N/A":
        data.classes, data.targets = data.classes[1:], data.targets - 1


def fingerprint_of(data: Any) -> str:
    """Hash of all pixels."""
    rows = np.asarray(data.data) if hasattr(data, "data") else np.stack([np.asarray(image) for image, _ in data])
    whole = hashlib.blake2b(f"{rows.shape} {rows.dtype}".encode())
    for start in range(0, len(rows), 4096):  # non-contiguous arrays are copied in parts
        whole.update(np.ascontiguousarray(rows[start : start + 4096]).data)
    return whole.hexdigest()


def h5_fingerprint(data: Any) -> str:
    """Hash of the size and time of PCAM's image file, since the images are 7 GB."""
    file = data._base_folder / data._FILES[data._split]["images"][0]
    known = file.stat()
    return hashlib.blake2b(f"{file.name} {known.st_size} {known.st_mtime_ns}".encode()).hexdigest()
