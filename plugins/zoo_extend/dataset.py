"""The images of an extended run: those of the old dataset, and those of the new classes' folders."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import TRAIN, VAL, Opener, Shape, groups_of, hold_out, labels_of, name_of
from zoo.api.jobs import check, components
from zoo.errors import JobError, RequestError
from zoo_extend.pictures import pictures_below

__all__ = ["ExtendedImages", "NewPictures"]

DIGITS = {"name": "images/digits", "params": {}}
"""The dataset without parameters, for which there is nothing to extend."""


class NewPictures:
    """Files of new classes.

    Args:
        files: paths by class.
    """

    def __init__(self, files: Mapping[str, Sequence[Path]]):
        self.classes = list(files)
        self.paths = [path for of_class in files.values() for path in of_class]
        self.targets = [label for label, of_class in enumerate(files.values()) for _ in of_class]
        self.source = f"pictures of {', '.join(self.classes)}"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Path, int]:
        return self.paths[index], self.targets[index]

    def name_of(self, index: int) -> str:
        """Path of the file."""
        return str(self.paths[index])

    def divided(self, fraction: float, seed: int) -> dict[str, NewPictures]:
        """Divide the files by a stratified, seeded division.

        Args:
            fraction: fraction for val.

        Returns:
            ``train`` and ``val``.
        """
        parts = zip((TRAIN, VAL), hold_out(np.array(self.targets), fraction, seed), strict=True)
        return {name: self.part(rows) for name, rows in parts}

    def part(self, rows: NDArray[np.int64]) -> NewPictures:
        """The files at ``rows``; every class stays, also without files."""
        files: dict[str, list[Path]] = {name: [] for name in self.classes}
        for row in rows.tolist():
            files[self.classes[self.targets[row]]].append(self.paths[row])
        return NewPictures(files)


class ExtendedImages:
    """Images of a dataset and of further classes, the dataset's first; ``zoo extend`` writes the parameters.

    Where the dataset has a val split, a part of the new classes' pictures is added to it. Otherwise all of them belong
    to train, of which the job holds out a part: that of the old classes stays the same.

    Args:
        root: folder of the old dataset.
        split: a split of the old dataset.
        base: one entry, the old dataset: ``name`` and ``params``; None for the packaged digits.
        added: name and folder of pictures of each new class.
        fraction: fraction of the new classes' pictures for val, where the old dataset has that split.
        seed: seed of that division.

    Raises:
        RequestError: a folder of a new class is not there.
    """

    def __init__(
        self,
        root: Path | None,
        split: str,
        base: list[dict[str, Any]] | None = None,
        added: list[list[str]] | None = None,
        fraction: float = 0.2,
        seed: int = 0,
    ) -> None:
        opener = _opener(root, base)
        self.old = opener.open(split)
        files = {name: _files(name, Path(folder)) for name, folder in added or []}
        self.new = NewPictures(files)
        if files and VAL in opener.splits():
            self.new = self.new.divided(fraction, seed).get(split, NewPictures({name: [] for name in files}))
        elif split != TRAIN:
            self.new = NewPictures({name: [] for name in files})
        self.classes = [*map(str, self.old.classes), *self.new.classes]
        self._describe()

    def _describe(self) -> None:
        """Set the optional attributes that a dataset may have, where the old one has them."""
        old, shift = self.old, len(self.old.classes)
        given = getattr(old, "targets", None)
        labels = labels_of(old, [old[i][1] for i in range(len(old))] if given is None else given)
        self.targets = [*labels.tolist(), *(shift + label for label in self.new.targets)]
        self.notices = list(getattr(old, "notices", ()))
        self.source = getattr(old, "source", "images") + (f" and {self.new.source}" if self.new.classes else "")
        if (groups := groups_of(old)) is not None:
            self.groups = [*groups.tolist(), *map(str, self.new.paths)]
        if (key := getattr(old, "fingerprint", None)) is not None:
            self.fingerprint = f"{key} {_digest(self.new)}"

    @staticmethod
    def available_splits(
        root: Path | None,
        base: list[dict[str, Any]] | None = None,
        added: list[list[str]] | None = None,
        fraction: float = 0.2,
        seed: int = 0,
    ) -> tuple[str, ...]:
        """Splits of the old dataset."""
        return _opener(root, base).splits()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if index < len(self.old):
            return self.old[index][0], self.targets[index]
        return self.new[index - len(self.old)][0], self.targets[index]

    def name_of(self, index: int) -> str:
        """Name of the old dataset's image, or path of the file."""
        return name_of(self.old, index) if index < len(self.old) else self.new.name_of(index - len(self.old))


def _opener(root: Path | None, base: Sequence[Mapping[str, Any]] | None) -> Opener:
    described: Mapping[str, Any] = base[0] if base else DIGITS
    entry = components().find("dataset", str(described["name"]))
    values, problems = check("dataset", entry.factory(), {**described["params"], "root": root}, "dataset.base")
    if problems:
        raise JobError(problems)
    return Opener(entry, values, Shape(8, 3))


def _files(name: str, folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise RequestError(
            f"The pictures of {name!r} were in {folder}, which is not there. Restore the folder, or give other images: "
            "zoo evaluate RUN FOLDER"
        )
    return pictures_below(folder)


def _digest(pictures: NewPictures) -> str:
    """Hash of the files' bytes and classes."""
    whole = hashlib.sha256(repr(pictures.classes).encode())
    for path, label in zip(pictures.paths, pictures.targets, strict=True):
        whole.update(f"{label} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()
