"""What a dataset's factory can tell of its images before it is opened: a job's defaults follow it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ARRAYS, PAGES = (".npy",), (".tif", ".tiff")
"""Files that may have any number of channels, by suffix; any other is grey or colour, and need not be opened."""


def peek(factory: Callable[..., Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """What ``factory.peek(**params)`` says, if there is one.

    Returns:
        Any of ``multilabel`` (bool) and ``in_chans`` (int), the latter also from the image whose path is ``first``.

    Raises:
        ZooError: as the dataset does, when it is opened.
    """
    ask = getattr(factory, "peek", None)
    found = dict(ask(**params)) if callable(ask) else {}
    if found.get("multilabel") is None:
        found["multilabel"] = getattr(factory, "multilabel", False) is True
    first = found.pop("first", None)
    if found.get("in_chans") is None and first is not None and Path(first).suffix.lower() in (*ARRAYS, *PAGES):
        found["in_chans"] = _channels(Path(first))
    return found


def _channels(path: Path) -> int | None:
    """The channels of an image that is neither grey nor colour, else None; also where it can't be read."""
    from zoo.data.decode import channels_of, decode_errors, open_image

    try:
        image = open_image(path)
        with image if hasattr(image, "close") else contextlib.nullcontext():
            return channels_of(image)
    except decode_errors():
        return None
