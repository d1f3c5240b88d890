"""Foreign pictures: those of folders, or generated ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.formats import ARRAY_FILES, picture_suffixes
from zoo.errors import RequestError
from zoo_detectors.generated import KINDS, generated

__all__ = ["FEWEST", "GENERATED", "ForeignKind", "foreign_kinds"]

FEWEST = 20
"""Smallest number of pictures of a kind: half of them choose the detector, the other half measures it."""
GENERATED = "generated"
"""Source of pictures that were generated."""
DRAWN = 100
"""Number of generated pictures of each kind."""
MOST = 2000
"""Largest number of pictures of a kind; of a larger folder, this many are drawn at random."""


@dataclass(frozen=True)
class ForeignKind:
    """Pictures of one kind.

    Args:
        name: name of the folder, or of the generated kind.
        source: the folder, or ``generated``.
        pictures: paths, or pictures of PIL.
    """

    name: str
    source: str
    pictures: Sequence[Any]


def foreign_kinds(folders: Sequence[Path]) -> list[ForeignKind]:
    """The pictures of each folder and its subfolders; generated textures, noise and shapes without any folder.

    Raises:
        RequestError: a folder doesn't exist, or has too few pictures.
    """
    if not folders:
        return [ForeignKind(kind, GENERATED, generated(kind, DRAWN)) for kind in KINDS]
    names = [folder.resolve().name for folder in folders]
    called = [name if names.count(name) == 1 else str(folder) for name, folder in zip(names, folders, strict=True)]
    return [_of_folder(folder, name) for folder, name in zip(folders, called, strict=True)]


def _of_folder(folder: Path, name: str) -> ForeignKind:
    if not folder.is_dir():
        raise RequestError(f"{folder} is not a folder. Give one with pictures of other things: --foreign FOLDER")
    known = picture_suffixes() | ARRAY_FILES
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in known and path.is_file())
    if len(found) < FEWEST:
        count = f"{len(found)} picture{'' if len(found) == 1 else 's'}" if found else "no pictures"
        raise RequestError(
            f"{folder} has {count}, and at least {FEWEST} are needed: half of them choose the detector, the other half "
            "measures it. Give a folder with more, or leave out --foreign for generated pictures."
        )
    return ForeignKind(name, str(folder), _drawn(found))


def _drawn(paths: list[Path]) -> list[Path]:
    if len(paths) <= MOST:
        return paths
    import numpy as np

    rows = np.sort(np.random.default_rng(0).permutation(len(paths))[:MOST])
    return [paths[row] for row in rows]
