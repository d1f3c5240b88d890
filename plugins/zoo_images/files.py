"""What the datasets of image files share: the map-style object, and the words of its errors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ORDER", "SPLIT_WORDS", "ImageFiles", "did_you_mean", "need_split", "need_two_classes", "shorten"]

# The words that people use for a split, and the split that each means.
SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
ORDER = ("train", "val", "test")


class ImageFiles:
    """Labelled image files, opened when they are asked for.

    Args:
        paths: one file each.
        labels: the name of each file's class; ``classes`` are the names that occur, sorted.
        source: one line on where the images come from.
        licence: one line on what may be done with them; empty where only their owner knows.
        notices: what a user must be told.
    """

    def __init__(
        self,
        paths: Sequence[str | PathLike[str]],
        labels: Sequence[str],
        *,
        source: str,
        licence: str = "",
        notices: Sequence[str] = (),
    ) -> None:
        self.paths = [fspath(path) for path in paths]
        self.classes = sorted(set(labels))
        index = {name: i for i, name in enumerate(self.classes)}
        self.targets = [index[label] for label in labels]
        self.source = source
        self.licence = licence
        self.notices = list(notices)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Image, int]:
        """Open image ``index``: its header is read, its pixels are not.

        Raises:
            OSError: the file is missing, unreadable or no image.
        """
        import PIL.Image

        return PIL.Image.open(self.paths[index]), self.targets[index]

    def name_of(self, index: int) -> str:
        """The file's path."""
        return self.paths[index]


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
