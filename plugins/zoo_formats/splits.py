"""Names of splits in the names of files and folders, and the checks that datasets share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from zoo.api.jobs import did_you_mean, listing
from zoo.errors import DataError

__all__ = ["ALL", "ORDER", "SPLIT_FOLDERS", "class_names", "named", "need_split", "split_in", "splits_among"]

ORDER = ("train", "val", "test")
ALL = "all"
SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def split_in(text: str) -> str | None:
    """Split that a name contains as a word, such as ``instances_train2017.json``; None without one."""
    words = re.split(r"[^a-z]+", text.casefold())
    return next((SPLIT_FOLDERS[word] for word in words if word in SPLIT_FOLDERS), None)


def splits_among(splits: Collection[str] | None) -> tuple[str, ...]:
    """Splits in their order; train alone for an undivided dataset, None."""
    return ("train",) if splits is None else tuple(name for name in ORDER if name in splits)


def need_split(split: str, splits: Sequence[str], where: str) -> None:
    """Check that a split exists.

    Raises:
        DataError: there is no such split.
    """
    if split not in splits:
        raise DataError(f"{where} has no split {split!r}.{did_you_mean(split, splits)} It has: {listing(splits)}.")


def named(label: object, where: str) -> str:
    """Name of a class in Unicode's composed form, without white space around it.

    Raises:
        DataError: the name is empty.
    """
    name = unicodedata.normalize("NFC", str(label)).strip()
    if not name:
        raise DataError(f"{where} has a class without a name. Give it one.")
    return name


def class_names(labels: Iterable[Sequence[str]], where: str) -> list[str]:
    """Sorted distinct names of the labels of images.

    Raises:
        DataError: two names differ by case only.
    """
    names = sorted({name for of_image in labels for name in of_image})
    seen: dict[str, str] = {}
    for name in names:
        if (twin := seen.setdefault(name.casefold(), name)) != name:
            raise DataError(f"The classes {twin!r} and {name!r} in {where} differ by case only: use one spelling.")
    return names
