"""Counts of the pictures of which decoding loses something."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.api.images import Pixels, decode_errors, depth_of, open_image, other_unit
from zoo.errors import BadImage
from zoo.plugin import PictureValues

if TYPE_CHECKING:
    from zoo.api.models import Classifier

__all__ = ["count_depths", "decoded_with_loss", "loss_in"]


def decoded_with_loss(classifier: Classifier, picture: Any, name: str) -> tuple[Pixels, str | None]:
    """Decode an opened image, and determine what is lost of it.

    Returns:
        The pixels, and a depth as ``depth_notices`` counts it; None where nothing is lost.

    Raises:
        BadImage: the image can't be decoded.
    """
    depth = classifier.lost_of(picture)  # before it is loaded, which loses the depth
    given = PictureValues(picture) if isinstance(picture, np.ndarray) else picture
    pixels = classifier.pixels(given, name)
    return pixels, depth or other_unit(pixels, classifier.preprocessing.window)


def loss_in(classifier: Classifier, picture: Any) -> str | None:
    """What is lost of an opened image; it is decoded only for a model with a window."""
    if isinstance(classifier.preprocessing.window, list):
        return decoded_with_loss(classifier, picture, "the image")[1]
    return classifier.lost_of(picture)


def count_depths(files: Iterable[Path], lost_of: Callable[[Any], str | None] = depth_of) -> Counter[str]:
    """Count the files of each depth of which decoding loses something; files that can't be opened are ignored.

    Args:
        lost_of: returns the depth of an opened image, as :func:`loss_in` does with a model.
    """
    counts: Counter[str] = Counter()
    for file in files:
        with contextlib.suppress(BadImage, *decode_errors()):
            item = open_image(file)
            with item if hasattr(item, "close") else contextlib.nullcontext():
                counts.update(filter(None, [lost_of(item)]))
    return counts
