"""Do mirrored images keep their class? A test on the images themselves, where nobody says."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.decode import is_multilabel, to_pixels

__all__ = ["keeps_class_when_mirrored", "thumbnails"]

SIDE = 16
"""Side in pixels of the grey thumbnails that are compared."""
LEAST, MOST, PER_CLASS = 240, 600, 12
"""Images that are looked at: so many of each class on average, between the two."""
RIDGE = 0.03
"""Of the largest eigenvalue: the penalty of the linear classifier."""
SIGNAL = 0.25
"""So much of the way from chance to perfect a linear classifier must get, for the test to say anything."""
LOST = 0.35
"""Share of that way that mirrored images may lose."""
Thumbnails = NDArray[np.floating[Any]]


def keeps_class_when_mirrored(dataset: Any) -> bool | None:
    """Compare what a linear classifier makes of unseen images and of their mirror images.

    Digits, letters and traffic signs are taken for other classes when they are mirrored; photographs of animals are
    recognised as well or as badly as before.

    Args:
        dataset: a training split: ``len``, ``[i] -> (image, label)``, ``classes``.

    Returns:
        None where thumbnails are too little to tell the classes apart, or the images have several labels.
    """
    if is_multilabel(dataset):
        return None
    images, labels = thumbnails(dataset)
    classes, found = np.unique(labels, return_inverse=True)
    if len(classes) < 2 or len(images) < LEAST // 4:
        return None
    order = np.random.default_rng(0).permutation(len(images))
    fitted, held = order[::2], order[1::2]
    weights = _fit(_flat(images[fitted]), np.eye(len(classes))[found[fitted]])
    chance = float(np.bincount(found[held]).max() / len(held))
    plain, mirrored = (
        float(np.mean((_flat(some) @ weights).argmax(1) == found[held]))
        for some in (images[held], images[held][:, :, ::-1])
    )
    way = (plain - chance) / (1 - chance) if chance < 1 else 0.0
    if way < SIGNAL:
        return None
    return (plain - mirrored) / (plain - chance) <= LOST


def thumbnails(dataset: Any) -> tuple[Thumbnails, NDArray[np.int64]]:
    """Grey thumbnails (n, side, side) of images spread evenly over a dataset, and their labels (n,).

    Images that can't be decoded are left out.
    """
    count = len(dataset)
    wanted = min(count, max(LEAST, min(MOST, PER_CLASS * len(dataset.classes))))
    pixels, labels = [], []
    for index in np.unique(np.linspace(0, count - 1, wanted).round().astype(int)):
        with contextlib.suppress(Exception):  # the run will skip it, or tell of it
            image, label = dataset[int(index)]
            pixels.append(to_pixels(image, SIDE, 1)[:, :, 0])
            labels.append(int(label))
    return np.array(pixels, np.float64).reshape(-1, SIDE, SIDE), np.array(labels, np.int64)


def _flat(images: Thumbnails) -> Thumbnails:
    """Rows with mean 0 and norm 1, and a constant."""
    rows = images.reshape(len(images), -1)
    rows = rows - rows.mean(1, keepdims=True)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return np.hstack([rows, np.ones((len(rows), 1))])


def _fit(rows: Thumbnails, targets: Thumbnails) -> Thumbnails:
    """Ridge regression on the classes' indicators."""
    products = rows.T @ rows
    penalty = RIDGE * float(np.linalg.eigvalsh(products)[-1]) * np.eye(len(products))
    return np.linalg.solve(products + penalty, rows.T @ targets)
