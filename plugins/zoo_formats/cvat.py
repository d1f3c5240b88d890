"""The dataset ``cvat``: the XML of CVAT's export "CVAT for images"."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zoo.api.jobs import did_you_mean, listing
from zoo.errors import DataError
from zoo_formats.annotations import (
    AnnotatedPicture,
    AnnotationDataset,
    Annotations,
    Crops,
    LabelledBox,
    kept_while_unchanged,
)
from zoo_formats.boxes import Box, bounds, turned_corners
from zoo_formats.glimpse import text_head
from zoo_formats.paths import folder_of_pictures, inside, need_root
from zoo_formats.splits import named, split_in
from zoo_formats.xml_files import attribute, number, read_xml

__all__ = ["Cvat", "recognises"]

_WHAT = "annotations.xml of CVAT's export 'CVAT for images', or its folder"
_FILE = "annotations.xml"
_EDGES = ("xtl", "ytl", "xbr", "ybr")
_SHAPES = ("box", "polygon", "polyline", "points", "ellipse", "mask", "cuboid", "skeleton")


def recognises(path: Path) -> bool:
    """Check for CVAT's XML, or a folder with it."""
    if path.is_dir():
        return (path / _FILE).is_file() and recognises(path / _FILE)
    text = text_head(path)
    return re.match(r"(<\?xml[^>]*\?>)?\s*<annotations>", text) is not None


class Cvat(AnnotationDataset):
    """Pictures with the annotations of CVAT's XML, whole or cut at their boxes.

    Whole pictures have their tags, or in a file without tags the labels of their shapes; they are multi-label where one
    has several. With ``crops=boxes`` each box is an image, and each polygon the box around it. Subsets that are called
    train, val or test are splits. Attributes of tags and boxes are attributes
    of the images.

    Args:
        root: ``annotations.xml``, or its folder.
        split: one of ``available_splits(root)``; ``"all"`` too where there are no splits.
        crops: ``"boxes"`` cuts out the boxes.
        images: folder of the pictures; None for ``images/`` or beside the file.
        multilabel: whether a picture may have several labels; None to find out.

    Raises:
        DataError: there is no such file, it is damaged or has a label that it doesn't declare, a picture is outside of
            the folder, the training images are of one class only, or there is no such split.
    """

    def __init__(
        self,
        root: Path | None,
        split: str,
        crops: Crops = "none",
        images: str | None = None,
        multilabel: bool | None = None,
    ) -> None:
        super().__init__(split, self.listed(root, crops, multilabel, images=images), "CVAT's annotations")

    @classmethod
    def read(cls, root: Path | None, images: str | None = None, **options: Any) -> Annotations:
        """Read the annotations.

        Raises:
            DataError: see the class.
        """
        path = need_root(root, "cvat", _WHAT)
        table = path / _FILE if path.is_dir() else path
        if not table.is_file():
            raise DataError(f"There is no {_FILE} in {path}. cvat reads {_WHAT}.")
        told = _read(table)
        base = table.parent
        home = base if images is None else base / Path(images).expanduser()
        guesses = (base / "images", base / "data", base) if images is None else (home,)
        names = [each.name for each in told.images]
        folder = folder_of_pictures(home, names, guesses, str(table)) if names else home
        splits = [split_in(each.subset) for each in told.images]
        pictures = [
            AnnotatedPicture(
                inside(home, each.name, str(table), folder),
                each.tags,
                each.boxes,
                each.size,
                split,
                attributes=each.attributes,
            )
            for each, split in zip(told.images, splits, strict=True)
        ]
        about_boxes = []
        if told.turned:
            about_boxes.append(f"Rotated boxes, cut out as the upright boxes around them: {told.turned:,}.")
        return Annotations(str(table), pictures, about_boxes=about_boxes)


class _Image(NamedTuple):
    """A picture as it stands in the file."""

    name: str
    size: tuple[int, int] | None
    subset: str
    tags: list[str]
    boxes: list[LabelledBox]
    attributes: dict[str, str]


class _Table(NamedTuple):
    """Pictures of a file, and the number of rotated boxes."""

    images: list[_Image]
    turned: int


@kept_while_unchanged
def _read(table: Path) -> _Table:
    """Read the XML.

    Raises:
        DataError: see :class:`Cvat`.
    """
    root = read_xml(table, "annotations")
    if root.find("track") is not None:
        raise DataError(f"{table} has tracks of a video. Export the task as 'CVAT for images 1.1'.")
    known = [named(each.text or "", str(table)) for each in root.iterfind("meta//labels/label/name")]
    # A file without shapes has tags; in one with both, tags describe the pictures.
    images = [_image(each, known, f"{table}, image {each.get('name')!r}") for each in root.iter("image")]
    if not any(image.tags for image in images):
        shapes = [[_label(s, known, str(table)) for s in each if s.tag in _SHAPES] for each in root.iter("image")]
        images = [image._replace(tags=labels) for image, labels in zip(images, shapes, strict=True)]
    turned = sum(number(each.get("rotation", "0"), str(table)) != 0 for each in root.iter("box"))
    return _Table(images, turned)


def _image(element: ET.Element, known: Sequence[str], where: str) -> _Image:
    name = attribute(element, "name", where)
    size = [int(number(element.get(side, "0"), where)) for side in ("width", "height")]
    tags = [_label(each, known, where) for each in element.iter("tag")]
    boxes = [
        LabelledBox(_label(each, known, where), _box(each, where), _told(each))
        for each in element
        if each.tag in ("box", "polygon")
    ]
    told = {name: value for tag in element.iter("tag") for name, value in _told(tag).items()}
    return _Image(name, (size[0], size[1]) if all(size) else None, element.get("subset", ""), tags, boxes, told)


def _told(element: ET.Element) -> dict[str, str]:
    """Attributes of a tag or shape."""
    return {each.get("name", ""): (each.text or "").strip() for each in element.iter("attribute")}


def _label(element: ET.Element, known: Sequence[str], where: str) -> str:
    name = named(attribute(element, "label", where), where)
    if known and name not in known:
        raise DataError(
            f"{where} has the label {name!r}, which its task doesn't declare.{did_you_mean(name, known)} It declares: "
            f"{listing(known, most=5)}. Export the annotations again."
        )
    return name


def _box(element: ET.Element, where: str) -> Box:
    if element.tag == "polygon":
        pairs = (point.partition(",")[::2] for point in attribute(element, "points", where).split(";"))
        return bounds([(number(x, where), number(y, where)) for x, y in pairs])
    left, top, right, bottom = (number(attribute(element, edge, where), where) for edge in _EDGES)
    degrees = number(element.get("rotation", "0"), where)
    if degrees:  # about the centre
        corners = turned_corners((left, top, right, bottom), degrees, ((left + right) / 2, (top + bottom) / 2))
        return bounds(corners)
    return Box(left, top, right, bottom)
