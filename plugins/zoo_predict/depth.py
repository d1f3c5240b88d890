"""Counts of the pictures of which decoding loses something."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from zoo.api.images import decode_errors, depth_of, open_image

__all__ = ["count_depths"]


def count_depths(files: Iterable[Path], lost_of: Callable[[Any], str | None] = depth_of) -> Counter[str]:
    """Count the files of each depth of which decoding loses something; files that can't be opened are ignored.

    Args:
        lost_of: returns the depth of an opened image, as ``Classifier.lost_of`` of a model does.
    """
    counts: Counter[str] = Counter()
    for file in files:
        with contextlib.suppress(*decode_errors()):
            item = open_image(file)
            with item if hasattr(item, "close") else contextlib.nullcontext():
                counts.update(filter(None, [lost_of(item)]))
    return counts
