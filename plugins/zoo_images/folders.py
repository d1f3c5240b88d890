"""The dataset ``image_folder``: a folder per class, with or without train/ val/ test/ above them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from zoo.errors import DataError
from zoo_images.files import ORDER, ImageFiles, need_split, need_two_classes, shorten
from zoo_images.layout import read_layout
from zoo_images.tree import class_name, contents_of, files_below, is_image, is_unread_image

__all__ = ["ImageFolder", "class_files", "images_of"]


class ImageFolder(ImageFiles):
    """Images in class folders.

    ``root`` holds either ``train/`` with any of ``val/`` (also ``valid/``, ``validation/``) and ``test/``,
    each with a folder for each class, or the class folders themselves. Subfolders of a class count; hidden
    files don't. The order is by class, then by path, the same on every platform.

    Args:
        root: the folder.
        split: one of ``available_splits(root)``; ``"all"`` too where there are no split folders.

    Raises:
        DataError: the folder is missing, empty, or has another layout; a class has no images; the training
            images are of one class only; there is no such split.
    """

    def __init__(self, root: Path | None, split: str) -> None:
        layout = read_layout(root)
        need_split(split, layout.names, f"The folder {layout.root}")
        folder = layout.splits[split]
        found = class_files(folder)
        files = images_of(folder, found)
        if split == "train":
            need_two_classes(files, f"The folder {folder}", _what_next(folder, files))
        paths = [path for of_class in files.values() for path in of_class]
        labels = [name for name, of_class in files.items() for _ in of_class]
        notices = [*layout.notices, *_unused(folder, found)]
        super().__init__(paths, labels, source=f"images in {layout.root}", notices=notices)

    @staticmethod
    def available_splits(root: Path | None) -> tuple[str, ...]:
        """Splits of the folder among train, val and test, in this order.

        Raises:
            DataError: the folder is missing, empty, or holds no class folders.
        """
        return tuple(name for name in ORDER if name in read_layout(root).splits)

    @staticmethod
    def peek(root: Path | None) -> dict[str, object]:
        """Path of one image, for the number of channels.

        Raises:
            DataError: the folder is missing, empty, or holds no class folders.
        """
        folder = next(iter(read_layout(root).splits.values()))
        files = (path for inner in contents_of(folder).folders for path in files_below(inner) if is_image(path))
        return {"first": next(files, None)}


def class_files(folder: Path) -> dict[str, list[Path]]:
    """Files of each class, sorted by class and then by path.

    Raises:
        DataError: two classes differ by case only, or a folder can't be read.
    """
    folders = contents_of(folder).folders
    _need_distinct(folders)
    by_name = {class_name(path): path for path in folders}
    return {name: files_below(by_name[name]) for name in sorted(by_name)}


def images_of(folder: Path, files: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """Images among the files of each class.

    Raises:
        DataError: a class has no images.
    """
    images = {name: [path for path in of_class if is_image(path)] for name, of_class in files.items()}
    if empty := [folder / name for name, of_class in images.items() if not of_class]:
        unread = _unread((path for name in files if not images[name] for path in files[name]), "in it")
        tip = f" Not read: {unread}." if unread else ""
        raise DataError(
            f"No images in the class folder {shorten(empty)}.{tip} Every folder in {folder} is a class "
            "and needs images (.jpg, .png, .webp, .tif, …): add some, or remove the folder."
        )
    return images


def _need_distinct(folders: Sequence[Path]) -> None:
    """Raise DataError for names that differ by case only, which are one folder on some disks."""
    seen: dict[str, Path] = {}
    for path in folders:
        twin = seen.setdefault(class_name(path).casefold(), path)
        if twin is not path:
            raise DataError(
                f"The class folders {twin.name!r} and {path.name!r} in {path.parent} differ by case only: merge "
                "them, or rename one."
            )


def _unused(folder: Path, files: dict[str, list[Path]]) -> list[str]:
    """Notices about images outside of class folders, and about unsupported formats."""
    loose = [path for path in contents_of(folder).files if is_image(path)]
    notices = [f"Not used: {len(loose)} images in {folder} itself, outside of the class folders."] if loose else []
    unread = _unread((path for of_class in files.values() for path in of_class), f"in {folder}")
    return notices + ([f"Not used: {unread}."] if unread else [])


def _what_next(folder: Path, classes: Collection[str]) -> str:
    """Advice for a folder with a single class; names the inner folder of an unpacked archive."""
    inner = folder / next(iter(classes))
    if len(contents_of(inner).folders) > 1:
        return f"Did you mean the folder inside it? zoo run simple_cnn {inner}"
    return f"Add a second folder of images to {folder}."


def _unread(paths: Iterable[Path], where: str) -> str:
    """Count the images that are not read, and say what to do; empty if there are none.

    For example ``3 .heic files in FOLDER; to read .heic: pip install 'visionzoo[heif]'``.
    """
    from zoo.api.formats import install_hint

    suffixes = Counter(path.suffix.lower() for path in paths if is_unread_image(path))
    found = ", ".join(f"{n} {suffix} file{'' if n == 1 else 's'}" for suffix, n in suffixes.most_common())
    hints = {suffix: install_hint([suffix]) for suffix in suffixes}
    advice = [f"to read {suffix}: {hint}" for suffix, hint in hints.items() if hint]
    others = [suffix for suffix, hint in hints.items() if not hint]
    advice += [f"convert {', '.join(others)} to .jpg"] if others else []
    return "; ".join([f"{found} {where}", *advice]) if found else ""
