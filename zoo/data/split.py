"""A split: labelled images, ready to be gathered into batches."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.attributes import Attributes
from zoo.data.decode import Pixels
from zoo.data.item_names import ItemNames

Labels = NDArray[Any]
"""int64 (N,) class indices; float32 (N, K) of 0 and 1 for multi-label images; float64 (N, K) of values."""


@dataclass(frozen=True)
class Split:
    """Labelled images, ready to be gathered into batches.

    Args:
        name: name of the split.
        images: (N, H, W, C), uint8, uint16 or float32, an array or a memory map; or an object with the same indexing.
        labels: int64 (N,), indices into the job's classes; for multi-label images float32 (N, K) of 0 and 1; for a
            regression float64 (N, K) of values.
        names: names of the N images.
        skipped: ``{"name", "reason"}`` of each image that can't be decoded.
        fingerprint: hash of the content.
        source: origin of the images, in a few words.
        notices: notices for the user.
        rows: int64 (N,), indices into ``images``, where the split is a part of them.
        shards: int (N,), file number of each image, where a file has many images.
        groups: str (N,), group of each image, where the dataset has groups.
        attributes: values of the N images by name, where the dataset has attributes.
        split_digest: digest of the dataset's division into splits, where a file contains it.
        mostly_8_bits: at least half of the images have 8 bits, and others have more.
    """

    name: str
    images: Pixels | Any
    labels: Labels
    names: Sequence[str]
    skipped: list[dict[str, str]] = field(default_factory=list)
    fingerprint: str | None = None
    source: str | None = None
    notices: tuple[str, ...] = ()
    rows: NDArray[np.int64] | None = None
    shards: NDArray[np.integer] | None = None
    groups: NDArray[np.str_] | None = None
    attributes: Attributes | None = None
    split_digest: str | None = None
    mostly_8_bits: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, name: str, indices: NDArray[np.int64]) -> Split:
        """Return the subset of these items under a new name; the images are shared.

        The list of skipped images stays with the part that keeps the name of the whole.
        """
        return dataclasses.replace(
            self,
            name=name,
            labels=self.labels[indices],
            names=ItemNames(self.names.__getitem__, indices),
            skipped=self.skipped if name == self.name else [],
            fingerprint=_of_part(self.fingerprint, indices),
            rows=indices if self.rows is None else self.rows[indices],
            shards=None if self.shards is None else self.shards[indices],
            groups=None if self.groups is None else self.groups[indices],
            attributes=None if self.attributes is None else self.attributes.part(indices),
        )

    def gather(self, indices: NDArray[np.int64]) -> Pixels:
        """Gather the images of these items: (n, H, W, C)."""
        pixels: Pixels = self.images[indices if self.rows is None else self.rows[indices]]
        return pixels

    def summary(self, classes: Sequence[str]) -> dict[str, Any]:
        """Summarise the split for a result."""
        counts = [] if has_values(self.labels) else class_counts(self.labels, len(classes)).tolist()
        return {
            "images": len(self),
            "skipped": self.skipped,
            "fingerprint": self.fingerprint,
            "source": self.source,
            "per_class": dict(zip(classes, counts, strict=False)),
            **({} if self.groups is None else {"groups": len(np.unique(self.groups))}),
            **({} if self.split_digest is None else {"split_digest": self.split_digest}),
        }


def _of_part(fingerprint: str | None, indices: NDArray[np.int64]) -> str:
    """Hash of ``f"{fingerprint} {indices.tolist()}"``, computed in pieces to limit memory."""
    whole = hashlib.sha256(f"{fingerprint} [".encode())
    for start in range(0, len(indices), 4096):
        piece = str(indices[start : start + 4096].tolist())[1:-1]
        whole.update((", " * (start > 0) + piece).encode())
    whole.update(b"]")
    return whole.hexdigest()


def has_values(labels: Labels) -> bool:
    """Check whether labels are values of a regression."""
    return labels.dtype == np.float64


def strata(labels: Labels, folds: int = 1) -> NDArray[np.int64]:
    """Classes by which images with values are divided, (N,): at most ten of about equal size, by the sum of the values.

    Args:
        labels: (N, K) values, standardised before they are summed.
        folds: number of images that each class has at least, where there are so many; never fewer than ten.
    """
    spread = labels.std(axis=0)
    order = ((labels - labels.mean(axis=0)) / np.where(spread > 0, spread, 1)).sum(axis=1).argsort(kind="stable")
    number = max(1, min(10, len(labels) // max(10, folds)))
    found = np.empty(len(labels), np.int64)
    found[order] = np.arange(len(labels)) * number // max(1, len(labels))
    return found


def class_counts(labels: Labels, num_classes: int) -> NDArray[np.int64]:
    """Number of images of each class, or with each value, (K,)."""
    if has_values(labels):
        return np.full(num_classes, len(labels))
    return labels.sum(0).astype(np.int64) if labels.ndim == 2 else np.bincount(labels, minlength=num_classes)
