"""All images of a dataset in one pool, whatever splits they are in, with what describes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import (
    Labels,
    Opener,
    groups_of,
    label_map,
    labels_of,
    name_of,
    open_training,
    read_item,
    renumbered,
)
from zoo.api.jobs import did_you_mean, listing
from zoo.errors import RequestError
from zoo_data_check.duplicates import find_twins
from zoo_data_check.scan import scan

__all__ = ["ImagePool", "read_pool"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ImagePool:
    """The N images of a dataset.

    Args:
        names: names of the images.
        labels: int64 (N,), indices into ``classes``; float32 (N, K) of 0 and 1; or float64 (N, K) of values.
        classes: names of the K classes or values.
        splits: names of the dataset's own splits.
        groups: group of each image, where the dataset has groups.
        columns: values of the images by name.
        twins: (N,), number equal for all duplicates of one another; None where none were looked for.
        bad: ``{"name", "split", "label", "reason"}`` of each undecodable image, which is not among the N.
        notices: notices of the dataset.
    """

    names: list[str]
    labels: Labels
    classes: list[str]
    splits: list[str]
    groups: list[str] | None = None
    columns: Mapping[str, list[str]] = field(default_factory=dict)
    twins: NDArray[np.int64] | None = None
    bad: Sequence[Mapping[str, Any]] = ()
    notices: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def form(self) -> str:
        """``single-label``, ``multi-label`` or ``regression``."""
        if self.labels.dtype == np.float64:
            return "regression"
        return "single-label" if self.labels.ndim == 1 else "multi-label"


def read_pool(
    opener: Opener, progress: Progress, needed: Mapping[str, str | None] | None = None, *, duplicates: bool = True
) -> ImagePool:
    """Read a dataset's images with their labels, groups and columns.

    Args:
        progress: called with (stage, done, total).
        needed: column by the option that names it, for messages; None for an option that was not given.
        duplicates: decode every image, and group the near duplicates.

    Raises:
        RequestError: the dataset has no such column.
        DataError: a split is missing or empty, or has a class that training lacks.
    """
    first, classes = open_training(opener)
    for option, column in (needed or {}).items():
        if column is not None:
            _need_column(getattr(first, "attributes", None) or {}, column, option)
    if duplicates:
        seen = scan(opener, classes, progress)
        own = [seen.index[seen.split == number] for number in range(len(seen.splits))]
        twins = find_twins([facts.digest for facts in seen.facts], seen.thumbs, progress).group
        found = ImagePool(
            seen.names, seen.labels, classes, seen.splits, twins=twins, bad=seen.bad, notices=seen.notices
        )
        return _described(found, list(seen.datasets.values()), own)
    names = list(opener.splits())
    datasets = [first if name == "train" else opener.open(name) for name in names]
    own = [np.arange(len(dataset)) for dataset in datasets]
    labels = np.concatenate(
        [_labels(dataset, name, classes) for dataset, name in zip(datasets, names, strict=True)], axis=0
    )
    images = [name_of(dataset, i) for dataset in datasets for i in range(len(dataset))]
    notices = [text for dataset in datasets for text in getattr(dataset, "notices", ())]
    return _described(ImagePool(images, labels, classes, names, notices=list(dict.fromkeys(notices))), datasets, own)


def _need_column(columns: Mapping[str, Any], name: str, option: str) -> None:
    if not columns:
        raise RequestError(
            f"{option} needs a column, but this dataset has none beside its labels. Give a CSV file with the columns "
            f"path, label and {name}; or leave out {option}."
        )
    if name not in columns:
        raise RequestError(
            f"There is no column {name!r} for {option}.{did_you_mean(name, list(columns))} The dataset has: "
            f"{listing(columns)}."
        )


def _labels(dataset: Any, split: str, classes: Sequence[str]) -> Labels:
    """Labels of a split without decoding, in the job's classes."""
    targets: Any = getattr(dataset, "targets", None)
    if targets is None:
        targets = [read_item(dataset, index)[1] for index in range(len(dataset))]
    if getattr(dataset, "task", None) == "regression":
        targets = np.asarray(targets, np.float64).reshape(len(dataset), -1)
    return renumbered(labels_of(dataset, targets), label_map(dataset.classes, classes, split), len(classes))


def _described(pool: ImagePool, datasets: Sequence[Any], rows: Sequence[NDArray[np.int64]]) -> ImagePool:
    """Add groups and columns from the dataset objects of the splits."""
    known = [groups_of(dataset) for dataset in datasets]
    groups: list[str] | None = None
    if any(each is not None for each in known):
        groups = []
        for each, dataset, own in zip(known, datasets, rows, strict=True):
            groups += [f"{name_of(dataset, int(i))} alone" if each is None else str(each[i]) for i in own]
    columns: dict[str, list[str]] = {}
    tables = [getattr(dataset, "attributes", None) or {} for dataset in datasets]
    for name in dict.fromkeys(name for table in tables for name in table):
        columns[name] = []
        for table, own in zip(tables, rows, strict=True):
            values = table.get(name)
            columns[name] += ["" if values is None else _text(values[int(i)]) for i in own]
    return ImagePool(**{**vars(pool), "groups": groups, "columns": columns})


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()
