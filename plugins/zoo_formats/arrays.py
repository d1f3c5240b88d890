"""Images in arrays, as the files of MNIST and MedMNIST hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError
from zoo_formats.splits import named

__all__ = ["ArrayPictures", "contents_of", "label_names", "need_images"]

Images = NDArray[np.uint8]
"""uint8 (N, H, W) or (N, H, W, C)."""


class ArrayPictures:
    """Images in an array.

    Args:
        images: uint8 (N, H, W) or (N, H, W, C).
        label: their name for messages.
        digests: hash of each image.
    """

    def __init__(self, images: Images, label: str, digests: Sequence[str]) -> None:
        self.images, self.label, self.digests = images, label, digests

    def open(self, place: int) -> Any:
        """An image, as an array (C, H, W)."""
        image = self.images[place]
        return image[None] if image.ndim == 2 else np.ascontiguousarray(np.moveaxis(image, 2, 0))

    def name(self, place: int) -> str:
        """File and number of the image, from 0."""
        return f"{self.label}, image {place}"

    def fingerprint(self, places: Sequence[int]) -> str:
        """Hash of the images in their order."""
        return hashlib.sha256("\n".join(self.digests[place] for place in places).encode()).hexdigest()


def contents_of(images: Images) -> list[str]:
    """Hash of each image."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images]


def need_images(array: NDArray[Any], where: str) -> Images:
    """Check that an array holds images.

    Raises:
        DataError: it has another type or shape.
    """
    if array.dtype != np.uint8:
        raise DataError(f"{where} has values of {array.dtype}; images of 8 bits (uint8) are read.")
    if array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 2, 3, 4)):
        return array
    raise DataError(
        f"{where} has the shape {array.shape}, which is not that of images (N, H, W) or (N, H, W, C). Volumes are not "
        "read."
    )


def label_names(labels: NDArray[Any], names: Sequence[str] | None, where: str) -> list[tuple[str, ...]]:
    """Names of labels: (N,) or (N, 1) of numbers, or (N, K) of 0 and 1 for several classes.

    Raises:
        DataError: the labels have another form, or a number has no name.
    """
    if labels.dtype.kind not in "iub" or labels.ndim not in (1, 2):
        raise DataError(f"{where} has labels of {labels.dtype} {labels.shape}, not whole numbers (N,) or (N, K).")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if not np.isin(labels, (0, 1)).all() or (names is not None and len(names) != labels.shape[1]):
            raise DataError(
                f"{where} has {labels.shape[1]} columns of labels, which have to be 0 or 1, with a name each."
            )
        each = names or [str(i) for i in range(labels.shape[1])]
        return [tuple(sorted(named(each[int(i)], where) for i in np.flatnonzero(row))) for row in labels]
    numbers = labels.reshape(-1).tolist()
    if names is not None and numbers and not 0 <= min(numbers) <= max(numbers) < len(names):
        wrong = next(number for number in numbers if not 0 <= number < len(names))
        raise DataError(f"{where} has the label {wrong}, but there are {len(names)} names of classes, from 0.")
    return [(str(number) if names is None else named(names[number], where),) for number in numbers]
