"""Ears: a cat's triangles, a dog's floppy, folded or upright ones."""

from __future__ import annotations

import numpy as np

from zoo_images.art.looks import DARK, PINK, Look
from zoo_images.art.pen import Colour, Pen, Points, mix, smooth

__all__ = ["cornered", "ears"]

EDGE = 0.045


def ears(pen: Pen, look: Look) -> None:
    """Draw both ears; floppy ones hang before the head, the others stand behind it."""
    tone = look.mark if look.marks in ("mask", "patches") else look.coat
    for side in (-1, 1):
        # The ear on the far side of a turned head is seen narrower.
        width = look.ear_size * (1 - 0.22 * side * look.yaw)
        if look.ears == "floppy":
            _floppy_ear(pen, side, width, look, mix(tone, DARK, 0.18))
        elif look.species == "cat":
            _cat_ear(pen, side, width, look, tone)
        else:
            _dog_ear(pen, side, width, look, tone)


def _cat_ear(pen: Pen, side: int, width: float, look: Look, tone: Colour) -> None:
    tip = (0.82, -1.42) if look.ears == "pricked" else (0.98, -0.98)
    ear = np.array(((0.98, -0.2), tip, (0.14, -0.74))) * (look.cheek, 1.0)
    ear[1] = ear.mean(axis=0) + (ear[1] - ear.mean(axis=0)) * width
    for points, colour, edge in ((ear, tone, EDGE), (_shrunk(ear, 0.6), mix(PINK, look.coat, 0.35), 0.0)):
        pen.fill(smooth(cornered(points) * (side, 1), 1), colour, edge)


def _dog_ear(pen: Pen, side: int, width: float, look: Look, tone: Colour) -> None:
    """Upright with a rounded tip, or with the tip folded over."""
    if look.ears == "pricked":
        ear = np.array(((0.88, -0.3), (0.98, -1.0), (0.82, -1.55), (0.5, -1.25), (0.22, -0.78)))
        ear *= (1, 0.8 + 0.2 * width)
        pen.fill(smooth(ear * (side, 1)), tone, EDGE)
        pen.fill(smooth(_shrunk(ear, 0.58) * (side, 1)), mix(PINK, look.coat, 0.5))
        return
    base = np.array(((0.9, -0.35), (0.98, -0.85), (0.7, -1.12), (0.3, -0.82)))
    flap = np.array(((0.4, -1.02), (0.85, -1.15), (1.1, -0.85), (1.22 * width, -0.28), (0.9, -0.55)))
    pen.fill(smooth(base * (side, 1)), tone, EDGE)
    pen.fill(smooth(flap * (side, 1)), mix(tone, DARK, 0.15), EDGE)


def _floppy_ear(pen: Pen, side: int, width: float, look: Look, tone: Colour) -> None:
    drop = 0.35 + 0.55 * look.ear_size * look.length
    ear = ((0.42, -0.9), (0.9, -0.86), (1.28 * width, -0.2), (1.26 * width, drop), (0.86, drop - 0.05), (0.74, -0.1))
    pen.fill(smooth(np.array(ear) * (side, 1)), tone, EDGE)


def _shrunk(points: np.ndarray, share: float) -> np.ndarray:
    """Towards the middle; the base of an ear lies behind the head, so its middle is a good one."""
    middle = points.mean(axis=0)
    shrunk: np.ndarray = middle + (points - middle) * share
    return shrunk


def cornered(points: Points) -> np.ndarray:
    """Each side's ends twice, close to the corners, so that smoothing rounds the corners only a little."""
    p = np.asarray(points, dtype=np.float64)
    q = np.roll(p, -1, axis=0)
    return np.stack((p + 0.12 * (q - p), q - 0.12 * (q - p)), axis=1).reshape(-1, 2)
