"""Division of images into train, val and test, in units of images that stay together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PARTS = ("train", "val", "test")
_PRIORITY = (0, 2, 1)  # parts that a class of few units gets first: train learns it, test measures it
_STRATA = 10  # classes of a regression's values

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Units:
    """Units of images that stay together.

    Args:
        of: (N,), number of each image's unit, from 0.
        size: (U,), number of images of each unit.
        classes: sparse (U, K), number of images of each class in each unit.
    """

    of: Numbers
    size: Numbers
    classes: csr_array

    @property
    def per_class(self) -> Numbers:
        """Number of units that have a class, (K,)."""
        found: Numbers = (self.classes > 0).sum(axis=0).astype(np.int64).ravel()
        return found


def joined(count: int, *groups: Sequence[Any] | NDArray[Any]) -> Numbers:
    """Join the images that share a group of any kind, directly or through others: unit numbers (N,).

    Args:
        count: N, number of images.
        groups: for each kind the group of each image.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    own, ends = np.arange(count), []
    for each in groups:
        _, first, member = np.unique(np.asarray(each), return_index=True, return_inverse=True)
        ends.append(first[member])
    rows, columns = np.tile(own, len(ends)), np.concatenate([np.empty(0, np.int64), *ends])
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(count, count))
    numbers: Numbers = connected_components(graph, directed=False)[1].astype(np.int64)
    return numbers


def strata_of(labels: NDArray[Any]) -> NDArray[Any]:
    """Classes to stratify by: of values float64 (N, K) ten of about equal size, by their standardised sum."""
    if labels.dtype != np.float64:
        return labels
    spread = labels.std(axis=0)
    order = ((labels - labels.mean(axis=0)) / np.where(spread > 0, spread, 1)).sum(axis=1).argsort(kind="stable")
    found = np.empty(len(labels), np.int64)
    found[order] = np.arange(len(labels)) * min(_STRATA, max(1, len(labels) // 10)) // max(1, len(labels))
    return found


def units_of(labels: NDArray[Any], unit: Numbers, count: int) -> Units:
    """Count the images of each of ``count`` classes in each unit; images without a label are a class of their own.

    Args:
        labels: int64 (N,), or float32 (N, K) of 0 and 1.
        unit: (N,), number of each image's unit, from 0.
    """
    from scipy.sparse import csr_array

    if labels.ndim == 2:
        labels = np.column_stack([labels, ~labels.any(axis=1)])
        rows, columns = np.nonzero(labels)
    else:
        rows, columns = np.arange(len(labels)), labels
    ones = np.ones(len(rows), np.int64)
    table = csr_array((ones, (unit[rows], columns)), shape=(int(unit.max()) + 1, count + labels.ndim - 1))
    table.sum_duplicates()
    return Units(unit, np.bincount(unit), table)


def divide(units: Units, shares: Sequence[float], seed: int) -> Numbers:
    """Stratified, seeded division into parts of about these shares of each class.

    A greedy algorithm, as in scikit-learn's ``StratifiedGroupKFold`` for equal parts: units of several images or
    classes go one after the other, those of the rarest class and the largest first, to the part where they decrease
    chi-square most: the squared deviations from the wanted numbers of images, relative to these numbers. Units of one
    image then fill what each part lacks of their class. A class of enough units is in every part; one of fewer is in
    train first, then in test.

    Args:
        shares: share of each of ``PARTS``, summing to 1.

    Returns:
        (N,), index into ``PARTS`` of each image.
    """
    draw = np.random.default_rng(seed)
    lack = np.asarray(shares)[:, None] * units.classes.sum(axis=0)  # (P, K)
    parts = np.full(len(units.size), -1, np.int64)
    single = (units.size == 1) & (np.diff(units.classes.indptr) == 1)
    _place_large(units, np.flatnonzero(~single), shares, lack, parts, draw)
    _place_single(units, np.flatnonzero(single), lack, parts, draw)
    _Repair(units, parts, [share > 0 for share in shares]).run()
    return parts[units.of]


def _place_large(
    units: Units, rows: Numbers, shares: Sequence[float], lack: NDArray[np.float64], parts: Numbers, draw: Any
) -> None:
    """Place units of several images or classes, one by one; ``lack`` and ``parts`` are changed."""
    total, per_class = np.maximum(units.classes.sum(axis=0), 1), units.per_class
    indptr, indices, data = units.classes.indptr, units.classes.indices, units.classes.data
    rarest = [per_class[indices[indptr[u] : indptr[u + 1]]].min(initial=len(parts)) for u in rows]
    room = np.asarray(shares) * units.size.sum()
    share = np.maximum(np.asarray(shares, np.float64)[:, None], 1e-9)
    for u in rows[np.lexsort((draw.random(len(rows)), -units.size[rows], np.array(rarest, np.int64)))]:
        own, count = indices[indptr[u] : indptr[u + 1]], data[indptr[u] : indptr[u + 1]]
        gain = ((2 * lack[:, own] - count) * count / (share * total[own])).sum(axis=1)  # decrease of chi-square
        part = int(np.lexsort((-room / share[:, 0], -gain.round(9)))[0])
        parts[u] = part
        lack[part, own] -= count
        room[part] -= units.size[u]


def _place_single(units: Units, rows: Numbers, lack: NDArray[np.float64], parts: Numbers, draw: Any) -> None:
    """Place units of one image, class by class."""
    kinds = units.classes.indices[units.classes.indptr[rows]]
    order = draw.permutation(len(rows))
    order = order[np.argsort(kinds[order], kind="stable")]
    cuts = np.flatnonzero(np.diff(kinds[order])) + 1
    for members in np.split(order, cuts) if len(order) else []:
        wanted = lack[:, kinds[members[0]]].clip(0)
        exact = len(members) * wanted / wanted.sum() if wanted.sum() > 0 else len(members) * np.eye(len(lack))[0]
        counts = np.floor(exact + 1e-9).astype(np.int64)
        rest = np.lexsort((draw.random(len(counts)), counts - exact))[: len(members) - int(counts.sum())]
        counts[rest] += 1
        parts[rows[members]] = np.repeat(np.arange(len(counts)), counts)


class _Repair:
    """Moves units until each class of enough units is in every part.

    Args:
        units: the units.
        parts: (U,), part of each unit; changed in place.
        wanted: for each part, whether it gets images.
    """

    def __init__(self, units: Units, parts: Numbers, wanted: Sequence[bool]):
        self.parts, self.size, self.by_unit = parts, units.size, units.classes
        self.by_class = units.classes.tocsc()
        self.open = [part for part in _PRIORITY if wanted[part]]
        per_class = units.per_class
        self.has = np.zeros((len(wanted), len(per_class)), np.int64)
        np.add.at(
            self.has, (parts[np.repeat(np.arange(len(parts)), np.diff(self.by_unit.indptr))], self.by_unit.indices), 1
        )
        self.needs = np.zeros_like(self.has)  # 1 where a part has to have a class
        for rank, part in enumerate(self.open):
            self.needs[part] = per_class > rank

    def run(self) -> None:
        for part in self.open:
            for kind in np.flatnonzero(self.needs[part] > self.has[part]):
                self._fill(part, int(kind))

    def _fill(self, part: int, kind: int) -> None:
        """Move the smallest unit with a class that its part can spare."""
        members = self.by_class.indices[self.by_class.indptr[kind] : self.by_class.indptr[kind + 1]]
        for unit in members[np.argsort(self.size[members], kind="stable")]:
            own = self.by_unit.indices[self.by_unit.indptr[unit] : self.by_unit.indptr[unit + 1]]
            donor = self.parts[unit]
            if donor != part and (self.has[donor, own] > self.needs[donor, own]).all():
                self.parts[unit] = part
                self.has[donor, own] -= 1
                self.has[part, own] += 1
                return


def divide_by_time(times: NDArray[np.float64], units: Units, shares: Sequence[float]) -> Numbers:
    """Division in the order of time: the earliest units for train, the latest for test.

    The time of a unit is that of its latest image, so that train has nothing later than val, and val nothing later than
    test. Units of one time stay together.

    Args:
        times: (N,), time of each image.
        shares: share of each of ``PARTS``, summing to 1.

    Returns:
        (N,), index into ``PARTS`` of each image.

    Raises:
        DataError: there are fewer different times than parts.
    """
    latest = np.full(len(units.size), -np.inf)
    np.maximum.at(latest, units.of, times)
    moments, member = np.unique(latest, return_inverse=True)
    wanted = [part for part, share in enumerate(shares) if share > 0]
    if len(moments) < len(wanted):
        raise DataError(
            f"{len(wanted)} splits by time need {len(wanted)} different times, but there "
            f"{'is' if len(moments) == 1 else 'are'} only {len(moments)}, counting images that stay together as one. "
            "Leave out --time, or a split: --val 0"
        )
    ends = np.cumsum(np.bincount(member, weights=units.size))  # images up to each moment
    cuts: list[int] = []
    found = np.zeros(len(moments), np.int64)
    for rank, part in enumerate(wanted[1:], 1):
        target = sum(shares[:part]) * ends[-1]
        first, last = (cuts[-1] + 1 if cuts else 1), len(moments) - (len(wanted) - rank)
        cuts.append(first + int(np.abs(ends[first - 1 : last] - target).argmin()))
        found[cuts[-1] :] = part
    return found[member][units.of]
