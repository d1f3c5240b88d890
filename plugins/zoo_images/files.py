"""What the datasets of image files share: the map-style object, and the words of its errors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

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

# The words that people use for a split, and the split that each means.
SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
ORDER = ("train", "val", "test")


class ImageFiles:
    """Labelled image files, opened when they are asked for.

    Args:
        paths: one file each.
        labels: the name of each file's class; ``classes`` are the names that occur, sorted.
        multilabel: each file has a list of names instead, perhaps an empty one; ``targets`` are then tuples of indices.
        source: one line on where the images come from.
        licence: one line on what may be done with them; empty where only their owner knows.
        notices: what a user must be told.
        groups: what each file's group is called; files of one are never parted.
    """

    def __init__(
        self,
        paths: Sequence[str | PathLike[str]],
        labels: Sequence[str] | Sequence[Collection[str]],
        *,
        source: str,
        multilabel: bool = False,
        licence: str = "",
        notices: Sequence[str] = (),
        groups: Sequence[str] | None = None,
    ) -> None:
        self.paths = [fspath(path) for path in paths]
        self.multilabel = multilabel
        self.classes = class_names(labels)
        index = {name: i for i, name in enumerate(self.classes)}
        self.targets: list[int] | list[tuple[int, ...]]
        if multilabel:
            self.targets = [tuple(sorted({index[name] for name in names})) for names in labels]
        else:
            self.targets = [index[str(label)] for label in labels]
        self.source = source
        self.licence = licence
        self.notices = list(notices)
        self.groups = groups

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Image | Path, int | tuple[int, ...]]:
        """Open image ``index``: its header is read, its pixels are not. An array's path is given as it is.

        Raises:
            OSError: the file is missing, unreadable or no image.
        """
        import PIL.Image

        path = Path(self.paths[index])
        return path if path.suffix.lower() == ".npy" else PIL.Image.open(path), self.targets[index]

    def name_of(self, index: int) -> str:
        """The file's path."""
        return self.paths[index]


def class_names(labels: Iterable[str | Collection[str]]) -> list[str]:
    """The names that occur among labels, or lists of them, sorted."""
    return sorted({name for label in labels for name in ([label] if isinstance(label, str) else label)})


def case_twins(names: Iterable[str]) -> list[str]:
    """The first two of sorted names that differ by case only; an empty list where all are distinct without it."""
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
    """Raise DataError if there is only one class: nothing can be learned from it."""
    if len(classes) < 2:
        only = ", ".join(repr(name) for name in classes)
        raise DataError(f"{where} has only one class, {only}; telling images apart needs two or more. {what_next}")


def did_you_mean(word: str, names: Collection[str]) -> str:
    """`` Did you mean 'x'?`` for the nearest of ``names``, whatever its case; else nothing."""
    by_folded = {name.casefold(): name for name in names}
    near = get_close_matches(word.casefold(), by_folded, n=1)
    return f" Did you mean {by_folded[near[0]]!r}?" if near else ""


def shorten(names: Collection[str | Path], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    shown = [str(name) for name in names][:most]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
