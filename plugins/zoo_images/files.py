"""Base class of the datasets of image files, and helpers for their error messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "ORDER",
    "SPLIT_WORDS",
    "ImageFiles",
    "class_names",
    "did_you_mean",
    "need_split",
    "need_two_classes",
    "shorten",
]

# Common names of splits, and the split that each stands for.
SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
ORDER = ("train", "val", "test")


Label = int | tuple[int, ...] | float | tuple[float, ...]
"""An index of a class, several of them, a value, or several values."""


class ImageFiles:
    """Labelled image files, opened on access.

    Args:
        paths: paths of the files.
        labels: class name of each file; ``classes`` are the sorted distinct names.
        multilabel: each file has a list of names, possibly empty; ``targets`` are then tuples of indices.
        source: origin of the images, in one line.
        licence: licence of the images, in one line; empty where unknown.
        notices: notices for the user.
        groups: group of each file; files of one group stay in one split.
        value_names: of a regression, the names of the K values of a file, which are ``classes``; ``labels`` are then
            K numbers for each file.
    """

    def __init__(
        self,
        paths: Sequence[str | PathLike[str]],
        labels: Sequence[str] | Sequence[Collection[str]] | Sequence[tuple[float, ...]],
        *,
        source: str,
        multilabel: bool = False,
        licence: str = "",
        notices: Sequence[str] = (),
        groups: Sequence[str] | None = None,
        value_names: Sequence[str] | None = None,
    ) -> None:
        self.paths = [fspath(path) for path in paths]
        self.multilabel = multilabel
        self.targets: Sequence[Label]
        if value_names is not None:
            self.task, self.classes = "regression", list(value_names)
            self.targets = [values[0] if len(values) == 1 else values for values in labels]
        else:
            self.classes = class_names(labels)
            self.targets = _indices(self.classes, labels, multilabel=multilabel)
        self.source = source
        self.licence = licence
        self.notices = list(notices)
        self.groups = groups

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Image | Path, Label]:
        """Open image ``index`` without decoding its pixels; the path of a file of any values is returned as it is.

        Raises:
            OSError: the file is missing, unreadable or not an image, or of a format that is not installed.
        """
        from zoo.api.formats import open_picture, value_suffixes

        path = Path(self.paths[index])
        return path if path.suffix.lower() in value_suffixes() else open_picture(path), self.targets[index]

    def name_of(self, index: int) -> str:
        """Path of the file."""
        return self.paths[index]


def _indices(classes: list[str], labels: Any, *, multilabel: bool) -> Sequence[Label]:
    index = {name: i for i, name in enumerate(classes)}
    if multilabel:
        return [tuple(sorted({index[name] for name in names})) for names in labels]
    return [index[str(label)] for label in labels]


def class_names(labels: Iterable[str | Collection[str]]) -> list[str]:
    """Sorted distinct names among labels, or among lists of labels."""
    return sorted({name for label in labels for name in ([label] if isinstance(label, str) else label)})


def case_twins(names: Iterable[str]) -> list[str]:
    """First two names that differ by case only; an empty list if there are none."""
    seen: dict[str, str] = {}
    for name in sorted(names):
        if (twin := seen.setdefault(name.casefold(), name)) != name:
            return [twin, name]
    return []


def need_split(split: str, splits: Collection[str], where: str) -> None:
    """Raise DataError unless ``split`` is among ``splits``; ``where`` names the dataset in the message."""
    if split not in splits:
        raise DataError(f"{where} has no split {split!r}.{did_you_mean(split, splits)} It has: {', '.join(splits)}.")


def need_two_classes(classes: Collection[str], where: str, what_next: str) -> None:
    """Raise DataError if there is only one class."""
    if len(classes) < 2:
        only = ", ".join(repr(name) for name in classes)
        raise DataError(f"{where} has only one class, {only}; a classifier needs two or more. {what_next}")


def did_you_mean(word: str, names: Collection[str]) -> str:
    """Format `` Did you mean 'x'?`` for the most similar of ``names``, ignoring case; empty without one."""
    by_folded = {name.casefold(): name for name in names}
    near = get_close_matches(word.casefold(), by_folded, n=1)
    return f" Did you mean {by_folded[near[0]]!r}?" if near else ""


def shorten(names: Collection[str | Path], most: int = 5) -> str:
    """Format the first few names and the number of further ones."""
    shown = [str(name) for name in names][:most]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
