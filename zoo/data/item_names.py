"""Names of a dataset's items, computed on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


def name_of(dataset: Any, index: int) -> str:
    """Name of an item: from its dataset's ``name_of``, else by its number."""
    return str(dataset.name_of(index)) if hasattr(dataset, "name_of") else _numbered(index)


def _numbered(index: int) -> str:
    return f"image {index}"


class ItemNames(Sequence[str]):
    """Sequence of item names that are computed on access, since strings would dominate the memory of a large split.

    Args:
        name: returns the name of the item at an index.
        rows: (N,) int64, indices of the items.
    """

    def __init__(self, name: Callable[[int], str], rows: NDArray[np.int64]):
        self.name, self.rows = name, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self.name(int(row)) for row in self.rows[index]]
        return self.name(int(self.rows[index]))


def names_of(dataset: Any, rows: NDArray[np.int64]) -> ItemNames:
    """Names of some of a dataset's items, without a reference to a dataset that has no ``name_of``."""
    return ItemNames(partial(name_of, dataset) if hasattr(dataset, "name_of") else _numbered, rows)
