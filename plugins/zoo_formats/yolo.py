"""The dataset ``yolo``: a text file of boxes for each picture (Redmon et al., 2016), as Ultralytics lays them out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.api.jobs import listing
from zoo.errors import DataError, ZooError
from zoo.storage import read_mapping
from zoo_formats.annotations import AnnotatedPicture, AnnotationDataset, Annotations, Crops, LabelledBox
from zoo_formats.boxes import Box, bounds
from zoo_formats.glimpse import IMAGES, entries, text_head
from zoo_formats.paths import inside, need_root
from zoo_formats.splits import named, split_in

__all__ = ["Yolo", "recognises"]

_WHAT = "a data.yaml of YOLO, or the folder above images/ and labels/"
_DESCRIPTIONS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LISTS = ("classes.txt", "obj.names", "classes.names")
_DARKNET = "obj.data"
_KEYS = re.compile(r"^(train|valid|names)\s*=\s*(\S+)", re.MULTILINE)
"""Lines of Darknet's description, which lists the pictures of each split in a file."""
_SPLIT_KEYS = ("train", "val", "test")


def recognises(path: Path) -> bool:
    """Check for a description with names, or a folder of it, or one with pictures in images/ and boxes in labels/."""
    if path.is_file():
        text = text_head(path)
        return all(re.search(rf"^{key}\s*:", text, re.MULTILINE) for key in ("names", "train"))
    if any(path.joinpath(name).is_file() and recognises(path / name) for name in _DESCRIPTIONS):
        return True
    if (path / _DARKNET).is_file():
        return _KEYS.search(text_head(path / _DARKNET)) is not None
    places = (path, *(folder for folder in entries(path) if split_in(folder.name)))
    return any((place / "images").is_dir() and _has_boxes(place / "labels") for place in places)


def _has_boxes(folder: Path) -> bool:
    """Check that a text file in a folder, or a folder in it, begins with a line of numbers."""
    inner = [file for each in entries(folder)[:10] for file in (entries(each)[:10] if each.is_dir() else [each])]
    return any(re.match(r"\d+( -?[\d.e-]+){4}", text_head(file)) for file in inner if file.suffix == ".txt")


class Yolo(AnnotationDataset):
    """Pictures with a text file of boxes each, whole or cut at their boxes.

    A line is ``class x y width height`` in fractions of the picture, or ``class`` and the corners of a polygon. Names
    of the classes and folders of the splits are in ``data.yaml``, or lists of them in Darknet's ``obj.data``; without
    either, names are in ``classes.txt``, and splits are folders. Boxes of ``images/train/a.jpg`` are in
    ``labels/train/a.txt``, or beside the picture; a picture without a file has no label. Whole pictures are multi-label
    where one has boxes of several classes.

    Args:
        root: ``data.yaml``, or its folder, or the folder above ``images/`` and ``labels/``.
        split: one of ``available_splits(root)``; ``"all"`` too where there are no splits.
        crops: ``"boxes"`` cuts out the boxes.
        class_names: names of the classes in their order, where no file has them.
        multilabel: whether a picture may have several labels; None to find out.

    Raises:
        DataError: there are no such files, a line is malformed or has a class without a name, a picture is outside of
            the folder, the training images are of one class only, or there is no such split.
    """

    def __init__(
        self,
        root: Path | None,
        split: str,
        crops: Crops = "none",
        class_names: list[str] | None = None,
        multilabel: bool | None = None,
    ) -> None:
        super().__init__(split, self.listed(root, crops, multilabel, class_names=class_names), "YOLO's boxes")

    @classmethod
    def read(cls, root: Path | None, class_names: list[str] | None = None, **options: Any) -> Annotations:
        """Read the annotations.

        Raises:
            DataError: see the class.
        """
        path = need_root(root, "yolo", _WHAT)
        table = path if path.is_file() else next((path / n for n in _DESCRIPTIONS if (path / n).is_file()), None)
        base = path.parent if path.is_file() else path
        told = _darknet(base) if table is None else _description(table)
        names = class_names or _names(told, base, table)
        splits = _splits(told, base, table) or _folders(base)
        pictures = [
            AnnotatedPicture(image, (), _boxes(base, image, names), split=split)
            for split, places in splits.items()
            for place in places
            for image in _images(place, base)
        ]
        return Annotations(str(path), pictures)


def _description(table: Path) -> Mapping[str, Any]:
    try:
        return read_mapping(table)
    except ZooError as error:
        raise DataError(f"{error} It should describe a dataset of YOLO: names, train and val.") from error


def _darknet(base: Path) -> dict[str, Any]:
    """Description of Darknet, as that of a ``data.yaml``; empty without one."""
    file = base / _DARKNET
    if not file.is_file():
        return {}
    found: dict[str, Any] = dict(_KEYS.findall(text_head(file)))
    if (names := found.pop("names", None)) is not None:
        path = _place(base, None, str(names), str(file))
        found["names"] = [line for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    return found


def _names(told: Mapping[str, Any], base: Path, table: Path | None) -> list[str]:
    """Names of the classes, from the description or a list of them."""
    where, names = str(table or base), told.get("names")
    if isinstance(names, Mapping) and all(isinstance(key, int) for key in names):
        names = [names.get(key, "") for key in range(max(names, default=-1) + 1)]
    if names is None:
        lists = [base / name for name in _LISTS if (base / name).is_file()]
        names = lists[0].read_text("utf-8-sig").splitlines() if lists else None
        where = str(lists[0]) if lists else where
    if not isinstance(names, list) or not names:
        raise DataError(
            f"{where} has no names of classes. Give them in data.yaml (names: [cat, dog]), in classes.txt, or by --set "
            "dataset.class_names=[cat,dog]"
        )
    return [named(name, where) for name in names]


def _splits(told: Mapping[str, Any], base: Path, table: Path | None) -> dict[str | None, list[Path]]:
    """Folders and lists of pictures of each split that a description names."""
    found: dict[str | None, list[Path]] = {}
    for key in _SPLIT_KEYS:
        value = told.get(key) or (told.get("valid") if key == "val" else None)
        given = value if isinstance(value, list) else [value] if value else []
        if given:
            found[key] = [_place(base, told.get("path"), str(each), str(table)) for each in given]
    return found


def _place(base: Path, start: Any, name: str, where: str) -> Path:
    """Folder or list of pictures that a description names; ``path`` may be a folder of another machine."""
    starts = [base / start] if isinstance(start, str) else []
    # Exports have paths that begin above their folder, or in Darknet's own folder data/.
    plain = re.sub(r"^((\.\./)+|data/)", "", name)
    for home in (*starts, base):
        found = Path(os.path.abspath(home / name))  # noqa: PTH100 - links stay as they are
        if found.exists():
            return inside(base, str(found), where)
    if (base / plain).exists():
        return inside(base, plain, where)
    raise DataError(f"{where} names {name!r}, which is not in {base}. Correct the path.")


def _folders(base: Path) -> dict[str | None, list[Path]]:
    """Folders of pictures without a description: images/, images/train/, or train/images/."""
    inner = {split_in(folder.name): [folder] for folder in entries(base / "images") if folder.is_dir()}
    beside = {split_in(folder.name): [folder / "images"] for folder in entries(base) if (folder / "images").is_dir()}
    for found in (inner, beside):
        if any(found) and None not in found:
            return {split: places for split, places in found.items() if split}
    if not (base / "images").is_dir():
        raise DataError(f"{base} has no folder images/ with the pictures. A dataset of YOLO has images/ and labels/.")
    return {None: [base / "images"]}


def _images(place: Path, base: Path) -> Iterator[Path]:
    """Pictures of a folder with its subfolders, or of a list."""
    if place.is_file():
        lines = place.read_text("utf-8-sig").splitlines()
        starts = (place.parent, base)
        for name in (line.strip() for line in lines if line.strip()):
            paths = [inside(base, name, str(place), start) for start in starts]
            paths.append(inside(base, name.removeprefix("data/"), str(place)))
            yield next((path for path in paths if path.is_file()), paths[0])
        return
    for here, folders, files in os.walk(place, followlinks=True):
        folders.sort()
        yield from (Path(here, name) for name in sorted(files) if Path(name).suffix.lower() in IMAGES)


def _boxes(base: Path, image: Path, names: Sequence[str]) -> list[LabelledBox]:
    """Boxes of a picture, from its text file."""
    inner = image.relative_to(os.path.abspath(base)).with_suffix(".txt")  # noqa: PTH100
    parts = list(inner.parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    file = next((path for path in (Path(base, *parts), image.with_suffix(".txt")) if path.is_file()), None)
    if file is None:
        return []
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} can't be read as text: {error}. Export the annotations again.") from error
    return [_box(line.split(), names, f"{file}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def _box(words: Sequence[str], names: Sequence[str], where: str) -> LabelledBox:
    try:
        numbers = [float(word) for word in words[1:]]
        kind = int(found) if (found := float(words[0])).is_integer() else None
    except ValueError as error:
        raise DataError(f"{where}: not a line of numbers, class x y width height. Export it again.") from error
    if kind is None:
        raise DataError(f"{where}: the class {words[0]} is not a whole number. Export it again.")
    if not 0 <= kind < len(names):
        raise DataError(f"{where}: the class {kind} has no name; there are {len(names)}: {listing(names, most=5)}.")
    if len(numbers) in (4, 5):  # a fifth number is a confidence
        x, y, width, height = numbers[:4]
        return LabelledBox(names[kind], Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2, True))
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        return LabelledBox(names[kind], bounds(list(zip(numbers[::2], numbers[1::2], strict=True)), relative=True))
    raise DataError(f"{where}: {len(numbers)} numbers after the class are neither a box (4) nor a polygon (6, 8, …).")
