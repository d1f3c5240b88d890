"""Charts with two axes of numbers: a grid, curves and dots, and a legend above them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from zoo.reports.drawing import Canvas, Scale, axis_number

__all__ = ["Chart", "padded", "text_width"]

LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 46
SIZE = 12
"""Of the letters at the axes, in pixels."""

COLUMNS = 120
"""At most so many columns to hover: the plot has few pixels for each."""

Point = tuple[float, float]


def padded(values: Iterable[float]) -> tuple[float, float]:
    """The range of the finite values, a twentieth wider at both ends."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)
    room = (high - low) / 20 or max(abs(high), 1) / 20
    return low - room, high + room


def text_width(text: str, size: int = SIZE) -> float:
    """About how wide a text is, in pixels."""
    return 0.58 * size * len(text)


class Chart:
    """Axes on a canvas.

    Args:
        size: width and height in pixels.
        x, y: the range of each axis, its ends.
        x_label, y_label: what each axis measures, with its unit.
        whole_x: mark whole numbers alone on the x axis.
    """

    def __init__(self, size: Point, x: Point, y: Point, x_label: str, y_label: str, *, whole_x: bool = False) -> None:
        self.canvas = Canvas(*size)
        self.x = Scale(*x, LEFT, size[0] - RIGHT)
        self.y = Scale(*y, size[1] - BOTTOM, TOP)
        self._legend_end: float = LEFT
        self._grid(whole_x)
        self.canvas.text((LEFT + size[0] - RIGHT) / 2, size[1] - 8, x_label, size=SIZE)
        self.canvas.text(14, (TOP + size[1] - BOTTOM) / 2, y_label, size=SIZE, upright=True)

    def _grid(self, whole_x: bool) -> None:
        left, right, top, bottom = self.x.start, self.x.end, self.y.end, self.y.start
        for value in self.x.ticks():
            if not whole_x or value == round(value):
                self.canvas.line([(self.x.at(value), top), (self.x.at(value), bottom)], "line")
                self.canvas.text(self.x.at(value), bottom + 17, axis_number(value), role="soft", size=SIZE)
        for value in self.y.ticks():
            self.canvas.line([(left, self.y.at(value)), (right, self.y.at(value))], "line")
            self.canvas.text(left - 6, self.y.at(value) + 4, axis_number(value), "end", "soft", SIZE)

    def at(self, point: Point) -> Point:
        """Where a point lies on the canvas."""
        return self.x.at(point[0]), self.y.at(point[1])

    def curve(self, points: Sequence[Point], role: str, width: float = 2, **style: Any) -> None:
        """A line through points; where one is not finite there is a gap."""
        piece: list[Point] = []
        for point in [*points, (math.nan, math.nan)]:
            if all(map(math.isfinite, point)):
                piece.append(self.at(point))
                continue
            if len(piece) > 1:
                self.canvas.line(piece, role, stroke_width=width, stroke_linejoin="round", **style)
            piece = []

    def dots(self, points: Sequence[Point], role: str, titles: Iterable[str], radii: Iterable[float]) -> None:
        """A dot for each finite point, with a title to hover and a radius in pixels."""
        for point, title, radius in zip(points, titles, radii, strict=True):
            if all(map(math.isfinite, point)):
                self.canvas.dot(*self.at(point), role, title, radius)

    def columns(self, titles: Sequence[tuple[float, str]], curves: Mapping[str, Sequence[Point]]) -> None:
        """A column to hover for each x: its title, a line, and a dot on each curve; of very many, some.

        Args:
            titles: ``(x, title)``, the x ascending.
            curves: role -> points.
        """
        step = math.ceil(len(titles) / COLUMNS)
        shown = titles[::-1][::step][::-1]  # the last one is always there
        places = [self.x.at(x) for x, _ in shown]
        edges = [self.x.start, *(sum(pair) / 2 for pair in pairwise(places)), self.x.end]
        for (x, title), place, (left, right) in zip(shown, places, pairwise(edges), strict=True):
            with self.canvas.group("at", title):
                size = (right - left, self.y.start - self.y.end)
                self.canvas.rect((left, self.y.end), size, "ink", fill_opacity=0)
                self.canvas.line([(place, self.y.start), (place, self.y.end)], "soft")
                for role, points in curves.items():
                    self.dots([point for point in points if point[0] == x], role, [""], [4])

    def legend(self, role: str, words: str, *, dot: bool = False) -> None:
        """Say what is drawn in a colour, to the right of what was said before."""
        x, y = self._legend_end, TOP - 18
        if dot:
            self.canvas.dot(x + 9, y, role, radius=4.5)
        else:
            self.canvas.line([(x, y), (x + 18, y)], role, stroke_width=3)
        self.canvas.text(x + 24, y + 4, words, "start", size=SIZE)
        self._legend_end = x + 42 + text_width(words)

    def svg(self) -> str:
        """The chart as SVG for a page."""
        return self.canvas.svg()
