"""Groups of related images (of one patient, film or track), which splits must keep together.

Otherwise validation images have near-copies among the training images, and the accuracy is biased upwards.
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
"""str (N,), group of each image."""


def groups_of(dataset: Any) -> Groups | None:
    """Groups of a dataset's images from its ``.groups``, one name or number per image; None without that attribute.

    Raises:
        ContractError: the number of groups is not the number of images.
    """
    groups = getattr(dataset, "groups", None)
    if groups is None:
        return None
    found = np.asarray(groups).astype(str)
    if found.shape != (len(dataset),):
        raise ContractError(
            f".groups of a dataset must have an entry for each of its {len(dataset)} images, not {found.shape}"
        )
    return found


def group_folds(labels: Labels, groups: Groups, folds: int, seed: int) -> NDArray[np.int64]:
    """Assign each image to a validation fold, 1 to ``folds``, with whole groups and stratified classes.

    A multi-label image counts as its rarest class.

    Raises:
        DataError: there are fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    count = len(np.unique(groups))
    if count < folds:
        raise DataError(
            f"{folds} folds need at least {folds} groups; the training images have {count}. Use fewer folds, or no "
            "groups."
        )
    kinds = labels if labels.ndim == 1 else _rarest(labels)
    numbers = np.zeros(len(groups), np.int64)
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed % 2**32)
    _, kinds, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    kinds = np.where(counts[kinds] < folds, len(counts), kinds)  # classes smaller than the number of folds are merged
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # even the merged class may be too small
        if np.bincount(kinds).max() < folds:
            kinds = np.zeros_like(kinds)
        for number, (_, held) in enumerate(dealer.split(kinds, kinds, groups), 1):
            numbers[held] = number
    return numbers


def held_groups(labels: Labels, groups: Groups, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Mask of a held-out part of whole groups with about this fraction of each class, bool (N,).

    A class with at least two groups contributes at least one, and always keeps one for training.

    Raises:
        DataError: no group can be held out, for example where all images are of one group.
    """
    names, member = np.unique(groups, return_inverse=True)
    counts = _by_group(labels, member, len(names))  # (G, K)
    order = np.random.default_rng(seed).permutation(len(names))
    held = np.zeros(len(names), bool)
    for kind in np.argsort((counts > 0).sum(0), kind="stable"):  # the class with the fewest groups first
        wanted = fraction * counts[:, kind].sum()
        for group in (g for g in order if counts[g, kind] and not held[g]):
            lack = wanted - counts[held, kind].sum()
            far = counts[held, kind].any() and counts[group, kind] > 2 * lack  # it overshoots
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
    """Number of images of each class in each group, (G, K)."""
    if labels.ndim == 2:
        counts = np.zeros((count, labels.shape[1]), np.int64)
        np.add.at(counts, member, labels.astype(np.int64))
        return counts
    counts = np.zeros((count, int(labels.max()) + 1), np.int64)
    np.add.at(counts, (member, labels), 1)
    return counts


def shared_groups(split: Split, other: Split) -> Sequence[str]:
    """Groups that two splits share, sorted."""
    if split.groups is None or other.groups is None:
        return []
    found: list[str] = np.intersect1d(split.groups, other.groups).tolist()
    return found


def _rarest(labels: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rarest class of each image from labels (N, K) of 0 and 1, (N,); K for images without labels."""
    frequency = np.where(labels > 0, labels.sum(0), np.inf)  # (N, K)
    found: NDArray[np.int64] = np.where(labels.any(1), frequency.argmin(1), labels.shape[1])
    return found
