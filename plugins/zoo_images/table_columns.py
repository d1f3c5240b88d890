"""Further columns of a CSV file as attributes of its images, read on access."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from zoo.errors import DataError
from zoo_images.tree import composed

__all__ = ["TableColumns"]


class TableColumns(Mapping[str, Sequence[str]]):
    """The columns of a file that describe its images: all but those of paths, labels and splits.

    Args:
        table: the file.
        own: headers of the columns of paths, labels and splits.
        lines: numbers of the images' rows, from 0.
    """

    def __init__(self, table: Path, own: Sequence[str], lines: Sequence[int]):
        self.table, self.lines = table, lines
        self.header = _header(table)
        self.names = [name for name in self.header if name and name not in own]

    def __getitem__(self, name: str) -> list[str]:
        """Read a column: the value of each image, without white space around it.

        Raises:
            KeyError: there is no such column.
            DataError: the file was shortened since the dataset was opened.
        """
        if name not in self.names:
            raise KeyError(name)
        place = self.header.index(name)
        with self.table.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines)
            next(rows)
            cells = [row[place].strip() if place < len(row) else "" for row in rows if row]
        if self.lines and max(self.lines) >= len(cells):
            raise DataError(f"{self.table} was changed while it was read. Type the command again.")
        return [cells[line] for line in self.lines]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _header(table: Path) -> list[str]:
    with table.open(encoding="utf-8-sig", newline="") as lines:
        return [composed(name.strip()) for name in next(csv.reader(lines), [])]
