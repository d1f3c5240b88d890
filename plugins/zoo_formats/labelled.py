"""Labelled images with splits, groups and attributes, in whatever the pictures are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from zoo.errors import DataError
from zoo_formats.splits import ALL, class_names, need_split, splits_among

__all__ = ["LabelledImages", "ListedImages", "Pictures"]

Place = TypeVar("Place", bound=Hashable)
PlaceIn = TypeVar("PlaceIn", bound=Hashable, contravariant=True)


class Pictures(Protocol[PlaceIn]):
    """Where pictures are kept: files, an archive, a table, or an array."""

    def open(self, place: PlaceIn) -> Any:
        """Open a picture: a PIL image, a path, or an array (C, H, W).

        Raises:
            OSError: it is missing or unreadable.
        """
        ...

    def name(self, place: PlaceIn) -> str:
        """Name of a picture for messages."""
        ...

    def fingerprint(self, places: Sequence[PlaceIn]) -> str | None:
        """Hash of the pictures' content; None for whole files, which are hashed by their names."""
        ...


@dataclass(frozen=True)
class ListedImages(Generic[Place]):
    """Images of a dataset as its files list them.

    Args:
        name: the file or folder, for messages.
        places: place of each image in its :class:`Pictures`.
        labels: class names of each image.
        multilabel: an image may have any number of classes, not one exactly.
        splits: split of each image; None for an undivided dataset.
        others: splits whose images are not listed, where each is read on its own.
        groups: group of each image.
        attributes: values of each image by name.
        contents: identity of each image's picture; by default the place.
        notices: sentences for the user.
        shards: file number of each image, where a file has many.
    """

    name: str
    places: Sequence[Place]
    labels: Sequence[tuple[str, ...]]
    multilabel: bool = False
    splits: Sequence[str] | None = None
    others: Sequence[str] = ()
    groups: Sequence[str] | None = None
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    contents: Sequence[Hashable] | None = None
    notices: Sequence[str] = ()
    shards: Sequence[int] | None = None

    @property
    def split_names(self) -> tuple[str, ...]:
        """Splits that have images."""
        return splits_among(None if self.splits is None else {*self.splits, *self.others})

    def disagreements(self) -> list[str]:
        """Notice about pictures that occur more than once with different labels; an empty list without any."""
        seen: dict[Hashable, set[tuple[str, ...]]] = {}
        for key, labels in zip(self.places if self.contents is None else self.contents, self.labels, strict=True):
            seen.setdefault(key, set()).add(labels)
        twice = [sorted(labels) for labels in seen.values() if len(labels) > 1]
        if not twice:
            return []
        example = " and ".join(repr(", ".join(labels)) for labels in twice[0])
        pictures = "picture occurs" if len(twice) == 1 else "pictures occur"
        return [
            f"{len(twice):,} {pictures} more than once in {self.name} with different labels, such as {example}. To see "
            "them: zoo data check"
        ]


class LabelledImages(Generic[Place]):
    """A split of labelled images, opened on access.

    Args:
        listed: images of all splits.
        split: a split that the dataset has; ``"all"`` too where there is one only.
        pictures: where the pictures are kept.
        source: origin of the images, in one line.

    Raises:
        DataError: there is no such split, the training images are of one class only, or two classes differ by case.
    """

    def __init__(self, listed: ListedImages[Place], split: str, pictures: Pictures[Place], source: str) -> None:
        names = listed.split_names
        need_split(split, names if len(names) > 1 else (*names, ALL), listed.name)
        rows = [
            i for i in range(len(listed.places)) if split == ALL or listed.splits is None or listed.splits[i] == split
        ]
        labels = [listed.labels[i] for i in rows]
        self.pictures, self.places = pictures, [listed.places[i] for i in rows]
        self.classes = class_names(labels, listed.name)
        if split == "train" and len(self.classes) < 2:
            raise DataError(
                f"{listed.name} has {'only the class ' + repr(self.classes[0]) if self.classes else 'no class'} among "
                "its training images; a classifier needs two or more. Add images of another class."
            )
        index = {name: i for i, name in enumerate(self.classes)}
        self.multilabel = listed.multilabel
        found = [tuple(sorted(index[name] for name in of_image)) for of_image in labels]
        self.targets: list[Any] = found if listed.multilabel else [each[0] for each in found]
        self.groups = None if listed.groups is None else [listed.groups[i] for i in rows]
        self.attributes = {name: [column[i] for i in rows] for name, column in listed.attributes.items()}
        if listed.shards is not None:
            self.shards = [listed.shards[i] for i in rows]
        self.notices = [*listed.notices, *listed.disagreements()]
        self.source = source

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Open image ``index``, without decoding its pixels where its format allows that.

        Raises:
            OSError: the picture is missing or unreadable.
        """
        return self.pictures.open(self.places[index]), self.targets[index]

    def name_of(self, index: int) -> str:
        """Name of the picture."""
        return self.pictures.name(self.places[index])

    @property
    def fingerprint(self) -> str | None:
        """Hash of the pictures and labels; None for whole files, which are hashed by their names."""
        pictures = self.pictures.fingerprint(self.places)
        if pictures is None:
            return None
        whole = hashlib.sha256(pictures.encode())
        whole.update(repr((self.classes, self.multilabel, self.targets)).encode())
        return whole.hexdigest()
