"""A split: labelled images that are ready to be gathered into batches."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.decode import Pixels
from zoo.data.item_names import ItemNames

Labels = NDArray[Any]
"""int64 (N,), one index an image; or float32 (N, K), 0 or 1 of every class."""


@dataclass(frozen=True)
class Split:
    """Labelled images, ready to be gathered into batches.

    Args:
        images: uint8 (N, H, W, C), an array or a memory map; or something that gathers as one does.
        labels: int64 (N,), indices into the job's classes; of several labels an image float32 (N, K) of 0 and 1.
        names: N names to show.
        skipped: ``{"name", "reason"}`` of each image that can't be decoded.
        source: where the images come from, in a few words.
        notices: what the user must be told of them.
        rows: of ``images``, where the split is a part of them.
        shards: int (N,), the number of the file that each image is in, of a dataset that has many in one.
        groups: str (N,), what each image's group is called, of a dataset that has groups.
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

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, name: str, indices: NDArray[np.int64]) -> Split:
        """The split of these items alone; the images stay where they are.

        Bad images belong to the whole: the part that is called as the whole is keeps the account of them.
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
        )

    def gather(self, indices: NDArray[np.int64]) -> Pixels:
        """The images of these items: uint8 (n, H, W, C)."""
        pixels: Pixels = self.images[indices if self.rows is None else self.rows[indices]]
        return pixels

    def summary(self, classes: Sequence[str]) -> dict[str, Any]:
        """What a result records of the split."""
        counts = class_counts(self.labels, len(classes))
        return {
            "images": len(self),
            "skipped": self.skipped,
            "fingerprint": self.fingerprint,
            "source": self.source,
            "per_class": {name: int(n) for name, n in zip(classes, counts, strict=True)},
            **({} if self.groups is None else {"groups": len(np.unique(self.groups))}),
        }


def _of_part(fingerprint: str | None, indices: NDArray[np.int64]) -> str:
    """The hash of ``f"{fingerprint} {indices.tolist()}"``, of which no more than a piece is ever in memory."""
    whole = hashlib.sha256(f"{fingerprint} [".encode())
    for start in range(0, len(indices), 4096):
        piece = str(indices[start : start + 4096].tolist())[1:-1]
        whole.update((", " * (start > 0) + piece).encode())
    whole.update(b"]")
    return whole.hexdigest()


def class_counts(labels: Labels, num_classes: int) -> NDArray[np.int64]:
    """How many images have each class, (K,)."""
    return labels.sum(0).astype(np.int64) if labels.ndim == 2 else np.bincount(labels, minlength=num_classes)
