"""Annotated pictures as images to classify: whole by their labels, or the boxes cut out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

from zoo.errors import DataError
from zoo_formats.boxes import Box, FilePictures, Region
from zoo_formats.labelled import LabelledImages, ListedImages

__all__ = ["AnnotatedPicture", "AnnotationDataset", "Annotations", "Crops", "LabelledBox", "kept_while_unchanged"]

Crops = Literal["none", "boxes"]
Found = TypeVar("Found")


class LabelledBox(NamedTuple):
    """A box of a picture, its class, and values by name."""

    label: str
    box: Box
    attributes: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class AnnotatedPicture:
    """A picture as it is annotated.

    Args:
        path: its file.
        labels: classes of the whole picture.
        boxes: its boxes.
        size: width and height in pixels, where known.
        split: its split; None in an undivided dataset.
        group: its group; None for a group of its own.
        attributes: values by name.
    """

    path: Path
    labels: Sequence[str] = ()
    boxes: Sequence[LabelledBox] = ()
    size: tuple[int, int] | None = None
    split: str | None = None
    group: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)


class Annotations(NamedTuple):
    """Pictures of a dataset, its name for messages, and sentences for the user: always, and about boxes."""

    name: str
    pictures: Sequence[AnnotatedPicture]
    notices: Sequence[str] = ()
    about_boxes: Sequence[str] = ()

    @property
    def labels(self) -> list[tuple[str, ...]]:
        """Classes of each whole picture, sorted, each once: its own, or where no picture has any those of the boxes."""
        own = any(picture.labels for picture in self.pictures)
        return [
            tuple(sorted(set(picture.labels if own else (each.label for each in picture.boxes))))
            for picture in self.pictures
        ]


class AnnotationDataset(LabelledImages[Region]):
    """Base of the datasets of annotated pictures.

    Args:
        split: name of the split.
        listed: images of all splits.
        what: kind of annotations, for the source.
    """

    def __init__(self, split: str, listed: ListedImages[Region], what: str) -> None:
        super().__init__(listed, split, FilePictures(), f"{what} in {listed.name}")

    @classmethod
    def read(cls, root: Path | None, **options: Any) -> Annotations:
        """Read the annotations.

        Raises:
            DataError: they are missing or malformed, or a picture is outside of the folder.
        """
        raise NotImplementedError

    @classmethod
    def listed(
        cls, root: Path | None, crops: Crops = "none", multilabel: bool | None = None, **options: Any
    ) -> ListedImages[Region]:
        """Images of all splits.

        Raises:
            DataError: see the class.
        """
        return _as_listed(cls.read(root, **options), crops, multilabel)

    @classmethod
    def available_splits(cls, root: Path | None, **options: Any) -> tuple[str, ...]:
        """Splits among train, val and test.

        Raises:
            DataError: see the class.
        """
        return cls.listed(root, **options).split_names

    @classmethod
    def peek(cls, root: Path | None, **options: Any) -> dict[str, object]:
        """``multilabel``, and the path of one picture.

        Raises:
            DataError: see the class.
        """
        listed = cls.listed(root, **options)
        return {"multilabel": listed.multilabel, "first": listed.places[0].path}


def _as_listed(found: Annotations, crops: Crops = "none", multilabel: bool | None = None) -> ListedImages[Region]:
    """Images of annotated pictures.

    Whole pictures are multi-label if one of them has several classes; otherwise pictures without a label are left out.
    Boxes of one picture are a group, which no split divides.

    Args:
        found: the pictures.
        crops: ``"boxes"`` makes an image of each box.
        multilabel: True or False to state whether pictures may have several classes, None to find out.

    Raises:
        DataError: there are no pictures or boxes, only some pictures have a split, or a picture has several classes
            against ``multilabel=False``.
    """
    if not found.pictures:
        raise DataError(f"{found.name} lists no pictures.")
    _need_splits_everywhere(found)
    if crops == "boxes":
        return _boxes(found)
    labels = found.labels
    several = next((i for i, each in enumerate(labels) if len(each) > 1), None)
    if several is not None and multilabel is False:
        raise DataError(
            f"{found.name}: {found.pictures[several].path.name} has several classes, {', '.join(labels[several])}. "
            "Leave out dataset.multilabel=false, or cut out the boxes: --set dataset.crops=boxes"
        )
    as_several = several is not None if multilabel is None else multilabel
    rows = [i for i, each in enumerate(labels) if as_several or each]
    if not any(labels):
        raise DataError(f"None of the {len(labels):,} pictures of {found.name} has a label.")
    left_out = len(labels) - len(rows)
    notices = [f"Not used: {left_out:,} of {len(labels):,} pictures, which have no label."] if left_out else []
    pictures = [found.pictures[i] for i in rows]
    places = [Region(str(each.path), size=each.size) for each in pictures]
    return _listed(found, places, [labels[i] for i in rows], pictures, notices, multilabel=as_several)


def _boxes(found: Annotations) -> ListedImages[Region]:
    rows = [(picture, number, each) for picture in found.pictures for number, each in enumerate(picture.boxes, 1)]
    whole = [row for row in rows if not row[2].box.empty]
    if not whole:
        raise DataError(f"{found.name} has no boxes to cut out. Leave out dataset.crops=boxes.")
    lost = len(rows) - len(whole)
    notices = list(found.about_boxes)
    notices += [f"Not used: {lost:,} of {len(rows):,} boxes, which have no area."] if lost else []
    bare = sum(not picture.boxes for picture in found.pictures)
    if bare:
        notices.append(f"{bare:,} of {len(found.pictures):,} pictures have no box.")
    places = [Region(str(picture.path), each.box, number, picture.size) for picture, number, each in whole]
    labels = [(each.label,) for _, _, each in whole]
    # What is known of a picture and of its box under the same name is that of the box.
    pictures = [replace(picture, attributes={**picture.attributes, **each.attributes}) for picture, _, each in whole]
    return _listed(found, places, labels, pictures, notices, grouped=True)


def _listed(
    found: Annotations,
    places: list[Region],
    labels: Sequence[tuple[str, ...]],
    pictures: Sequence[AnnotatedPicture],
    notices: list[str],
    multilabel: bool = False,
    grouped: bool = False,
) -> ListedImages[Region]:
    grouped = grouped or any(picture.group is not None for picture in pictures)
    names = sorted({name for picture in pictures for name in picture.attributes})
    return ListedImages(
        found.name,
        places,
        labels,
        multilabel,
        splits=None if pictures[0].split is None else [str(picture.split) for picture in pictures],
        groups=[picture.group or f"{picture.path} alone" for picture in pictures] if grouped else None,
        attributes={name: [picture.attributes.get(name, "") for picture in pictures] for name in names},
        contents=[(place.path, place.box) for place in places],
        notices=[*found.notices, *notices],
    )


def _need_splits_everywhere(found: Annotations) -> None:
    without = [picture for picture in found.pictures if picture.split is None]
    if without and len(without) < len(found.pictures):
        raise DataError(
            f"{found.name}: {len(without):,} of {len(found.pictures):,} pictures have no split, such as "
            f"{without[0].path.name}. Give a split to each, or to none."
        )


def kept_while_unchanged(read: Callable[[Path], Found]) -> Callable[[Path], Found]:
    """Keep the last results of ``read(file)`` until the file changes, since each split of a dataset asks for it."""

    @lru_cache(maxsize=3)
    def kept(path: Path, size: int, time_ns: int) -> Found:
        del size, time_ns
        return read(path)

    def wrapped(path: Path) -> Found:
        now = path.stat()
        return kept(path, now.st_size, now.st_mtime_ns)

    return wrapped
