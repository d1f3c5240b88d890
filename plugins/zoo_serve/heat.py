"""Heat maps as pictures in a colour scale, to be laid over what the network saw."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["STOPS", "heat_picture"]

STOPS = ("#000004", "#57106e", "#bc3754", "#f98e09", "#fcffa4")
"""Colours from no evidence to the most, evenly spaced: matplotlib's perceptually uniform ``inferno``."""
_SIDE = 64  # Grad-CAM's own resolution is lower: more pixels would hold nothing more


def heat_picture(heat: NDArray[np.float32]) -> bytes | None:
    """Draw a heat map as a PNG; None where the map is zero everywhere.

    Args:
        heat: (H, W) float32 in 0..1.
    """
    if not heat.any():
        return None
    side = min(_SIDE, heat.shape[0])
    small = np.asarray(Image.fromarray(heat).resize((side, side), Image.Resampling.BILINEAR))
    colours = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in STOPS], np.float32)
    places = np.linspace(0, 1, len(STOPS))
    rgb = np.stack([np.interp(small, places, colours[:, i]) for i in range(3)], axis=-1)
    written = BytesIO()
    Image.fromarray(np.rint(rgb).astype(np.uint8)).save(written, "PNG")
    return written.getvalue()
