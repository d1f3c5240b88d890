"""The costs of mistakes, read from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.plugins import did_you_mean
from zoo.errors import RequestError
from zoo.storage import read_mapping

__all__ = ["read_costs"]

NOT_SURE = "not sure"


def read_costs(path: Path, classes: list[str]) -> NDArray[np.float64]:
    """Read a cost matrix from a YAML file: ``not sure: 1``, and ``cat: {dog: 5}`` for a cat predicted as a dog.

    The default cost is 1, and 0 for a correct prediction. ``not sure`` may also be among a class's costs.

    Raises:
        RequestError: the file can't be read, names an unknown class, or has a negative or non-numeric cost.
    """
    given = read_mapping(path, f"costs: write {NOT_SURE}: 1, and {classes[0]}: {{{classes[-1]}: 5}}")
    place = {**{name: i for i, name in enumerate(classes)}, NOT_SURE: len(classes)}
    costs = np.ones((len(classes), len(classes) + 1))
    np.fill_diagonal(costs, 0.0)
    costs[:, -1] = _cost(path, given.get(NOT_SURE, 1.0))
    for true, row in given.items():
        if true == NOT_SURE:
            continue
        if str(true) not in place or not isinstance(row, Mapping):
            raise RequestError(
                f"{path}: {true!r} is not a class with its costs.{did_you_mean(str(true), classes)} "
                f"Write: {classes[0]}: {{{classes[-1]}: 5}}, and {NOT_SURE}: 1"
            )
        for answer, value in row.items():
            if str(answer) not in place:
                raise RequestError(f"{path}: there is no class {answer!r}.{did_you_mean(str(answer), place)}")
            costs[place[str(true)], place[str(answer)]] = _cost(path, value)
    return costs


def _cost(path: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise RequestError(f"{path}: a cost must be a number of at least 0, not {value!r}.")
    return float(value)
