"""Images that belong together, of one patient, film or track: where a part is held out, none of them is on both sides.

Else a network is examined on images whose siblings it has learned by heart, and its accuracy is too good to believe.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.split import Labels, Split
from zoo.errors import ContractError, DataError

__all__ = ["Groups", "group_folds", "groups_of", "held_groups", "shared_groups"]

Groups = NDArray[np.str_]
"""(N,), what each image's group is called."""


def groups_of(dataset: Any) -> Groups | None:
    """What a dataset says of its images' groups: its ``.groups``, one word or number an image.

    Raises:
        ContractError: there are not as many as images.
    """
    groups = getattr(dataset, "groups", None)
    if groups is None:
        return None
    found = np.asarray(groups).astype(str)
    if found.shape != (len(dataset),):
        raise ContractError(f"a dataset's .groups has a word for each of its {len(dataset)} images, not {found.shape}")
    return found


def group_folds(labels: Labels, groups: Groups, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold in which each image is held out, from 1 to ``folds``: whole groups, each class shared as they let it.

    Images with several labels are counted as of the rarest that they have.

    Raises:
        DataError: there are fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    count = len(np.unique(groups))
    if count < folds:
        raise DataError(
            f"Whole groups are held out, so {folds} parts need {folds} groups; the training images have {count}. Take "
            "fewer folds, or leave the groups out."
        )
    kinds = labels if labels.ndim == 1 else _rarest(labels)
    numbers = np.zeros(len(groups), np.int64)
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed % 2**32)
    _, kinds, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    kinds = np.where(counts[kinds] < folds, len(counts), kinds)  # classes too small to be shared out go together
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # if even those are few, nothing can be done
        if np.bincount(kinds).max() < folds:
            kinds = np.zeros_like(kinds)
        for number, (_, held) in enumerate(dealer.split(kinds, kinds, groups), 1):
            numbers[held] = number
    return numbers


def held_groups(labels: Labels, groups: Groups, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which images are held out: whole groups, drawn so that each class gives about this fraction of its images.

    A class of two groups or more gives one at least, and never its last one.

    Raises:
        DataError: no group can be held out: all images are of one, say.
    """
    names, member = np.unique(groups, return_inverse=True)
    counts = _by_group(labels, member, len(names))  # (G, K)
    order = np.random.default_rng(seed).permutation(len(names))
    held = np.zeros(len(names), bool)
    for kind in np.argsort((counts > 0).sum(0), kind="stable"):  # the class of the fewest groups has the least choice
        wanted = fraction * counts[:, kind].sum()
        for group in (g for g in order if counts[g, kind] and not held[g]):
            lack = wanted - counts[held, kind].sum()
            far = counts[held, kind].any() and counts[group, kind] > 2 * lack  # it would be further off with it
            left = counts[~held].sum(0) - counts[group]
            if lack > 0 and not far and (left[counts[group] > 0] > 0).all():
                held[group] = True
    if not held.any():
        raise DataError(
            f"None of the {len(names)} groups can be held out for validation without losing a class. Add groups, or a "
            "val split."
        )
    found: NDArray[np.bool_] = held[member]
    return found


def _by_group(labels: Labels, member: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """How many images of each class a group has, (G, K)."""
    if labels.ndim == 2:
        counts = np.zeros((count, labels.shape[1]), np.int64)
        np.add.at(counts, member, labels.astype(np.int64))
        return counts
    counts = np.zeros((count, int(labels.max()) + 1), np.int64)
    np.add.at(counts, (member, labels), 1)
    return counts


def shared_groups(split: Split, other: Split) -> Sequence[str]:
    """Groups that two splits have in common, sorted."""
    if split.groups is None or other.groups is None:
        return []
    found: list[str] = np.intersect1d(split.groups, other.groups).tolist()
    return found


def _rarest(labels: NDArray[np.float32]) -> NDArray[np.int64]:
    """(N, K) of 0 and 1 -> (N,): of each image the rarest class that it has, or K."""
    frequency = np.where(labels > 0, labels.sum(0), np.inf)  # (N, K)
    found: NDArray[np.int64] = np.where(labels.any(1), frequency.argmin(1), labels.shape[1])
    return found
