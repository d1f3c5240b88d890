"""Duplicates: images with identical pixels, and near duplicates that were derived from one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import Pixels
from zoo_data_check.candidates import candidates
from zoo_data_check.registration import agreement

ALIKE = 0.65
"""Minimum correlation of near duplicates.

Of 1,200 photos that were re-encoded, resized or cropped the lowest value was 0.75; of 28,000 candidate pairs of
unrelated photos only one exceeded 0.6.
"""

Progress = Callable[[str, int, int], None]
Group = list[int]


@dataclass(frozen=True)
class Twins:
    """Groups of duplicates among n images.

    Args:
        exact: groups of rows with identical pixels, each with at least two rows, sorted.
        near: groups of rows of near duplicates, which may contain exact ones, but at least two different images.
        group: (n,), group number, equal for all duplicates of one another.
        alike: group number -> lowest correlation of the pairs that connect a near group.
    """

    exact: list[Group]
    near: list[Group]
    group: NDArray[np.int64]
    alike: dict[int, float]


def find_twins(digests: Sequence[bytes], thumbs: Pixels, progress: Progress) -> Twins:
    """Group duplicates.

    Args:
        digests: hash of each image's full-size pixels.
        thumbs: uint8 (n, 64, 64), squashed grey thumbnails.
        progress: called with (stage, done, total).
    """
    _, first, same = np.unique(np.array(digests, "S16"), return_index=True, return_inverse=True)
    found = candidates(thumbs[first], lambda done: progress("comparing images", done, len(first)))
    count = len(found.whole)
    alike = agreement(thumbs[first], found, lambda done: progress("aligning likely pairs", done, count))
    rows = np.flatnonzero(alike >= ALIKE)
    ends = first[found.whole[rows]], first[found.part[rows]]
    pairs = _best_of_each(*ends, alike[rows])
    group = _joined(len(thumbs), same, first, pairs)
    least: dict[int, float] = {}
    for a, _, score in pairs:
        number = int(group[a])
        least[number] = min(score, least.get(number, 1.0))
    near = [rows for rows in _groups(group) if int(group[rows[0]]) in least]
    return Twins(_groups(same), near, group, least)


def _best_of_each(
    one: NDArray[np.int64], other: NDArray[np.int64], alike: NDArray[np.float32]
) -> list[tuple[int, int, float]]:
    """Deduplicate pairs, which may have been found in both directions, keeping the higher value."""
    best: dict[tuple[int, int], float] = {}
    for a, b, score in zip(one.tolist(), other.tolist(), alike.tolist(), strict=True):
        key = (min(a, b), max(a, b))
        best[key] = max(score, best.get(key, -1.0))
    return [(a, b, score) for (a, b), score in sorted(best.items())]


def _joined(
    count: int, same: NDArray[np.int64], first: NDArray[np.int64], pairs: list[tuple[int, int, float]]
) -> NDArray[np.int64]:
    """Connected components (n,) by equal pixels and by pairs."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = np.concatenate([np.arange(count), np.array([a for a, _, _ in pairs], np.int64)])
    columns = np.concatenate([first[same], np.array([b for _, b, _ in pairs], np.int64)])
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(count, count))
    number: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return number


def _groups(numbers: NDArray[np.int64]) -> list[Group]:
    """Rows that share a group number with others, in order of their first row."""
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order])) + 1
    return sorted(rows.tolist() for rows in np.split(order, cuts) if len(rows) > 1)
