"""Datasets read from annotation files. Both give paths: decoding is the zoo's work."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from zoo.errors import DataError


class Annotated:
    """Images with names of categories; ``multilabel`` if an image has none or several."""

    def __init__(self, file: Path, found: list[tuple[str, str, list[str]]], classes: list[str], split: str):
        self.multilabel = several(found)
        chosen = [(name, labels) for name, where, labels in found if where == split]
        if not chosen:
            raise DataError(f"{file} has no images of the split {split!r}.")
        self.classes = classes
        self._paths = [file.parent / name for name, _ in chosen]
        numbers = [[classes.index(label) for label in labels] for _, labels in chosen]
        self.targets = numbers if self.multilabel else [one for (one,) in numbers]

    def __len__(self) -> int:
        return len(self._paths)

    def name_of(self, index: int) -> str:
        return str(self._paths[index])

    def __getitem__(self, index: int) -> tuple[Path, Any]:
        return self._paths[index], self.targets[index]


def several(found: list[tuple[str, str, list[str]]]) -> bool:
    return any(len(labels) != 1 for _, _, labels in found)


class Coco(Annotated):
    """Images and categories of a COCO annotation file; boxes are ignored.

    Args:
        root: the file. Image names are relative to its folder.
        split: ``train``, or any word that images have as ``split``.
        least: categories with fewer annotated images are left out.
    """

    def __init__(self, root: str | Path | None, split: str, least: int = 1):
        file, found = self._read(root, least)
        super().__init__(file, found, sorted({label for _, _, labels in found for label in labels}), split)

    @staticmethod
    def _read(root: str | Path | None, least: int) -> tuple[Path, list[tuple[str, str, list[str]]]]:
        if root is None:
            raise DataError("coco needs an annotation file: --data photos.coco")
        return Path(root), read_coco(str(root), least)

    @staticmethod
    def available_splits(root: str | Path | None, least: int = 1) -> tuple[str, ...]:
        return tuple(dict.fromkeys(where for _, where, _ in Coco._read(root, least)[1]))

    @staticmethod
    def peek(root: str | Path | None, least: int = 1) -> dict[str, Any]:
        file, found = Coco._read(root, least)
        return {"multilabel": several(found), "first": file.parent / found[0][0]}


@lru_cache(maxsize=4)
def read_coco(file: str, least: int) -> list[tuple[str, str, list[str]]]:
    """``(file name, split, categories)`` of each image."""
    try:
        document = json.loads(Path(file).read_text("utf-8"))
        names = {row["id"]: row["name"] for row in document["categories"]}
        categories = defaultdict(set)
        for row in document["annotations"]:
            categories[row["image_id"]].add(names[row["category_id"]])
        counts = {name: sum(name in found for found in categories.values()) for name in names.values()}
        return [
            (row["file_name"], row.get("split", "train"), sorted(n for n in categories[row["id"]] if counts[n] >= least))
            for row in document["images"]
        ]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{file} is not a COCO annotation file: {error!r}") from None


class OneHot(Annotated):
    """Images of a CSV file with one column of 0 and 1 for each class; always multi-label.

    Args:
        root: the CSV file.
        split: ``train``.
        file_column: name of the column with the file names.
        delimiter: between columns.
    """

    multilabel = True

    def __init__(self, root: Path | None, split: str, file_column: str = "file", delimiter: str = ","):
        if root is None:
            raise DataError("onehot needs a CSV file: --data table.csv")
        with Path(root).open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines, delimiter=delimiter))
        if not rows or file_column not in rows[0]:
            raise DataError(f"{root} has no column {file_column!r}. Set it: --set dataset.file_column=NAME")
        classes = [name for name in rows[0] if name != file_column]
        found = [(row[file_column], "train", [c for c in classes if row[c] == "1"]) for row in rows]
        super().__init__(Path(root), found, classes, split)
        self.multilabel = True
        self.targets = [[label] if isinstance(label, int) else label for label in self.targets]
