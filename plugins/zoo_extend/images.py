"""The images that a run is extended with: the splits of its own dataset, and those of the new classes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import (
    TEST,
    TRAIN,
    VAL,
    Opener,
    Pixels,
    Split,
    build_opener,
    class_counts,
    hold_out,
    hold_out_fold,
    open_training,
    training_splits,
    with_contrast_notice,
)
from zoo.api.jobs import Resolved
from zoo.api.running import Observer
from zoo.errors import DataError, RequestError
from zoo_extend.dataset import NewPictures
from zoo_extend.pictures import FEWEST

__all__ = ["JoinedImages", "joined", "new_splits", "old_splits"]


class JoinedImages:
    """Images of two splits, one after the other, read where they are."""

    def __init__(self, first: Split, second: Split):
        self.first, self.second = first, second
        self.dtype = np.promote_types(first.images.dtype, second.images.dtype)

    def __getitem__(self, rows: NDArray[np.int64]) -> Pixels:
        """Gather the images at ``rows``: (n, H, W, C)."""
        early = rows < len(self.first)
        parts = [(early, self.first, rows[early]), (~early, self.second, rows[~early] - len(self.first))]
        found: Pixels | None = None
        for mask, split, inside in parts:
            if len(inside):
                pixels = split.gather(inside)
                found = np.empty((len(rows), *pixels.shape[1:]), self.dtype) if found is None else found
                found[mask] = pixels
        assert found is not None
        return found


def old_splits(resolved: Resolved, classes: list[str], observer: Observer) -> dict[str, Split]:
    """Decode the splits that a run was trained and validated with; decoded once, they are read from the cache.

    Raises:
        RequestError: the run's data is not there, or its images are held out by group.
        DataError: the images don't fit the run.
    """
    job, data = resolved.job, resolved.job.data
    opener = build_opener(resolved, preparing=observer.preparing)
    try:
        train, found = open_training(opener)
        _check_classes(found, classes)
        splits = training_splits(opener, train, classes, data.val_fraction, job.seed, data.folds, data.fold)
    except (DataError, OSError) as error:
        raise RequestError(
            "The images of the run's classes are needed, to distinguish them from the new class and to measure what "
            f"it costs them, and they can't be read: {error} Where they have moved: --data FOLDER"
        ) from error
    if splits[TRAIN].groups is not None and _holds_out(opener, resolved):
        raise RequestError(
            "The run's validation images were held out by group, which further images would change. Give its images "
            "as a folder with train/ and val/, train with it, and extend that run."
        )
    return splits


def _check_classes(found: Sequence[str], classes: Sequence[str]) -> None:
    if sorted(found) != sorted(classes):
        raise RequestError(
            f"The images are of {', '.join(found[:5])}, but the run's classes are {', '.join(classes[:5])}. Give the "
            "images that the run was trained with: --data FOLDER"
        )


def _holds_out(opener: Opener, resolved: Resolved) -> bool:
    return VAL not in opener.splits() or resolved.job.data.folds is not None


def new_splits(
    resolved: Resolved,
    old: Mapping[str, Split],
    first: int,
    files: Mapping[str, Sequence[Path]],
    observer: Observer,
) -> dict[str, Split]:
    """Decode the pictures of new classes, and divide them into train and val as the run's own images are.

    Args:
        old: the run's own splits.
        first: number of the old classes, and so the label of the first new one.
        files: paths by class.

    Returns:
        Train and val, with labels that follow those of the old classes.

    Raises:
        DataError: too many pictures can't be decoded, or too few of a class are left.
    """
    job, data = resolved.job, resolved.job.data
    opener = build_opener(resolved, preparing=observer.preparing)
    pictures, classes = NewPictures(files), list(files)
    if not _holds_out(opener, resolved):
        parts = pictures.divided(data.val_fraction, job.seed)
        found = {name: _decoded(opener, part, name, classes, data.scale) for name, part in parts.items()}
    else:
        whole = _decoded(opener, pictures, TRAIN, classes, data.scale)
        labels = np.concatenate([old[TRAIN].labels, old[VAL].labels])
        kept, held = _divided(np.concatenate([labels, whole.labels + first]), resolved, first + len(classes))
        found = {name: _after(whole, name, rows, len(labels)) for name, rows in ((TRAIN, kept), (VAL, held))}
    _check_counts(found, classes)
    return {name: dataclasses.replace(split, labels=split.labels + first) for name, split in found.items()}


def _divided(labels: NDArray[np.int64], resolved: Resolved, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Hold out images as the core does: the old classes come first, so that theirs are the same as in the run."""
    job, data = resolved.job, resolved.job.data
    if data.folds is not None and data.fold is not None:
        return hold_out_fold(labels, data.folds, data.fold, job.seed, [str(i) for i in range(count)])
    return hold_out(labels, data.val_fraction, job.seed)


def _after(whole: Split, name: str, rows: NDArray[np.int64], start: int) -> Split:
    return whole.part(name, rows[rows >= start] - start)


def _decoded(opener: Opener, pictures: NewPictures, name: str, classes: Sequence[str], window: Any) -> Split:
    """Decode pictures with the run's preprocessing, and skip those that can't be, by the run's rules."""
    split = opener.decode(pictures, name, classes)
    return dataclasses.replace(with_contrast_notice(split, window), name=name)


def _check_counts(found: Mapping[str, Split], classes: Sequence[str]) -> None:
    counts = {name: class_counts(split.labels, len(classes)) for name, split in found.items()}
    for i, name in enumerate(classes):
        if not counts[TRAIN][i] or not counts[VAL][i]:
            skipped = sum(len(split.skipped) for split in found.values())
            raise DataError(
                f"The class {name!r} has {int(counts[TRAIN][i])} pictures to fit and {int(counts[VAL][i])} to "
                f"validate, after {skipped} could not be decoded. It needs {FEWEST} readable pictures or more."
            )


def joined(old: Mapping[str, Split], new: Mapping[str, Split]) -> dict[str, Split]:
    """Join the splits of old and new classes; test has old classes alone."""
    found = {name: _joined(old[name], new[name]) for name in (TRAIN, VAL)}
    return found | ({TEST: old[TEST]} if TEST in old else {})


def _joined(first: Split, second: Split) -> Split:
    marks = f"{first.fingerprint} {second.fingerprint}".encode()
    return Split(
        name=first.name,
        images=JoinedImages(first, second),
        labels=np.concatenate([first.labels, second.labels]),
        names=[*first.names, *second.names],
        skipped=[*first.skipped, *second.skipped],
        fingerprint=hashlib.sha256(marks).hexdigest(),
        source=first.source,
        notices=(*first.notices, *second.notices),
    )
