"""Splits: their names, the common class list, and a validation part where none exists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.groups import group_folds, held_groups
from zoo.data.labels import number_of
from zoo.data.split import Labels, Split, class_counts, has_values, strata
from zoo.data.task_words import ORDINAL, REGRESSION, SINGLE_LABEL, dataset_task
from zoo.errors import DataError
from zoo.registry.suggest import did_you_mean, listing


def absent_notice(split: Split, classes: Sequence[str]) -> list[str]:
    """Notice about classes without images in a split; empty where all classes occur."""
    counts = class_counts(split.labels, len(classes))
    absent = [repr(name) for name, n in zip(classes, counts, strict=True) if n == 0]
    if not absent:
        return []
    return [
        f"The split {split.name!r} has no image of {listing(absent, most=5)}: recall is undefined for these "
        "classes, and macro F1 is the mean over the others."
    ]


def available(factory: Callable[..., Any], declared: tuple[str, ...], params: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the splits that exist, from the factory's ``available_splits`` where defined, else as declared."""
    ask = getattr(factory, "available_splits", None)
    return tuple(ask(**params)) if ask is not None else declared


def fixed_classes(dataset: Any, task: str = SINGLE_LABEL) -> list[str]:
    """Class list of the job: the names of the training split's classes, sorted; of a regression those of its values.

    Args:
        task: task of the job. The classes of an ordinal task are in the order of their numbers.

    Raises:
        DataError: there are fewer than two classes, or two with the same name; or the task needs numbers as names.
    """
    classes = [str(c) for c in dataset.classes]
    if task == REGRESSION:
        return value_names(dataset, classes)
    classes = sorted(classes) if task != ORDINAL else ordered(classes)
    if len(set(classes)) < len(classes):
        raise DataError(f"the dataset has two classes with the same name: {listing(classes)}.")
    if len(classes) < 2:
        raise DataError(
            f"There is only one class ({listing(classes)}): a classifier needs two or more. "
            "Give a folder with a folder for each class."
        )
    return classes


def value_names(dataset: Any, classes: Sequence[str]) -> list[str]:
    """Names of the values of a regression; a dataset of classes has one value, the number that each class is called."""
    if dataset_task(dataset) == REGRESSION:
        return list(classes)
    class_values(classes)
    return [str(getattr(dataset, "target_name", "value"))]


def class_values(classes: Sequence[str]) -> NDArray[np.float64]:
    """Numbers that classes are called, float64 (K,).

    Raises:
        DataError: a class is not called by a number.
    """
    found = {name: number_of(str(name)) for name in classes}
    if others := [name for name, value in found.items() if value is None]:
        raise DataError(
            f"A regression needs numbers, but {listing(map(repr, others), most=3)} "
            f"{'is' if len(others) == 1 else 'are'} none. Give a CSV file with a column of numbers, or folders that "
            "are called by numbers; or leave out --task regression."
        )
    return np.array(list(found.values()), np.float64)


def ordered(classes: Sequence[str]) -> list[str]:
    """Classes of an ordinal task in their order: that of their numbers, such as ``2`` or ``2 to 5``.

    Raises:
        DataError: a class does not begin with a number, or two begin with the same.
    """
    numbers = {name: re.match(r"\s*(-?\d+(?:\.\d+)?)", name) for name in classes}
    ranks = {name: float(found[1]) for name, found in numbers.items() if found}
    if len(ranks) < len(classes) or len(set(ranks.values())) < len(ranks):
        raise DataError(
            "An ordinal task needs classes that begin with different numbers, which give their order; these are "
            f"{listing(map(repr, classes), most=5)}. Rename them, such as '1 {classes[0]}', or leave out --task "
            "ordinal."
        )
    return sorted(classes, key=ranks.__getitem__)


def label_map(own: Sequence[str], classes: Sequence[str], split: str) -> NDArray[np.int64]:
    """Map indices of a split's own classes to indices of the job's, by name, int64.

    Raises:
        DataError: the split has a class that is missing in training.
    """
    unknown = [c for c in map(str, own) if c not in classes]
    if unknown:
        raise DataError(
            f"The {split} split has {'a class' if len(unknown) == 1 else 'classes'} missing from training: "
            f"{listing(map(repr, unknown))}.{did_you_mean(unknown[0], classes)} Classes of training: "
            f"{listing(classes)}. Rename or remove the folder."
        )
    return np.array([classes.index(str(c)) for c in own], np.int64)


def hold_out(
    labels: Labels, fraction: float, seed: int, groups: NDArray[np.str_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out a stratified, seeded part of a split; a class with two images or more gives at least one.

    Multi-label images are divided by :func:`stratify`, approximately; images of a group stay together.

    Returns:
        Sorted indices that are kept, and sorted indices that are held out, int64.

    Raises:
        DataError: no image can be held out.
    """
    labels = strata(labels) if has_values(labels) else labels
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
        raise DataError(
            "No class has two or more images, so none can be held out for validation. Add images, or a val folder."
        )
    return np.setdiff1d(np.arange(len(labels)), out), out


def stratify(labels: NDArray[Any], shares: Sequence[float], seed: int) -> NDArray[np.int64]:
    """Stratified division of multi-label images into parts.

    The class with the fewest remaining images goes first; each of its images goes to the part that needs most of that
    class, then to the part that needs most images. Source: iterative stratification, Sechidis, Tsoumakas & Vlahavas
    2011, "On the stratification of multi-label data", algorithm 1. A part should have at least one image of each class
    that has as many images as there are parts.

    Args:
        labels: (N, K) of 0 and 1.
        shares: fraction of each part, summing to 1.

    Returns:
        int64 (N,), index of each image's part, from 0.
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
    """Assign each item to a validation fold by a stratified, seeded division.

    Folds differ by at most one item in total and per class; multi-label images are divided by :func:`stratify`.

    Args:
        labels: (N,), indices into ``classes``; or (N, K) of 0 and 1.
        folds: number of folds, at least 2.

    Returns:
        int64 (N,), in 1..``folds``.

    Raises:
        DataError: a class has fewer items than there are folds.
    """
    counts = class_counts(labels, len(classes))
    if counts.min() < folds:
        raise DataError(_too_few(counts, folds, classes))
    if labels.ndim == 2:
        return stratify(labels, [1 / folds] * folds, seed) + 1
    generator = np.random.default_rng(seed)
    numbers = np.zeros(len(labels), np.int64)
    dealt = 0  # each class continues where the last one stopped, so that no fold gets every remainder
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
    """Hold out fold number ``fold`` (from 1) of :func:`fold_numbers`, with the result of :func:`hold_out`."""
    if has_values(labels):
        labels = strata(labels, folds)
        classes = ["all images"] if len(labels) < folds else [str(i) for i in range(1 + int(labels.max()))]
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
        f"{folds} folds need at least {folds} training images of every class. Classes with fewer: {few} (the smallest "
        f"class has {images}). {advice}."
    )


def check_skipped(skipped: Sequence[Mapping[str, str]], total: int, policy: str, most: float, split: str) -> None:
    """Check that the number of skipped images is within the limit.

    Raises:
        DataError: an image was skipped and the policy is ``fail``, or the fraction of skipped images exceeds ``most``.
    """
    if not skipped or (policy == "skip" and len(skipped) <= most * total):
        return
    shown = "; ".join(f"{Path(s['name'])} ({s['reason']})" for s in skipped[:3])
    rest = f" and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    limit = "--on-bad-image is fail" if policy == "fail" else f"at most {most:.1%} may be skipped"
    raise DataError(
        f"{len(skipped)} of {total} {split} images can't be decoded: {shown}{rest}; {limit}. To leave them "
        "out, train on a clean list: zoo data check DATASET --fix clean.csv. Or allow more: --set "
        "data.max_bad_fraction=0.2"
    )
