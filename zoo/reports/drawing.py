"""Plots as SVG that stands in a page: lines, dots and words in the page's own colours, with a name for each to hover.

Every run ends with a page: to import matplotlib for its plots would take longer than a short run trains.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape

from zoo.reports.words import clean

__all__ = ["Canvas", "Labels", "Scale", "axis_number"]


def axis_number(value: float) -> str:
    """A number at an axis, in few characters."""
    if value and (abs(value) < 1e-3 or abs(value) >= 1e6):
        return f"{value:.2g}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


@dataclass(frozen=True)
class Scale:
    """From values to places, evenly, or by orders of magnitude.

    Args:
        low, high: the values at the ends.
        start, end: their places in the drawing.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values, both ends at most; of magnitudes powers of ten, and where those are few more between them."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for factors in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
                values = [factor * 10.0**power for power in powers for factor in factors]
                inside = [v for v in values if self.low * (1 - 1e-9) <= v <= self.high * (1 + 1e-9)]
                if len(inside) > 2:
                    break
            return inside or [self.low, self.high]
        if self.high <= self.low:
            return [self.low]
        rough = (self.high - self.low) / 4
        unit = 10 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(i * step, 12) for i in range(first, last + 1)]


@dataclass
class Canvas:
    """A drawing under way; what is drawn later lies above."""

    width: float
    height: float
    parts: list[str] = field(default_factory=list)

    def line(self, points: Sequence[tuple[float, float]], role: str, title: str = "", **style: object) -> None:
        """A line through points, in the colour of a ``role`` of the page (``ink``, ``line``, ``val`` …)."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._put("polyline", f'points="{path}" fill="none" stroke="var(--{role})"', title, style)

    def dot(self, x: float, y: float, role: str, title: str = "", radius: float = 5, **style: object) -> None:
        self._put("circle", f'cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="var(--{role})"', title, style)

    def rect(
        self, corner: tuple[float, float], size: tuple[float, float], role: str, title: str = "", **style: object
    ) -> None:
        """A filled rectangle from its upper left corner on."""
        (x, y), (width, height) = corner, size
        where = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self._put("rect", f'{where} fill="var(--{role})"', title, style)

    def text(
        self,
        x: float,
        y: float,
        words: object,
        anchor: str = "middle",
        role: str = "ink",
        size: int = 13,
        *,
        upright: bool = False,
    ) -> None:
        """Words at a place; ``upright`` ones are read from below."""
        where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="var(--{role})"'
        where += f' transform="rotate(-90 {x:.1f} {y:.1f})"' if upright else ""
        self.parts.append(f"<text {where}>{escape(clean(words))}</text>")

    @contextmanager
    def group(self, name: str, title: str) -> Iterator[None]:
        """Put what is drawn within into a group of a class, with a title to hover."""
        self.parts.append(f'<g class="{name}">{_title(title)}')
        yield
        self.parts.append("</g>")

    def _put(self, shape: str, what: str, title: str, style: dict[str, object]) -> None:
        more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
        self.parts.append(f"<{shape} {what}{more}>{_title(title)}</{shape}>")

    def svg(self) -> str:
        """The drawing, as wide as its place, but no wider than it was drawn for."""
        box = f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" font-family="var(--sans)"'
        return f'<svg {box} style="max-width: {self.width:.0f}px">{"".join(self.parts)}</svg>'


def _title(text: str) -> str:
    """A title to hover; its lines stay lines."""
    lines = "\n".join(map(clean, text.splitlines()))
    return f"<title>{escape(lines)}</title>" if lines else ""


@dataclass
class Labels:
    """Words beside dots, each where nothing lies yet, as far as there is such a place.

    Args:
        canvas: where they are drawn.
        dots: places of all dots.
        size: of the letters, in pixels.
    """

    canvas: Canvas
    dots: Sequence[tuple[float, float]]
    size: int = 13
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    def put(self, x: float, y: float, words: str) -> None:
        """Write words beside a dot."""
        wide = 0.58 * self.size * len(words)
        places = [(dx, dy) for dy in (-8, 18, 5, -24, 34) for dx in (10, -10)]
        dx, dy = next((p for p in places if self._free(self._box(x, y, p, wide))), places[0])
        self.taken.append(self._box(x, y, (dx, dy), wide))
        self.canvas.text(x + dx, y + dy, words, "start" if dx > 0 else "end", size=self.size)

    def _box(self, x: float, y: float, place: tuple[float, float], wide: float) -> tuple[float, float, float, float]:
        left = x + place[0] - (0 if place[0] > 0 else wide)
        return left, y + place[1] - self.size, left + wide, y + place[1] + 3

    def _free(self, box: tuple[float, float, float, float]) -> bool:
        left, top, right, bottom = box
        if left < 0 or right > self.canvas.width or top < 0:
            return False
        crossed = any(left < r and l < right and top < b and t < bottom for l, t, r, b in self.taken)  # noqa: E741
        return not crossed and not any(left - 6 < x < right + 6 and top - 6 < y < bottom + 6 for x, y in self.dots)
