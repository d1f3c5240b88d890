"""Detection of split folders and class folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from zoo.errors import DataError
from zoo_images.files import ORDER, SPLIT_WORDS, did_you_mean, shorten
from zoo_images.tree import FolderContents, contents_of, is_image

__all__ = ["Layout", "read_layout"]

EXPECTED = """A folder of images looks like one of these:
  FOLDER/cats/1.jpg …      FOLDER/train/cats/1.jpg …
  FOLDER/dogs/2.jpg …      FOLDER/train/dogs/2.jpg …   (and val/, test/ likewise)
Then: zoo run simple_cnn FOLDER"""


@dataclass(frozen=True)
class Layout:
    """Folder of class folders for each split."""

    root: Path
    splits: dict[str, Path]
    notices: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return list(self.splits)


def read_layout(root: Path | None) -> Layout:
    """Distinguish split folders from class folders.

    Raises:
        DataError: the folder is missing, empty, or holds no class folders.
    """
    root = _need_folder(root)
    inside = contents_of(root)
    named = _split_folders(inside)
    labelled = {split: named[split] for split in ORDER if split in named and contents_of(named[split]).folders}
    if labelled:
        return Layout(root, labelled, _beside(inside, labelled))
    _need_class_folders(root, inside, named)
    return Layout(root, {"train": root, "all": root})


def _need_folder(root: Path | None) -> Path:
    if root is None:
        raise DataError(
            "image_folder needs a folder with a folder of images for each class, such as FOLDER/cats/1.jpg and "
            "FOLDER/dogs/2.jpg. Give it as the dataset: zoo run simple_cnn FOLDER, or zoo data check FOLDER"
        )
    root = Path(root).expanduser()
    if root.is_dir():
        return root
    if root.exists():
        csv = " For a CSV file: zoo run simple_cnn image_csv --data FILE." if root.suffix == ".csv" else ""
        raise DataError(f"{root} is a file, not a folder of images.{csv}\n{EXPECTED}")
    siblings = [path.name for path in contents_of(root.parent).folders] if root.parent.is_dir() else []
    raise DataError(f"There is no folder {root}.{did_you_mean(root.name, siblings)}\n{EXPECTED}")


def _split_folders(inside: FolderContents) -> dict[str, Path]:
    """Map splits to folders, such as {"val": .../valid}; two folders for the same split are an error."""
    named: dict[str, Path] = {}
    for path in inside.folders:
        split = SPLIT_WORDS.get(path.name.casefold())
        if split in named:
            raise DataError(f"{named[split]} and {path} both mean the split {split!r}: keep one of them.")
        if split:
            named[split] = path
    return named


def _need_class_folders(root: Path, inside: FolderContents, named: dict[str, Path]) -> None:
    images = [path for path in inside.files if is_image(path)]
    if inside.folders and len(named) < len(inside.folders):
        return
    if inside.folders:
        found = f"{shorten([p.name + '/' for p in inside.folders])} in {root} has no class folders in it"
    elif images:
        found = f"{len(images)} images are in {root} itself, outside of class folders, so their classes are unknown"
    else:
        found = f"The folder {root} is empty" if not inside.files else f"The folder {root} contains no images"
    if any(path.suffix.lower() == ".tar" for path in inside.files):
        raise DataError(f"{found}, but .tar files. If they are shards: zoo run simple_cnn webdataset --data {root}")
    raise DataError(f"{found}.\n{EXPECTED}")


def _beside(inside: FolderContents, labelled: dict[str, Path]) -> list[str]:
    """Notices about folders next to the split folders, which are not used."""
    others = [path.name + "/" for path in inside.folders if path not in labelled.values()]
    splits = ", ".join(path.name + "/" for path in labelled.values())
    return [f"Not used: {shorten(others)} (next to {splits}, but not a split with class folders)."] if others else []
