"""Attributes of images: values by name, such as the camera of each photograph, for numbers by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ContractError

__all__ = ["Attributes", "attributes_of"]


class Attributes(Mapping[str, Sequence[str]]):
    """Values of some of a dataset's images by name, read on access, since those of all would fill the memory.

    Args:
        whole: values of all images of the dataset by name.
        rows: int64 (N,), indices of the images.
        count: number of images of the dataset.
    """

    def __init__(self, whole: Mapping[str, Sequence[Any]], rows: NDArray[np.int64], count: int):
        self.whole, self.rows, self.count = whole, rows, count

    def __getitem__(self, name: str) -> list[str]:
        """Look up the values of the N images; what is missing, None or NaN, is the empty text.

        Raises:
            ContractError: the number of values is not the number of images.
        """
        values = self.whole[name]
        if len(values) != self.count:
            raise ContractError(
                f".attributes[{name!r}] of a dataset must have a value for each of its {self.count} images, not "
                f"{len(values)}"
            )
        return [_text(values[int(row)]) for row in self.rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self.whole)

    def __len__(self) -> int:
        return len(self.whole)

    def part(self, indices: NDArray[np.int64]) -> Attributes:
        """Those of some of the images."""
        return Attributes(self.whole, self.rows[indices], self.count)


def attributes_of(dataset: Any, rows: NDArray[np.int64]) -> Attributes | None:
    """Attributes of some of a dataset's images from its ``.attributes``; None for a dataset without any.

    Raises:
        ContractError: they are not a mapping.
    """
    whole = getattr(dataset, "attributes", None)
    if whole is None:
        return None
    if not isinstance(whole, Mapping):
        raise ContractError(f".attributes of a dataset must map names to values, not be {type(whole).__name__}")
    return Attributes(whole, rows, len(dataset))


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)
