"""Decoded splits with one class list from a dataset component."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.decode import Shape
from zoo.data.depth import MIXED, depth_notices
from zoo.data.groups import shared_groups
from zoo.data.split import Labels, Split, class_counts, has_values
from zoo.data.splits import available, check_skipped, class_values, fixed_classes, hold_out, hold_out_fold, label_map
from zoo.data.store import decode_split
from zoo.data.task_words import MULTI_LABEL, ORDINAL, READABLE_AS, REGRESSION, SINGLE_LABEL, dataset_task
from zoo.data.window import mostly_8_bits
from zoo.errors import ContractError, DataError, RequestError, ZooError
from zoo.registry.entry import Entry
from zoo.registry.protocols import check_methods
from zoo.registry.suggest import listing
from zoo.storage import in_use
from zoo.storage.files import cache_folder

Preparing = Callable[[str, int, int], None]
TRAIN, VAL, TEST, ALL = "train", "val", "test", "all"
AUTO = "auto"
OWN_VAL_UNUSED = "The val split of the dataset is not used: with --folds, val is a part of train."


@dataclass(frozen=True)
class Opener:
    """A dataset component with its parameters, the task and the decoding settings of the job."""

    entry: Entry
    params: dict[str, Any]
    shape: Shape
    store: str = "auto"
    on_bad_image: str = "skip"
    max_bad_fraction: float = 0.01
    task: str = AUTO
    preparing: Preparing | None = None

    def splits(self) -> tuple[str, ...]:
        """Names of the splits that exist."""
        declared = getattr(self.entry.component, "splits", (TRAIN, VAL))
        return available(self.entry.factory(), declared, self.params)

    def open(self, split: str, opened: Any = None) -> Any:
        """Create the dataset object of a split, without decoding.

        Args:
            opened: the dataset object, where it was opened before.

        Raises:
            DataError: from the dataset: missing, empty, malformed.
            ContractError: it is not a dataset, or declares a method that nothing calls.
        """
        in_use.begin_in(cache_folder())
        try:
            dataset = self.entry.make(split=split, **self.params) if opened is None else opened
        except ZooError:
            raise
        except (ValueError, TypeError) as error:
            place = self.entry.place_in(error)
            raise RequestError(f"{self.entry.title} rejects its parameters: {error}{place}") from error
        for needed in ("__len__", "__getitem__", "classes"):
            if not hasattr(dataset, needed):
                raise ContractError(f"dataset {self.entry.id!r} gave {type(dataset).__name__}, which has no {needed}")
        check_methods(self.entry, dataset)
        if len(dataset) == 0:
            raise DataError(f"The {split} split of {self.entry.component.name!r} has no images.")
        return dataset

    def task_of(self, dataset: Any) -> str:
        """Task of the job for this dataset: the job's own, else what the dataset declares.

        Raises:
            DataError: the dataset can't be used for the job's task.
        """
        own = dataset_task(dataset)
        if self.task in (AUTO, *READABLE_AS[own]):
            return own if self.task == AUTO else self.task
        raise DataError(
            f"{self.entry.title} is a {own} dataset, which can't be used for --task {self.task}. Leave out --task."
        )

    def decode(self, dataset: Any, split: str, classes: Sequence[str]) -> Split:
        """Decode a split once, and map its labels to the job's classes by name."""
        own = dataset_task(dataset)
        becomes_values = self.task == REGRESSION != own
        mapping = None if becomes_values else label_map(dataset.classes, classes, split)
        progress = None
        if self.preparing is not None:
            told = self.preparing
            progress = lambda done, total: told(f"decoding {split} images", done, total)  # noqa: E731
        try:
            decoded = decode_split(dataset, self.shape, self.store, progress)
        except ContractError as error:
            raise ContractError(f"{self.entry.title}, {split} split, {error}") from error
        check_skipped(decoded.skipped, len(dataset), self.on_bad_image, self.max_bad_fraction, split)
        self._check_labels(decoded.labels, len(dataset.classes))
        if mapping is None:
            labels = class_values(list(map(str, dataset.classes)))[decoded.labels][:, None]
        else:
            labels = renumbered(decoded.labels, mapping, len(classes))
        return Split(
            name=split,
            images=decoded.images,
            labels=labels,
            names=decoded.names,
            skipped=decoded.skipped,
            fingerprint=decoded.fingerprint,
            source=getattr(dataset, "source", None),
            notices=(
                *getattr(dataset, "notices", ()),
                *depth_notices(decoded.depths, len(dataset), f"{split} images"),
            ),
            shards=decoded.shards,
            groups=decoded.groups,
            attributes=decoded.attributes,
            split_digest=getattr(dataset, "split_digest", None),
            mostly_8_bits=mostly_8_bits(decoded.depths.get(MIXED, 0), len(decoded.labels)),
        )

    def _check_labels(self, labels: Any, count: int) -> None:
        outside = labels[(labels < 0) | (labels >= count)]
        if labels.ndim == 1 and len(outside):
            raise ContractError(
                f"dataset {self.entry.id!r} gave the label {int(outside[0])} with {count} classes: "
                "a label is an index into .classes"
            )


def training_splits(
    opener: Opener,
    train: Any,
    classes: list[str],
    fraction: float,
    seed: int,
    folds: int | None = None,
    fold: int | None = None,
) -> dict[str, Split]:
    """Decode the train and val splits, and test where it exists; ``val`` is never taken from test.

    Args:
        fraction: fraction of train that is held out where the dataset has no val split.
        folds, fold: hold out fold number ``fold`` (from 1) of ``folds`` instead, regardless of a val split.
    """
    names = opener.splits()
    splits = {TRAIN: opener.decode(train, TRAIN, classes)}
    if folds is not None and fold is not None:
        kept, held = hold_out_fold(splits[TRAIN].labels, folds, fold, seed, classes, splits[TRAIN].groups)
        part = splits[TRAIN].part(VAL, held)
        unused = (OWN_VAL_UNUSED,) if VAL in names else ()
        splits[VAL] = dataclasses.replace(part, notices=(*part.notices, *unused))
        splits[TRAIN] = splits[TRAIN].part(TRAIN, kept)
    elif VAL in names:
        splits[VAL] = opener.decode(opener.open(VAL), VAL, classes)
    else:
        kept, held = hold_out(splits[TRAIN].labels, fraction, seed, splits[TRAIN].groups)
        splits[VAL] = splits[TRAIN].part(VAL, held)
        splits[TRAIN] = splits[TRAIN].part(TRAIN, kept)
    if TEST in names:
        splits[TEST] = opener.decode(opener.open(TEST), TEST, classes)
    for split in splits.values():
        same_task(split, form_of(splits[TRAIN].labels), "training")
    _check_classes_present(splits[TRAIN], classes)
    return {name: _with_group_notice(split, splits[TRAIN]) for name, split in splits.items()}


def _with_group_notice(split: Split, train: Split) -> Split:
    """Add a notice where a split shares groups with the training split."""
    if split.name == TRAIN or not (shared := shared_groups(split, train)):
        return split
    groups, are = ("group", "is") if len(shared) == 1 else ("groups", "are")
    notice = (
        f"{len(shared):,} {groups} of the {split.name} images {are} also in the training images "
        f"({listing(shared, most=3)}): the metrics on {split.name} are too optimistic."
    )
    return dataclasses.replace(split, notices=(*split.notices, notice))


def form_of(labels: Labels) -> str:
    """Task of a split by the form of its labels; ordinal ones have the form of single-label ones."""
    if has_values(labels):
        return REGRESSION
    return SINGLE_LABEL if labels.ndim == 1 else MULTI_LABEL


def same_task(split: Split, task: str, whose: str) -> None:
    """Check that the labels of a split have the form that a task needs.

    Raises:
        DataError: the tasks differ.
    """
    if (own := form_of(split.labels)) != (SINGLE_LABEL if task == ORDINAL else task):
        raise DataError(
            f"The {split.name} images are {own} (by .task or .multilabel of the dataset), but {whose} is {task}. "
            "Give images that are labelled like the training images."
        )


def renumbered(labels: Labels, mapping: NDArray[np.int64], count: int) -> Labels:
    """Map a dataset's labels to the job's class indices."""
    if labels.ndim == 1:
        return mapping[labels]
    found = np.zeros((len(labels), count), labels.dtype)
    found[:, mapping] = labels
    return found


def open_training(opener: Opener, opened: Any = None) -> tuple[Any, list[str]]:
    """Open the training split's dataset object, and return it with the job's class list.

    Args:
        opened: the dataset object, where it was opened before.

    Raises:
        DataError: there is no training split, or it has fewer than two classes.
    """
    names = opener.splits()
    if TRAIN not in names:
        raise DataError(
            f"dataset {opener.entry.component.name!r} has no train split, only {listing(names)}. "
            "Give a folder with train/ and val/, or one folder of class folders."
        )
    dataset = opener.open(TRAIN, opened)
    return dataset, fixed_classes(dataset, opener.task_of(dataset))


def evaluation_split(opener: Opener, asked: str | None) -> str:
    """Choose the split to evaluate: the requested one, else test, else val, else all images.

    Raises:
        RequestError: the requested split doesn't exist.
    """
    names = opener.splits()
    valid = (*names, ALL)
    if asked is not None:
        if asked not in valid:
            raise RequestError(f"There is no split {asked!r}; there are: {listing(names)}.")
        return asked
    return next((name for name in (TEST, VAL) if name in names), ALL if names == (TRAIN,) else names[0])


def _check_classes_present(train: Split, classes: Sequence[str]) -> None:
    counts = class_counts(train.labels, len(classes))
    empty = [name for name, n in zip(classes, counts, strict=True) if n == 0]
    if empty:
        raise DataError(f"No training image of {listing(map(repr, empty))} is left. Add images, or remove the class.")
