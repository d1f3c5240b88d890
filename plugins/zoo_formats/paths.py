"""Paths of pictures that a file names: inside of the dataset's folder, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from zoo.api.jobs import listing
from zoo.errors import DataError

__all__ = ["folder_of_pictures", "inside", "need_root"]

_SOME = 20
"""Number of pictures that are looked for in each folder."""


def inside(folder: Path, name: str, where: str, start: Path | None = None) -> Path:
    """Path of a picture in a folder; an absolute path has to be in the folder as well.

    Args:
        folder: folder of the dataset's pictures.
        name: path as written, with ``/`` or the ``\\`` of Windows.
        where: the file, for the message.
        start: folder in it from which the path is relative; by default the folder itself.

    Raises:
        DataError: the path is outside of the folder.
    """
    plain = name.replace("\\", "/") if "/" not in name else name
    home = os.path.abspath(folder)  # noqa: PTH100 - links stay as they are
    found = os.path.abspath(os.path.join(start or home, plain))  # noqa: PTH100, PTH118 - an absolute path replaces the folder
    if "\0" in name or PureWindowsPath(name).drive or os.path.commonpath([home, found]) != home or found == home:
        raise DataError(
            f"{where} names the picture {name!r}, which is not in {folder}. Put the pictures into this folder, and "
            "correct the path."
        )
    return Path(found)


def need_root(root: Path | None, dataset: str, what: str) -> Path:
    """Existing path of a dataset.

    Args:
        what: what the dataset reads, for the message, such as ``"a folder with data.yaml"``.

    Raises:
        DataError: no path was given, or it doesn't exist.
    """
    if root is None:
        raise DataError(f"{dataset} needs {what}: zoo run simple_cnn {dataset} --data PATH")
    path = Path(root).expanduser()
    if not path.exists():
        raise DataError(
            f"There is no file or folder {path}. {dataset} reads {what}: zoo run simple_cnn {dataset} --data PATH"
        )
    return path


def folder_of_pictures(base: Path, names: Sequence[str], guesses: Sequence[Path], where: str) -> Path:
    """The first folder that has some of the pictures that a file names.

    Args:
        base: folder of the dataset, in which the pictures have to be.
        names: paths of pictures as written.
        guesses: folders to try, in order; those that don't exist are left out.
        where: the file, for messages.

    Raises:
        DataError: none of the folders has one of the pictures, or a picture is outside of the dataset's folder.
    """
    some = names[:: max(len(names) // _SOME, 1)][:_SOME]
    tried = [folder for folder in dict.fromkeys(guesses) if folder.is_dir()]
    outside: DataError | None = None
    for folder in tried:
        try:
            if any(inside(base, name, where, folder).is_file() for name in some):
                return folder
        except DataError as error:
            outside = error
    if outside is not None:
        raise outside
    raise DataError(
        f"The pictures of {where} are not in {listing([str(path) for path in tried], most=3)}: there is no "
        f"{some[0] if some else 'picture'}. Give their folder: --set dataset.images=FOLDER"
    )
