"""Names of the files and folders that predictions are written to: safe, and each taken once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.errors import RequestError
from zoo.storage import cannot_write

__all__ = ["check_folder", "check_free", "folder_names", "free_name", "make_folder"]

_RESERVED = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


def folder_names(classes: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """A folder's name for each class: without the characters that a disk refuses, and different for each."""
    taken = {name.casefold() for name in reserved}
    return {label: free_name(_RESERVED.sub("_", label).strip(" .") or "_", taken) for label in classes}


def free_name(name: str, taken: set[str]) -> str:
    """``name``, with a number before its suffix where it is taken in any case; the result is added to ``taken``."""
    stem, suffix = Path(name).stem, Path(name).suffix
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{stem}-{number}{suffix}"
    taken.add(free.casefold())
    return free


def check_folder(folder: Path, option: str) -> None:
    """Check before the work that a folder can be written to.

    Raises:
        RequestError: there is a file of that name.
    """
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"{folder} is a file. Name a folder: {option} DIR")


def make_folder(folder: Path) -> None:
    """Create a folder with its parents.

    Raises:
        OutputError: the folder can't be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error, "name another folder") from error


def check_free(targets: Sequence[Path], originals: Iterable[Path], option: str, *, overwrite: bool = False) -> None:
    """Refuse to replace files; the originals even with ``overwrite``.

    Raises:
        RequestError: a target exists.
    """
    there = [path for path in targets if path.exists()]
    own = {path.resolve() for path in originals} if there else set()
    if any(path.resolve() in own for path in there):
        raise RequestError(
            f"{there[0].parent} contains the originals, which are never changed. Name another folder: {option} DIR"
        )
    if there and not overwrite:
        more = f" and {len(there) - 1:,} more exist" if len(there) > 1 else " exists"
        raise RequestError(
            f"{there[0]}{more} already. Nothing was written. Name another folder with {option}, or replace the files "
            "with --overwrite."
        )
