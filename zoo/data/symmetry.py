"""Test for mirror invariance of the classes, from the images of a training split."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.decode import to_pixels
from zoo.data.labels import is_multilabel

__all__ = ["keeps_class_when_mirrored", "thumbnails"]

SIDE = 16
"""Side in pixels of the greyscale thumbnails that are compared."""
LEAST, MOST, PER_CLASS = 240, 600, 12
"""Minimum and maximum number of images in the test, and the target number per class in between."""
RIDGE = 0.03
"""Ridge penalty of the linear classifier, relative to the largest eigenvalue."""
SIGNAL = 0.25
"""Minimum accuracy of the linear classifier for a conclusive test, as a fraction of the way from chance to 1."""
LOST = 0.35
"""Maximum loss of accuracy on mirrored images, as a fraction of the gain over chance."""
Thumbnails = NDArray[np.floating[Any]]


def keeps_class_when_mirrored(dataset: Any) -> bool | None:
    """Compare the accuracy of a linear classifier on unseen images and on their mirror images.

    Mirrored digits, letters and traffic signs are classified worse; mirrored photographs of animals equally well.

    Args:
        dataset: a training split: ``len``, ``[i] -> (image, label)``, ``classes``.

    Returns:
        True if mirroring keeps the class; None if thumbnails don't separate the classes, or for multi-label datasets.
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
    """Greyscale thumbnails (n, side, side) of images spread evenly over a dataset, and their labels (n,).

    Images that can't be decoded are left out.
    """
    count = len(dataset)
    wanted = min(count, max(LEAST, min(MOST, PER_CLASS * len(dataset.classes))))
    pixels, labels = [], []
    for index in np.unique(np.linspace(0, count - 1, wanted).round().astype(int)):
        with contextlib.suppress(Exception):  # the run skips or reports the image
            image, label = dataset[int(index)]
            pixels.append(to_pixels(image, SIDE, 1)[:, :, 0])
            labels.append(int(label))
    return np.array(pixels, np.float64).reshape(-1, SIDE, SIDE), np.array(labels, np.int64)


def _flat(images: Thumbnails) -> Thumbnails:
    """Flatten images to rows with mean 0 and norm 1, and append a constant."""
    rows = images.reshape(len(images), -1)
    rows = rows - rows.mean(1, keepdims=True)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return np.hstack([rows, np.ones((len(rows), 1))])


def _fit(rows: Thumbnails, targets: Thumbnails) -> Thumbnails:
    """Fit ridge regression to one-hot targets."""
    products = rows.T @ rows
    penalty = RIDGE * float(np.linalg.eigvalsh(products)[-1]) * np.eye(len(products))
    return np.linalg.solve(products + penalty, rows.T @ targets)
