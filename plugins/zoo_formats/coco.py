"""The dataset ``coco``: annotations in COCO's JSON (Lin et al., 2014), as many labelling tools export them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zoo.api.jobs import listing
from zoo.errors import DataError
from zoo_formats.annotations import (
    AnnotatedPicture,
    AnnotationDataset,
    Annotations,
    Crops,
    LabelledBox,
    kept_while_unchanged,
)
from zoo_formats.boxes import Box
from zoo_formats.glimpse import entries, folders, text_head
from zoo_formats.paths import folder_of_pictures, inside, need_root
from zoo_formats.splits import named, split_in

__all__ = ["Coco", "recognises"]

_WHAT = "a JSON file of COCO, or the folder above its annotations"
_KEY = re.compile(r'"(images|annotations)"\s*:')
_OWN = ("id", "file_name", "width", "height", "license", "coco_url", "flickr_url", "date_captured", "group")
_SUFFIX = ".json"


def recognises(path: Path) -> bool:
    """Check for COCO's JSON by its first characters, in the file or in the files of a folder."""
    if path.is_file():
        text = text_head(path)
        return text.startswith("{") and _KEY.search(text) is not None
    return any(recognises(file) for file in _candidates(path))


def _candidates(root: Path) -> list[Path]:
    """JSON files where COCO and its tools put them: in the folder, in annotations/, or beside a split's pictures."""
    places = (root, root / "annotations", *(folder for folder in folders(root) if split_in(folder.name)))
    return [path for place in places for path in entries(place) if path.suffix.lower() == _SUFFIX and path.is_file()]


class Coco(AnnotationDataset):
    """Pictures with the annotations of COCO's JSON, whole or cut at their boxes.

    Whole pictures have the categories of their annotations, and are multi-label where a picture has several. With
    ``crops=boxes`` each box is an image of its category; boxes of crowds are left out. The split of a file is a word
    in its name or its folder's, such as ``instances_val2017.json``. Keys of a picture that COCO doesn't define, and
    ``attributes`` of a box, are attributes; the key ``group`` of a picture is its group.

    Args:
        root: a JSON file, or the folder above ``annotations/`` or above ``train/``, ``valid/`` and ``test/``.
        split: one of ``available_splits(root)``; ``"all"`` too where there are no splits.
        crops: ``"boxes"`` cuts out the boxes.
        images: folder of the pictures; None to look where COCO and its tools have them.
        file: name of the JSON file, where a folder has several of a split.
        multilabel: whether a picture may have several labels; None to find out.

    Raises:
        DataError: there is no such file, it is damaged or refers to a category or picture that it lacks, a picture is
            outside of the folder, the training images are of one class only, or there is no such split.
    """

    def __init__(
        self,
        root: Path | None,
        split: str,
        crops: Crops = "none",
        images: str | None = None,
        file: str | None = None,
        multilabel: bool | None = None,
    ) -> None:
        listed = self.listed(root, crops, multilabel, images=images, file=file)
        super().__init__(split, listed, "COCO annotations")

    @classmethod
    def read(cls, root: Path | None, images: str | None = None, file: str | None = None, **options: Any) -> Annotations:
        """Read the annotations.

        Raises:
            DataError: see the class.
        """
        path = need_root(root, "coco", _WHAT)
        tables = _tables(path, file)
        base = path if path.is_dir() else path.parent.parent if path.parent.name == "annotations" else path.parent
        pictures = [picture for table, split in tables for picture in _pictures(table, split, base, images)]
        name = str(path) if len(tables) != 1 else str(tables[0][0])
        crowds = sum(_read(table).crowds for table, _ in tables)
        about_boxes = [f"Boxes of crowds, which are not cut out: {crowds:,}."] if crowds else []
        return Annotations(name, pictures, about_boxes=about_boxes)


def _tables(root: Path, file: str | None) -> list[tuple[Path, str | None]]:
    """JSON files and their splits."""
    if root.is_file():
        return [(root, None)]
    found = [path for path in _candidates(root) if recognises(path) and file in (None, path.name)]
    # Of COCO's own files, those of keypoints and captions describe the same pictures again.
    found = [path for path in found if path.name.startswith("instances_")] or found
    if not found:
        named_so = "" if file is None else f" called {file!r}"
        raise DataError(
            f"There is no JSON file of COCO{named_so} in {root}, its annotations/, train/, valid/ or test/."
        )
    if len(found) == 1:
        return [(found[0], None)]
    splits = [split_in(path.stem) or split_in(path.parent.name if path.parent != root else "") for path in found]
    if None in splits or len(set(splits)) < len(splits):
        names = [path.relative_to(root).as_posix() for path in found]
        raise DataError(
            f"{root} has several JSON files of COCO without a split of its own for each: {listing(names, most=5)}. "
            f"Choose one: --data {found[0]}"
        )
    return list(zip(found, splits, strict=True))


class _Table(NamedTuple):
    """A file as it is read: pictures by id, boxes by picture, and the number of boxes of crowds."""

    images: dict[Any, Mapping[str, Any]]
    labels: dict[Any, list[str]]
    boxes: dict[Any, list[LabelledBox]]
    crowds: int


@kept_while_unchanged
def _read(table: Path) -> _Table:
    """Read a JSON file.

    Raises:
        DataError: it is not JSON of COCO, or an annotation refers to a missing category or picture.
    """
    try:
        told = json.loads(table.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{table} can't be read as JSON: {error}. Export the annotations again.") from error
    images = {each.get("id"): each for each in _rows(told, "images", table, ("id", "file_name"))}
    categories = {each["id"]: each["name"] for each in _rows(told, "categories", table, ("id", "name"))}
    found = _Table(images, {}, {}, 0)
    crowds = 0
    for number, each in enumerate(_rows(told, "annotations", table, ("image_id", "category_id"))):
        where = f"{table}, annotation {each.get('id', number)}"
        image, category = each["image_id"], each["category_id"]
        if category not in categories:
            raise DataError(
                f"{where} has the category {category!r}, which the file doesn't name; it names "
                f"{listing([str(key) for key in categories], most=5)}. Export both together again."
            )
        if image not in images:
            raise DataError(f"{where} is of the picture {image!r}, which the file doesn't list. Export it again.")
        name = named(categories[category], str(table))
        found.labels.setdefault(image, []).append(name)
        if each.get("iscrowd"):
            crowds += 1
        elif (edges := each.get("bbox")) is not None:
            found.boxes.setdefault(image, []).append(LabelledBox(name, _box(edges, where), _told(each)))
    return found._replace(crowds=crowds)


def _rows(told: Any, key: str, table: Path, needed: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Objects of one of the lists of a file."""
    rows = told.get(key) if isinstance(told, dict) else None
    if not isinstance(rows, list):
        raise DataError(f"{table} has no list {key!r}. COCO's JSON has the lists images, annotations and categories.")
    for number, row in enumerate(rows):
        lacks = [name for name in needed if not isinstance(row, dict) or not isinstance(row.get(name), str | int)]
        if lacks:
            raise DataError(f"{table}: number {number} of {key!r} has no {lacks[0]!r}. Export the annotations again.")
        yield row


def _told(annotation: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of an annotation, which some tools export beside COCO's own keys."""
    told = annotation.get("attributes")
    plain = told.items() if isinstance(told, dict) else ()
    return {str(name): str(value) for name, value in plain if isinstance(value, str | int | float)}


def _box(edges: Any, where: str) -> Box:
    try:
        left, top, width, height = map(float, edges)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: its bbox is {edges!r}, not [x, y, width, height]. Export it again.") from error
    return Box(left, top, left + width, top + height)


def _pictures(table: Path, split: str | None, base: Path, images: str | None) -> Iterator[AnnotatedPicture]:
    found = _read(table)
    names = [str(each["file_name"]) for each in found.images.values()]
    home = base if images is None else base / Path(images).expanduser()
    if images is None:
        stem = re.sub(r"^(instances|annotations)_", "", table.stem)
        spots = (table.parent, base / stem, base / "images" / stem, base / "images", base / (split or "train"), base)
    folder = folder_of_pictures(home, names, spots if images is None else (home,), str(table))
    for key, each in found.images.items():
        yield AnnotatedPicture(
            inside(home, str(each["file_name"]), str(table), folder),
            found.labels.get(key, ()),
            found.boxes.get(key, ()),
            _size(each, f"{table}, picture {key!r}"),
            split,
            None if each.get("group") is None else str(each["group"]),
            {name: str(v) for name, v in each.items() if name not in _OWN and isinstance(v, str | int | float)},
        )


def _size(image: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    """Width and height in pixels; None where the file has none."""
    width, height = image.get("width"), image.get("height")
    if not width or not height:
        return None
    if all(isinstance(side, int | float) and 0 < side < 1e9 for side in (width, height)):
        return int(width), int(height)
    raise DataError(f"{where} has the size {width!r} x {height!r}, which are not numbers of pixels. Export it again.")
