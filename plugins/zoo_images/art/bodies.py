"""Bodies: a portrait, sitting, standing side on, lying. Cats and dogs differ by tail, legs and build."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from zoo_images.art.looks import DARK, WHITE, Look
from zoo_images.art.pen import Pen, mirrored, mix, smooth

__all__ = ["POSES", "Pose"]

EDGE = 0.045

# (the box that the whole pet fills: left, top, right, bottom; how it is drawn, but for the head)
Pose = tuple[tuple[float, float, float, float], Callable[[Pen, Look, Random], None]]


def portrait(pen: Pen, look: Look, random: Random) -> None:
    """Head and shoulders, cut off by the picture's edge."""
    del random
    wide = 0.1 if look.species == "dog" else 0.0
    pen.fill(
        smooth(mirrored(((0, 0.2), (0.62 + wide, 0.5), (1.15 + wide, 1.5), (1.4 + wide, 3.6), (0, 3.8)))),
        look.coat,
        EDGE,
    )
    _chest(pen, look, 0.5, 1.0, 2.4)
    _collar(pen, look, 0.92)


def sitting(pen: Pen, look: Look, random: Random) -> None:
    """From the front, on the haunches."""
    cat = look.species == "cat"
    side = random.choice((-1, 1))
    if cat:
        rise = random.uniform(-1.2, 0.4)
        _tail(
            pen,
            look,
            np.array(((0.7, 2.8), (1.5, 3.05), (2.0, 2.5), (1.8, 1.9 + rise), (2.1, 1.5 + rise))) * (side, 1),
            0.27,
        )
    else:
        _tail(pen, look, np.array(((0.7, 2.7), (1.4, 2.7), (1.75, 2.1), (1.8, 1.75))) * (side, 1), 0.26)
    hips = 1.1 if cat else 1.02
    pen.fill(
        smooth(mirrored(((0, 0.3), (0.6, 0.6), (0.78, 1.5), (hips, 2.3), (hips, 3.0), (0, 3.12)))), look.coat, EDGE
    )
    _flank(pen, look, random, ((-0.55, 1.9), (0.55, 1.9), (0.5, 1.5), (-0.5, 1.5)))
    for s in (-1, 1):
        pen.oval(0.86 * s, 2.55, 0.36, 0.5, look.coat, edge=EDGE)
        _paw(pen, look, 0.92 * s, 3.04)
    _chest(pen, look, 0.42, 1.0, 2.1)
    for s in (-1, 1):
        _leg(pen, look, 0.3 * s, 1.7, 3.05, 0.4 if cat else 0.46)
    _collar(pen, look, 0.86)


def standing(pen: Pen, look: Look, random: Random) -> None:
    """Side on, the head at the left."""
    cat = look.species == "cat"
    low = 3.0 if cat else 3.15
    if cat:
        sway = random.uniform(-0.5, 0.5)
        _tail(pen, look, ((3.4, 1.0), (4.1, 0.75), (4.3, 0.0), (4.1 + sway, -0.7), (4.4 + sway, -1.1)), 0.25)
    else:
        lift = random.uniform(-0.5, 0.5)
        _tail(pen, look, ((3.4, 0.95), (3.9, 0.65), (4.2, 0.1 + lift), (4.1, -0.35 + lift)), 0.28)
    step = random.uniform(-0.2, 0.2)
    _leg(pen, look, 0.85 + step, 1.5, low - 0.08, 0.4, shade=0.22)
    _hind_leg(pen, look, 2.85 - step, low - 0.08, shade=0.22)
    top, belly = (0.62, 1.72) if cat else (0.5, 1.95)
    trunk = (
        (-0.1, 0.3),
        (0.9, 0.45),
        (2.2, top),
        (3.3, 0.55),
        (3.75, 1.1),
        (3.5, 1.9),
        (2.4, belly),
        (0.9, 2.05),
        (0.0, 1.6),
    )
    pen.fill(smooth(trunk), look.coat, EDGE)
    _flank(pen, look, random, ((1.3, 0.95), (1.9, 1.1), (2.5, 1.0), (3.0, 1.05)))
    _leg(pen, look, 0.35 - step, 1.4, low, 0.42)
    _hind_leg(pen, look, 3.25 + step, low)
    _collar(pen.moved(0.18, 0.05, turn=-0.35), look, 0.9)


def lying(pen: Pen, look: Look, random: Random) -> None:
    """Down, the front paws ahead."""
    cat = look.species == "cat"
    side = random.choice((-1, 1))
    flip = np.array((side, 1))
    if cat:
        _tail(pen, look, np.array(((2.3, 1.5), (2.9, 1.3), (2.9, 0.7), (2.5, 0.5))) * flip, 0.26)
    else:
        _tail(pen, look, np.array(((2.3, 1.4), (2.8, 1.0), (3.05, 0.55))) * flip, 0.26)
    body = ((-0.9, 0.7), (0.2, 0.15), (1.6, 0.1), (2.5, 0.6), (2.65, 1.3), (2.2, 1.65), (-0.6, 1.65), (-1.05, 1.3))
    pen.fill(smooth(np.array(body) * flip), look.coat, EDGE)
    _flank(pen, look, random, np.array(((1.2, 0.6), (1.6, 0.75), (2.1, 0.9), (1.4, 1.0))) * flip)
    pen.oval(1.85 * side, 1.25, 0.6, 0.46, look.coat, edge=EDGE)
    pen.oval(1.5 * side, 1.62, 0.45, 0.16, look.coat, edge=EDGE)
    _chest(pen, look, 0.45, 0.8, 1.4)
    for s in (-1, 1):
        reach = 1.75 if cat else 1.95
        pen.line(((0.4 * s, 1.35), (0.45 * s, reach - 0.15)), 0.42, look.coat, EDGE)
        _paw(pen, look, 0.46 * s, reach - 0.08)
    _collar(pen, look, 0.84)


POSES: dict[str, Pose] = {
    "portrait": ((-1.45, -1.5, 1.45, 1.7), portrait),
    "sitting": ((-1.6, -1.45, 1.6, 3.2), sitting),
    "standing": ((-1.3, -1.45, 4.4, 3.2), standing),
    "lying": ((-1.8, -1.45, 2.6, 2.0), lying),
}


def _tail(pen: Pen, look: Look, points: object, width: float) -> None:
    path = smooth(np.asarray(points, dtype=np.float64), 3, closed=False)
    tip = 0.75 if look.species == "cat" else 0.4 + 0.4 * look.fluff
    pen.line(path, width, look.coat, EDGE, tip)
    if look.marks in ("mask", "tuxedo", "patches"):
        pen.line(path[-7:], width * tip, look.light if look.marks == "tuxedo" else look.mark)
    elif look.marks == "stripes":
        for i in range(4, len(path) - 1, 5):
            pen.line(path[i : i + 2], width * tip, look.mark)


def _leg(pen: Pen, look: Look, x: float, top: float, bottom: float, width: float, shade: float = 0.0) -> None:
    coat = mix(look.coat, DARK, shade)
    thin = width * 0.4
    pen.fill(((x - width / 2, top), (x + width / 2, top), (x + thin, bottom), (x - thin, bottom)), coat)
    for side in (-1, 1):
        pen.line(((x + side * width / 2, top + 0.25), (x + side * thin, bottom)), EDGE, pen.edge)
    if look.marks == "stripes" and not shade:
        for y in np.linspace(top + 0.45, bottom - 0.3, 3).tolist():
            pen.line(((x - width * 0.4, y), (x + width * 0.1, y + 0.03)), 0.09, look.mark)
    _paw(pen, look, x - 0.03, bottom, shade)


def _hind_leg(pen: Pen, look: Look, x: float, low: float, shade: float = 0.0) -> None:
    """Seen from the side: a thigh, a hock, a paw."""
    back = np.array(((0.42, 0.95), (0.5, 1.6), (0.16, 2.1), (0.36, 2.5), (0.2, low)))
    front = np.array(((-0.2, low), (-0.06, 2.55), (-0.34, 2.15), (-0.46, 1.65), (-0.3, 1.1)))
    shift = (x, 0)
    back, front = smooth(back + shift, 2, closed=False), smooth(front + shift, 2, closed=False)
    pen.fill(np.concatenate((back, front)), mix(look.coat, DARK, shade))
    for outline in (back, front[:-4]):
        pen.line(outline, EDGE, pen.edge)
    _paw(pen, look, x - 0.06, low, shade)


def _paw(pen: Pen, look: Look, x: float, y: float, shade: float = 0.0) -> None:
    tone = look.light if look.marks == "tuxedo" else look.mark if look.marks == "mask" else look.coat
    pen.oval(x, y, 0.29, 0.17, mix(tone, DARK, shade), edge=EDGE)
    for dx in (-0.09, 0.09):
        pen.line(((x + dx, y + 0.02), (x + dx, y + 0.13)), 0.03, pen.edge)


def _chest(pen: Pen, look: Look, width: float, top: float, bottom: float) -> None:
    if look.marks in ("tuxedo", "stripes") or look.fluff > 0.6:
        points = ((0, top - 0.3), (width, top), (width * 0.7, (top + bottom) / 2), (0, bottom))
        pen.fill(smooth(mirrored(points)), look.light)


def _flank(pen: Pen, look: Look, random: Random, places: object) -> None:
    """Stripes or blotches about the given places, and hairs."""
    tones = [mix(look.coat, tone, 0.18) for tone in (WHITE, DARK)]
    for x, y in np.asarray(places, dtype=np.float64).tolist():
        if look.marks == "stripes":
            pen.fill(((x - 0.1, y - 0.35), (x + 0.1, y - 0.35), (x + 0.04, y + 0.4)), look.mark)
        elif look.marks == "patches":
            pen.oval(x, y, random.uniform(0.12, 0.34), random.uniform(0.12, 0.3), look.mark, random.uniform(0, 3))
        for i in range(5):
            u, v = x + random.uniform(-0.4, 0.4), y + random.uniform(-0.3, 0.4)
            pen.line(((u, v), (u + 0.02, v + 0.13)), 0.02, tones[i % 2])


def _collar(pen: Pen, look: Look, y: float) -> None:
    if look.collar is None:
        return
    band = smooth(((-0.68, y - 0.1), (0, y + 0.32), (0.68, y - 0.1)), 2, closed=False)
    pen.line(band, 0.17, look.collar, 0.03)
    pen.oval(0, y + 0.33, 0.12, 0.12, (236, 200, 90), edge=0.03)
