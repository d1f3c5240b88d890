"""Analyses."""

from __future__ import annotations

from typing import Any


class Good:
    """Good, of the number of images that are listed.

    Args:
        most: number of images.
    """

    def __init__(self, most: int = 3):
        self.most = most

    def __call__(self, evaluated: Any) -> None:
        return None
