"""A pen that draws smooth shapes in a pet's own coordinates, wherever the pet is, however it is turned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import ImageDraw
from PIL.Image import Image

__all__ = ["Colour", "Pen", "Points", "mirrored", "mix", "oval", "smooth"]

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]] | np.ndarray

_THIN = 3.5  # pixels: below, the corners and ends of a line need no care
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 29)[:-1]), np.sin(np.linspace(0, 2 * np.pi, 29)[:-1])], axis=1)


class Pen:
    """Draws on ``image`` through an affine map: ``matrix`` (2, 2) and ``shift`` (2,), in pixels.

    Lengths are in the pet's unit (its head's radius); y points down.
    """

    def __init__(self, image: Image, matrix: np.ndarray, shift: np.ndarray, edge: Colour) -> None:
        self.image = image
        self.draw = ImageDraw.Draw(image)
        self.matrix = matrix
        self.shift = shift
        self.edge = edge
        self.unit = math.sqrt(abs(float(np.linalg.det(matrix))))

    def moved(self, x: float, y: float, scale: float = 1.0, turn: float = 0.0) -> Pen:
        """A pen whose origin is at (x, y) of this one, scaled, and turned by ``turn`` radians."""
        inner = scale * rotation(turn)
        return Pen(self.image, self.matrix @ inner, self.matrix @ np.array((x, y)) + self.shift, self.edge)

    def fill(self, points: Points, colour: Colour, edge: float = 0.0) -> None:
        """Fill a polygon; ``edge`` is the width of its outline."""
        placed = self._place(points)
        self.draw.polygon(placed, fill=colour)
        if edge:
            self.draw.line([*placed, placed[0]], fill=self.edge, width=self._width(edge))

    def oval(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, turn: float = 0.0, edge: float = 0.0
    ) -> None:
        """Fill an ellipse with the centre (x, y)."""
        self.fill(oval(x, y, rx, ry, turn), colour, edge)

    def line(self, points: Points, width: float, colour: Colour, edge: float = 0.0, tip: float = 1.0) -> None:
        """Draw a line with round ends; ``edge`` outlines it, ``tip`` is the last point's share of the width."""
        path = np.asarray(points, dtype=np.float64) @ self.matrix.T + self.shift
        if edge:
            self._line(path, (width + 2 * edge) * self.unit, self.edge, tip)
        self._line(path, width * self.unit, colour, tip)

    def _line(self, path: np.ndarray, width: float, colour: Colour, tip: float) -> None:
        if width < _THIN:
            self.draw.line(_pairs(path), fill=colour, width=max(1, round(width)))
            return
        self.draw.polygon(_pairs(_ribbon(path, width, tip)), fill=colour)
        for (x, y), r in ((path[0], width / 2), (path[-1], width * tip / 2)):
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def _place(self, points: Points) -> list[tuple[float, float]]:
        return _pairs(np.asarray(points, dtype=np.float64) @ self.matrix.T + self.shift)

    def _width(self, width: float) -> int:
        return max(1, round(width * self.unit))


def rotation(angle: float) -> np.ndarray:
    """The (2, 2) matrix that turns by ``angle`` radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array(((c, -s), (s, c)))


def oval(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> np.ndarray:
    """(28, 2): an ellipse."""
    around: np.ndarray = _CIRCLE * (rx, ry) @ rotation(turn).T + np.array((x, y))
    return around


def smooth(points: Points, rounds: int = 3, closed: bool = True) -> np.ndarray:
    """Round a polygon's corners by cutting them (Chaikin, 1974); an open line keeps its ends."""
    p = np.asarray(points, dtype=np.float64)
    cut: np.ndarray = _cutting(len(p), rounds, closed) @ p
    return cut


@cache
def _cutting(count: int, rounds: int, closed: bool) -> np.ndarray:
    """Cutting corners is linear: the matrix (M, count) that does it to ``count`` points, kept for its speed."""
    p = np.eye(count)
    for _ in range(rounds):
        q = np.roll(p, -1, axis=0) if closed else p[1:]
        p0 = p if closed else p[:-1]
        cut = np.stack((0.75 * p0 + 0.25 * q, 0.25 * p0 + 0.75 * q), axis=1).reshape(-1, count)
        p = cut if closed else np.concatenate((p[:1], cut, p[-1:]))
    return p


def _ribbon(path: np.ndarray, width: float, tip: float) -> np.ndarray:
    """The outline of a thick line whose width goes evenly from ``width`` to ``tip`` of it."""
    along = np.empty_like(path)
    along[1:-1] = path[2:] - path[:-2]
    along[0], along[-1] = path[1] - path[0], path[-1] - path[-2]
    across = along[:, ::-1] * (-0.5, 0.5) / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    across *= np.linspace(width, width * tip, len(path))[:, None]
    return np.concatenate((path + across, (path - across)[::-1]))


def _pairs(points: np.ndarray) -> list[tuple[float, float]]:
    return list(map(tuple, points.tolist()))


def mirrored(points: Points) -> list[tuple[float, float]]:
    """The right half of an outline, from top to bottom, and its mirror image: the whole outline."""
    right = [(float(x), float(y)) for x, y in points]
    left = [(-x, y) for x, y in reversed(right) if x != 0]
    return right + left


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """``share`` of b in a."""
    r, g, bl = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return r, g, bl
