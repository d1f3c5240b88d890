"""Times of images, from text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError

_EXIF = re.compile(r"(\d{4}):(\d\d):(\d\d)( .*)?")
_MONTH = re.compile(r"\d{4}-\d\d")


def parse_times(texts: Sequence[str], names: Sequence[str], column: str) -> NDArray[np.float64]:
    """Convert times to numbers that have their order, (N,).

    Args:
        texts: numbers, such as years or seconds, or dates of ISO 8601, such as ``2026-11-30`` and
            ``2026-11-30T10:15:00+01:00``, or of EXIF, such as ``2026:11:30 10:15:00``.
        names: names of the images, for messages.
        column: name of the times, for messages.

    Raises:
        DataError: a text is blank or no time, or only some of the times have a time zone.
    """
    numbers = [_number(text) for text in texts]
    if all(value is not None for value in numbers):
        return np.array(numbers, np.float64)
    found = [_date(text) for text in texts]
    read: Sequence[object] = numbers if sum(v is not None for v in numbers) > len(texts) / 2 else found
    for text, name, value in zip(texts, names, read, strict=True):
        if value is None:
            what = f"is {text!r}, which is not a {'number' if read is numbers else 'date'}" if text else "is blank"
            raise DataError(
                f"The {column} of {name} {what}. Use dates such as 2026-11-30 or 2026-11-30 10:15, or numbers, in all "
                "rows; or leave out --time."
            )
    dates = [value for value in found if value is not None]
    zoned = [value.tzinfo is not None for value in dates]
    if any(zoned) and not all(zoned):
        raise DataError(
            f"Some values of {column} have a time zone and others have none (that of {names[zoned.index(False)]}), so "
            "they have no order. Add the zone to all of them, or remove it."
        )
    return np.array([(d if d.tzinfo else d.replace(tzinfo=UTC)).timestamp() for d in dates], np.float64)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _date(text: str) -> datetime | None:
    if found := _EXIF.fullmatch(text):
        text = f"{found[1]}-{found[2]}-{found[3]}{found[4] or ''}"
    if _MONTH.fullmatch(text):
        text = f"{text}-01"
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
