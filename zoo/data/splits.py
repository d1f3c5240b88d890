"""Splits: which there are, one class list for all of them, and a validation part where there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.groups import group_folds, held_groups
from zoo.data.split import Labels, Split, class_counts
from zoo.errors import DataError
from zoo.registry.suggest import did_you_mean, listing


def absent_notice(split: Split, classes: Sequence[str]) -> list[str]:
    """That a split has no image of some classes, and what that means for its numbers; nothing where it has all."""
    counts = class_counts(split.labels, len(classes))
    absent = [repr(name) for name, n in zip(classes, counts, strict=True) if n == 0]
    if not absent:
        return []
    return [
        f"The split {split.name!r} has no image of {listing(absent, most=5)}: such a class has no recall here, and F1 "
        "macro is the mean over the classes that occur."
    ]


def available(factory: Callable[..., Any], declared: tuple[str, ...], params: Mapping[str, Any]) -> tuple[str, ...]:
    """The splits that exist: what lies on the disk, where the factory can tell, else what is declared."""
    ask = getattr(factory, "available_splits", None)
    return tuple(ask(**params)) if ask is not None else declared


def fixed_classes(dataset: Any) -> list[str]:
    """The job's class list: the training split's names, sorted.

    Raises:
        DataError: fewer than two classes, or two of one name.
    """
    classes = sorted(str(c) for c in dataset.classes)
    if len(set(classes)) < len(classes):
        raise DataError(f"the dataset has two classes of one name: {listing(classes)}.")
    if len(classes) < 2:
        raise DataError(
            f"There is only one class ({listing(classes)}): a classifier needs two or more. "
            "Give a folder with a folder for each class."
        )
    return classes


def label_map(own: Sequence[str], classes: Sequence[str], split: str) -> NDArray[np.int64]:
    """Index into a split's own classes -> index into the job's, by name.

    Raises:
        DataError: the split has a class that training has not.
    """
    unknown = [c for c in map(str, own) if c not in classes]
    if unknown:
        raise DataError(
            f"The {split} split has {'a class' if len(unknown) == 1 else 'classes'} that training has not: "
            f"{listing(map(repr, unknown))}.{did_you_mean(unknown[0], classes)} "
            f"Training's classes: {listing(classes)}. Rename or remove the folder."
        )
    return np.array([classes.index(str(c)) for c in own], np.int64)


def hold_out(
    labels: Labels, fraction: float, seed: int, groups: NDArray[np.str_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A stratified, seeded part of a split: each class gives its share, and at least one if it has two.

    Images with several labels are shared out by :func:`stratify`, which comes as near to that as they let it; those
    of a group stay together.

    Returns:
        Sorted indices kept, and sorted indices held out; together all of them, once.

    Raises:
        DataError: nothing could be held out.
    """
    if groups is not None:
        grouped = held_groups(labels, groups, fraction, seed)
        return np.flatnonzero(~grouped), np.flatnonzero(grouped)
    if labels.ndim == 2:
        parts = stratify(labels, [1 - fraction, fraction], seed)
        return np.flatnonzero(parts == 0), np.flatnonzero(parts == 1)
    generator = np.random.default_rng(seed)
    held: list[NDArray[np.int64]] = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        share = min(max(1, round(len(members) * fraction)), len(members) - 1)
        held.append(generator.permutation(members)[:share])
    out = np.sort(np.concatenate(held)) if held else np.array([], np.int64)
    if len(out) == 0:
        raise DataError("No class has two images, so none can be held out for validation. Add images, or a val folder.")
    return np.setdiff1d(np.arange(len(labels)), out), out


def stratify(labels: NDArray[np.float32], shares: Sequence[float], seed: int) -> NDArray[np.int64]:
    """Share images with several labels out to parts, so that each part has its share of every class.

    The class with the fewest images left goes first; each of its images goes to the part that lacks that class most,
    then to the one that lacks images most. Source: iterative stratification, Sechidis, Tsoumakas & Vlahavas 2011, "On
    the stratification of multi-label data", algorithm 1. A part is to have one image of a class at least, where
    there are as many as parts.

    Args:
        labels: (N, K) of 0 and 1.
        shares: of each part, summing to 1.

    Returns:
        int64 (N,), the number of each image's part, from 0.
    """
    has, generator = labels > 0, np.random.default_rng(seed)
    room = np.array(shares)[:, None]  # (P, 1)
    images = (room * len(has)).ravel()
    wanted = np.maximum(room * has.sum(0), (has.sum(0) >= len(shares)) * 1.0)  # (P, K)
    parts = np.full(len(has), -1, np.int64)

    def place(item: int, lacks: NDArray[np.float64]) -> None:
        part = int(np.lexsort((generator.random(len(shares)), -images, -lacks))[0])
        parts[item] = part
        wanted[part] -= has[item]
        images[part] -= 1

    while (left := has[parts < 0].sum(0)).any():
        rarest = int(np.where(left > 0, left, len(has) + 1).argmin())
        for item in generator.permutation(np.flatnonzero((parts < 0) & has[:, rarest])):
            place(int(item), wanted[:, rarest].copy())
    for item in generator.permutation(np.flatnonzero(parts < 0)):  # without any label
        place(int(item), images.copy())
    return parts


def fold_numbers(labels: Labels, folds: int, seed: int, classes: Sequence[str]) -> NDArray[np.int64]:
    """The fold in which each item is held out: a stratified, seeded division of a split.

    Folds differ by at most one item, and by at most one item of each class; where images have several labels, they are
    shared out by :func:`stratify`.

    Args:
        labels: (N,), indices into ``classes``; or (N, K) of 0 and 1.
        folds: how many parts, 2 or more.

    Returns:
        int64 (N,), from 1 to ``folds``.

    Raises:
        DataError: a class has fewer items than there are folds: a fold would be validated without it.
    """
    counts = class_counts(labels, len(classes))
    if counts.min() < folds:
        raise DataError(_too_few(counts, folds, classes))
    if labels.ndim == 2:
        return stratify(labels, [1 / folds] * folds, seed) + 1
    generator = np.random.default_rng(seed)
    numbers = np.zeros(len(labels), np.int64)
    dealt = 0  # each class goes on dealing where the one before stopped, so that no fold gets every class's remainder
    for label in range(len(classes)):
        members = generator.permutation(np.flatnonzero(labels == label))
        numbers[members] = (dealt + np.arange(len(members))) % folds + 1
        dealt += len(members)
    return numbers


def hold_out_fold(
    labels: Labels,
    folds: int,
    fold: int,
    seed: int,
    classes: Sequence[str],
    groups: NDArray[np.str_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As :func:`hold_out`, the held-out part being number ``fold`` (from 1) of :func:`fold_numbers`."""
    if groups is not None:
        held = group_folds(labels, groups, folds, seed) == fold
    else:
        held = fold_numbers(labels, folds, seed, classes) == fold
    return np.flatnonzero(~held), np.flatnonzero(held)


def _too_few(counts: NDArray[np.int64], folds: int, classes: Sequence[str]) -> str:
    least = int(counts.min())
    few = listing((repr(name) for name, n in zip(classes, counts, strict=True) if n < folds), most=5)
    images = f"{least} training image{'' if least == 1 else 's'}"
    advice = f"Take at most {least} folds, or add images" if least >= 2 else "Add images, or remove the class"
    return (
        f"{folds} folds need {folds} training images of every class, one for each fold to be validated with; "
        f"too few have {few} (the smallest class has {images}). {advice}."
    )


def check_skipped(skipped: Sequence[Mapping[str, str]], total: int, policy: str, most: float, split: str) -> None:
    """Refuse a split with too many images that can't be decoded.

    Raises:
        DataError: there is one and the policy is ``fail``, or they are more than ``most`` of all.
    """
    if not skipped or (policy == "skip" and len(skipped) <= most * total):
        return
    shown = "; ".join(f"{Path(s['name'])} ({s['reason']})" for s in skipped[:3])
    rest = f" and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    limit = "--on-bad-image is fail" if policy == "fail" else f"at most {most:.1%} may be skipped"
    raise DataError(
        f"{len(skipped)} of {total} {split} images can't be decoded: {shown}{rest}; {limit}. "
        "Mend or remove them, or allow more with --set data.max_bad_fraction=0.2"
    )
