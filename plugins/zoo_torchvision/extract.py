"""Getting at what torchvision's datasets have read: files, labels and class names, without decoding an image.

torchvision's classes keep these under names of their own, some of them private; the tests read a copy of each.
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
    """Of ``ImageFolder`` and others."""
    found: Pairs = data.samples if hasattr(data, "samples") else data._samples
    return found


def image_files(data: Any) -> Pairs:
    """Of those with a list of files and one of labels."""
    return zip(data._image_files, data._labels, strict=True)


def sorted_files(data: Any) -> Pairs:
    """Likewise, where the order of the files is the disk's."""
    return sorted(image_files(data), key=lambda pair: str(pair[0]))


def pets(data: Any) -> Pairs:
    """Of Oxford-IIIT Pet."""
    return zip(data._images, data._labels, strict=True)


def listed(data: Any) -> Pairs:
    """Of Places365, whose list says each label twice."""
    pairs: Pairs = data.imgs
    return pairs


def signs(data: Any) -> Pairs:
    """Of GTSRB, whose folders are named by their ClassId."""
    test = data._split == "test"
    return [(path, label if test else int(Path(path).parent.name)) for path, label in data._samples]


def tracks(pairs: Pairs) -> list[str]:
    """Of GTSRB: some 30 frames are of one and the same sign, which the first number of a file's name tells."""
    return [f"{label}/{Path(path).name.partition('_')[0]}" for path, label in pairs]


def caltech101(data: Any) -> Pairs:
    """Of Caltech 101: it knows classes and numbers."""
    folder = Path(data.root, "101_ObjectCategories")
    return [(folder / data.categories[y] / f"image_{i:04d}.jpg", y) for i, y in zip(data.index, data.y, strict=True)]


def caltech256(data: Any) -> Pairs:
    """Of Caltech 256, likewise; its files have the class's number too."""
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
    """Of QMNIST, whose rows have the writer and more."""
    found: Sequence[int] = np.asarray(data.targets)[:, 0].tolist()
    return found


def face_targets(data: Any) -> Sequence[int]:
    """Of FER2013."""
    return [label for _, label in data._samples]


def h5_labels(data: Any) -> Sequence[int]:
    """Of PCAM: all at once, where its class opens the file for each."""
    with data.h5py.File(data._base_folder / data._FILES[data._split]["targets"][0]) as file:
        found: Sequence[int] = np.asarray(file["y"]).reshape(-1).tolist()
    return found


class H5:
    """h5py, imported when it is asked for: a module can't be sent to a worker, and PCAM's object holds one."""

    @property
    def File(self) -> Any:  # noqa: N802
        import h5py

        return h5py.File


def let_go_of_h5py(data: Any) -> None:
    """Of PCAM, so that it can be pickled."""
    data.h5py = H5()


def turn_upright(data: Any) -> None:
    """EMNIST's images lie on their side, mirrored: rows are columns. Its class "N/A" of letters has no image."""
    data.data = data.data.transpose(1, 2)
    if data.classes[0] == "N/A":
        data.classes, data.targets = data.classes[1:], data.targets - 1


def fingerprint_of(data: Any) -> str:
    """A hash of all pixels."""
    rows = np.asarray(data.data) if hasattr(data, "data") else np.stack([np.asarray(image) for image, _ in data])
    whole = hashlib.blake2b(f"{rows.shape} {rows.dtype}".encode())
    for start in range(0, len(rows), 4096):  # some arrays are not in one piece: a copy of a part at a time
        whole.update(np.ascontiguousarray(rows[start : start + 4096]).data)
    return whole.hexdigest()


def h5_fingerprint(data: Any) -> str:
    """Of PCAM: its images are 7 GB, so their file is known by its size and time."""
    file = data._base_folder / data._FILES[data._split]["images"][0]
    known = file.stat()
    return hashlib.blake2b(f"{file.name} {known.st_size} {known.st_mtime_ns}".encode()).hexdigest()
