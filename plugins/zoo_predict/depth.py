"""Counts of the pictures that have more than 8 bits per channel."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from zoo.api.images import ValuesKept, decode_errors, loses_values, open_image

__all__ = ["count_depths"]


def count_depths(files: Iterable[Path], values: ValuesKept = "8-bit") -> Counter[str]:
    """Count the files of each depth of which decoding loses something; files that can't be opened are ignored.

    Args:
        values: the values that decoding keeps.
    """
    counts: Counter[str] = Counter()
    for file in files:
        with contextlib.suppress(*decode_errors()):
            item = open_image(file)
            with item if hasattr(item, "close") else contextlib.nullcontext():
                counts.update(filter(None, [loses_values(item, values)]))
    return counts
