"""Pictures that commands write: where they may, and how one of the zoo's own is known."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.errors import OutputError, RequestError

MARK = "Made by visionzoo"
"""Stands near the beginning of each file."""
_HEAD = 8192


def check_place(path: Path, suffixes: tuple[str, ...], *, overwrite: bool = False) -> Path:
    """The path, if a picture can be written there; asked before the work that makes it.

    Raises:
        RequestError: its folder doesn't exist, it has another suffix, or it is a file that the zoo didn't make.
        OutputError: its folder can't be written.
    """
    if path.is_dir():
        raise RequestError(f"{path} is a folder. Name the file too: -o {path / ('picture' + suffixes[0])}")
    if path.suffix.lower() not in suffixes:
        raise RequestError(f"{path} must end in {' or '.join(suffixes)}: -o {path.with_suffix(suffixes[0])}")
    if not path.parent.is_dir():
        raise RequestError(f"There is no folder {path.parent} for {path.name}. Make it first, or name another with -o.")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path.parent} can't be written. Mend its permissions, or name another folder with -o.")
    if path.exists() and not overwrite and not is_ours(path):
        raise RequestError(
            f"{path} is there already, and the zoo didn't make it. Name another file with -o, or replace it with "
            "--overwrite."
        )
    return path


def is_ours(path: Path) -> bool:
    """Whether the zoo has made this picture."""
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(_HEAD)
    except OSError:
        return False
