"""The analysis ``groups``: every metric by group, the worst group, and the gap."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.api.compute import part_of
from zoo.api.images import Split
from zoo.api.running import Evaluated, Findings
from zoo_fairness.gaps import FEW, chance, compared_groups, gap_of
from zoo_fairness.report import forest_plot, group_lines
from zoo_fairness.values import group_values

__all__ = ["Groups"]


class Groups:
    """Every metric by group of images.

    The numbers of a group are computed as those of the split, from its images alone.

    Args:
        column: name of a column of the dataset's CSV file, or ``FILE.csv:COLUMN`` for a file with the columns ``path``
            and COLUMN.
    """

    def __init__(self, column: str = ""):
        self.column = column

    def check(self, split: Split) -> None:
        """Check that the images have the column.

        Raises:
            RequestError: they have not.
        """
        group_values(split, self.column)

    def __call__(self, evaluated: Evaluated) -> Findings:
        """Compute the numbers of each group."""
        values = group_values(evaluated.split, self.column)
        document = document_of(evaluated, values, self.column)
        title = f"Groups by {self.column}"
        lines = "\n".join(group_lines(document, evaluated.numbers.document()))
        figures = {title: drawn} if (drawn := forest_plot(document)) else {}
        return Findings(document, ((title, lines),), figures, {self.column: values})


def document_of(evaluated: Evaluated, values: Sequence[str], column: str) -> dict[str, Any]:
    """Compute the numbers of each group, and the gaps.

    Args:
        values: group of each image, (N,).

    Returns:
        ``column``, ``groups`` (name -> ``images`` and numbers), ``compared`` (names of the groups among which the worst
        and the best were chosen), ``gaps`` (metric -> ``worst``, ``best``, ``difference``, ``interval``), ``few``, and
        ``chance``, the p-value of the gap in accuracy.
    """
    member, groups = np.asarray(values), {}
    for name in sorted(set(values), key=_by_number):
        rows = np.flatnonzero(member == name)
        numbers = evaluated.score(part_of(evaluated.answers, rows))
        kept = {key: value for key, value in numbers.items() if key not in ("confusion_matrix", "baseline")}
        groups[name] = {"images": len(rows), **kept}
    compared = {name: groups[name] for name in compared_groups({name: each["images"] for name, each in groups.items()})}
    gaps = {
        metric: dataclasses.asdict(gap)
        for metric in sorted(evaluated.numbers.numbers, key="loss".__eq__)  # the loss last
        if (gap := gap_of(compared, metric, higher=metric in evaluated.higher))
    }
    found = {"column": column, "groups": groups, "compared": list(compared), "gaps": gaps, "few": FEW}
    if "accuracy" in gaps:
        sizes = [each["images"] for each in compared.values()]
        right = [round(each["accuracy"] * each["images"]) for each in compared.values()]
        found["chance"] = {"accuracy": chance(right, sizes)}
    return found


def _by_number(name: str) -> tuple[float, str]:
    """Sort key: numbers and ranges of numbers by their first number, then text."""
    digits = name.partition("-")[0].strip()
    try:
        number = float(digits)
    except ValueError:
        return math.inf, name
    return (number if math.isfinite(number) else math.inf), name
