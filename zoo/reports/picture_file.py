"""Pictures that commands write: where they may, and how one of the zoo's own is known."""

from __future__ import annotations

from pathlib import Path

from zoo.storage.files import check_target

MARK = "Made by visionzoo"
"""Stands near the beginning of each file."""
_HEAD = 8192


def check_place(path: Path, suffixes: tuple[str, ...], *, option: str = "-o", overwrite: bool = False) -> Path:
    """The path, if a picture can be written there; asked before the work that makes it.

    Raises:
        RequestError: its folder doesn't exist, it has another suffix, or it is a file that the zoo didn't make.
        OutputError: its folder can't be written.
    """
    return check_target(path, suffixes, is_ours, option=option, overwrite=overwrite)


def is_ours(path: Path) -> bool:
    """Whether the zoo has made this picture."""
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(_HEAD)
    except OSError:
        return False
