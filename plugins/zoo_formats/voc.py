"""The dataset ``voc``: an XML file of boxes for each picture, of Pascal VOC (Everingham et al., 2010)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.api.jobs import listing
from zoo.errors import DataError
from zoo_formats.annotations import AnnotatedPicture, AnnotationDataset, Annotations, Crops, LabelledBox
from zoo_formats.boxes import Box
from zoo_formats.glimpse import IMAGES, entries, text_head
from zoo_formats.paths import inside, need_root
from zoo_formats.splits import named, split_in
from zoo_formats.xml_files import number, read_xml, text_of

__all__ = ["Voc", "recognises"]

_WHAT = "a folder with Annotations/ and JPEGImages/"
_EDGES = ("xmin", "ymin", "xmax", "ymax")


def recognises(path: Path) -> bool:
    """Check for a folder with XML files of Pascal VOC, in Annotations/ or in a folder for each split."""
    return any(_is_annotation(next(iter(_xml_in(place)[:1]), None)) for place in _places(path))


def _places(root: Path) -> list[Path]:
    own = root / "Annotations"
    return [own] if own.is_dir() else [folder for folder in entries(root) if split_in(folder.name)]


def _xml_in(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if path.suffix.lower() == ".xml"]


def _is_annotation(path: Path | None) -> bool:
    if path is None:
        return False
    text = text_head(path)
    return text[text.find("?>") + 2 if text.startswith("<?xml") else 0 :].lstrip().startswith("<annotation>")


class Voc(AnnotationDataset):
    """Pictures with an XML file of boxes each, whole or cut at their boxes.

    Annotations are in ``Annotations/`` and pictures in ``JPEGImages/``, or both in a folder for each split. Splits are
    the lists ``train.txt``, ``val.txt`` and ``test.txt`` in ``ImageSets/Main/``, or the folders. Whole pictures are
    multi-label where one has boxes of several classes. Edges of boxes are taken as they are: those of VOC's own files
    count pixels from 1, those of most tools from 0.

    Args:
        root: the folder.
        split: one of ``available_splits(root)``; ``"all"`` too where there are no splits.
        crops: ``"boxes"`` cuts out the boxes.
        images: folder of the pictures; None for ``JPEGImages/``, ``images/`` or beside the XML files.
        multilabel: whether a picture may have several labels; None to find out.

    Raises:
        DataError: there are no such files, one is damaged or lacks a name or an edge, a picture is outside of the
            folder, the training images are of one class only, or there is no such split.
    """

    def __init__(
        self,
        root: Path | None,
        split: str,
        crops: Crops = "none",
        images: str | None = None,
        multilabel: bool | None = None,
    ) -> None:
        super().__init__(split, self.listed(root, crops, multilabel, images=images), "Pascal VOC's annotations")

    @classmethod
    def read(cls, root: Path | None, images: str | None = None, **options: Any) -> Annotations:
        """Read the annotations.

        Raises:
            DataError: see the class.
        """
        path = need_root(root, "voc", _WHAT)
        if path.is_file():
            raise DataError(f"{path} is a file. voc reads {_WHAT}; type: zoo run simple_cnn voc --data FOLDER")
        splits = _lists(path)
        files = [(file, place) for place in _places(path) for file in _sorted_xml(place)]
        if not files:
            raise DataError(f"There are no XML files in {path / 'Annotations'}. voc reads {_WHAT}.")
        if splits and (missing := set(splits) - {file.stem for file, _ in files}):
            raise DataError(
                f"{path / 'ImageSets' / 'Main'} lists {len(missing):,} pictures without an XML file, such as "
                f"{listing(sorted(missing), most=3)}. Restore their files, or remove the lines."
            )
        own = (path / "Annotations").is_dir()
        pictures = [
            _picture(file, path, images, splits.get(file.stem) if own else split_in(place.name))
            for file, place in files
            if not splits or file.stem in splits
        ]
        unlisted = len(files) - len(pictures)
        notices = (
            [f"Not used: {unlisted:,} of {len(files):,} pictures, which no list of splits has."] if unlisted else []
        )
        return Annotations(str(path), pictures, notices)


def _sorted_xml(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as found:
        names = sorted(entry.name for entry in found)
    return (folder / name for name in names if name.lower().endswith(".xml"))


def _lists(root: Path) -> dict[str, str]:
    """Split of each picture by its name without suffix, from the lists of VOC; empty without them."""
    found: dict[str, str] = {}
    for split in ("train", "val", "test"):
        file = root / "ImageSets" / "Main" / f"{split}.txt"
        if not file.is_file():
            continue
        for line in file.read_text("utf-8-sig").splitlines():
            name = line.split()[0] if line.split() else ""
            if name and found.setdefault(name, split) != split:
                raise DataError(
                    f"{file.parent} has {name!r} in two lists, {found[name]} and {split}. Remove one of them."
                )
    return found


def _picture(file: Path, root: Path, images: str | None, split: str | None) -> AnnotatedPicture:
    element, where = read_xml(file, "annotation"), str(file)
    boxes = []
    for each in element.iter("object"):
        name = named(text_of(each, "name", where), where)
        left, top, right, bottom = (number(text_of(each, f"bndbox/{edge}", where), where) for edge in _EDGES)
        boxes.append(LabelledBox(name, Box(left, top, right, bottom)))
    size = tuple(int(number(element.findtext(f"size/{side}") or "0", where)) for side in ("width", "height"))
    path = _path(file, root, images, (element.findtext("filename") or "").strip())
    return AnnotatedPicture(path, (), boxes, (size[0], size[1]) if all(size) else None, split)


def _path(file: Path, root: Path, images: str | None, name: str) -> Path:
    """AnnotatedPicture of an XML file: the one that it names, else one with its own name."""
    home = root if images is None else root / Path(images).expanduser()
    folders = (home,) if images is not None else (root / "JPEGImages", root / "images", file.parent)
    named_so = [inside(home, name, str(file), folder) for folder in folders] if name else []
    likely = (path for path in named_so if path.is_file())
    others = (folder / f"{file.stem}{suffix}" for folder in folders for suffix in sorted(IMAGES))
    found = next(likely, None) or next((path for path in others if path.is_file()), None)
    return found or (named_so[0] if named_so else folders[0] / f"{file.stem}.jpg")
