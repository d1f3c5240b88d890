"""Counts of the pictures that have more than 8 bits per channel."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from zoo.api.images import decode_errors, depth_of, open_image

__all__ = ["count_depths"]


def count_depths(files: Iterable[Path]) -> Counter[str]:
    """Count the files of each bit depth above 8; files that can't be opened are ignored."""
    counts: Counter[str] = Counter()
    for file in files:
        with contextlib.suppress(*decode_errors()):
            item = open_image(file)
            with item if hasattr(item, "close") else contextlib.nullcontext():
                counts.update(filter(None, [depth_of(item)]))
    return counts
