"""Heads, seen from the front or turned a little: with the features that distinguish cats from dogs."""

from __future__ import annotations

from random import Random

import numpy as np

from zoo_images.art.ears import cornered, ears
from zoo_images.art.looks import DARK, PINK, WHITE, Look
from zoo_images.art.pen import Pen, mirrored, mix, oval, smooth

__all__ = ["head"]

EDGE = 0.045
_CAT = ((0, -0.82), (0.5, -0.8), (0.95, -0.35), (1.08, 0.25), (0.78, 0.66), (0.35, 0.84), (0, 0.88))
_DOG = ((0, -0.92), (0.5, -0.9), (0.86, -0.45), (0.86, 0.1), (0.68, 0.55), (0.5, 0.95), (0, 1.06))


def head(pen: Pen, look: Look, random: Random) -> None:
    """Draw the head of ``look``, its centre at the pen's origin, its radius about 1."""
    outline = _outline(look)
    behind = look.ears != "floppy"
    if behind:
        ears(pen, look)
    pen.fill(outline, look.coat, EDGE)
    _markings(pen, look, random)
    _fur(pen, look, random)
    if not behind:
        ears(pen, look)
    _eyes(pen, look)
    if look.species == "cat":
        _cat_muzzle(pen, look, random)
    else:
        _dog_muzzle(pen, look)


def _outline(look: Look) -> np.ndarray:
    cat = look.species == "cat"
    points = np.array(_CAT if cat else _DOG) * (look.cheek, 1.0 if cat else look.length)
    if cat and look.fluff > 0.5:
        points[4] *= 1.12
    return smooth(mirrored(points))


def _markings(pen: Pen, look: Look, random: Random) -> None:
    if look.marks == "stripes":
        _stripes(pen, look)
    elif look.marks == "patches":
        side = random.choice((-1, 1))
        pen.fill(
            smooth(np.array(((0.1, -0.8), (0.6, -0.72), (0.78, -0.2), (0.62, 0.22), (0.14, 0.1))) * (side, 1)),
            look.mark,
        )
    elif look.marks == "mask":
        pen.oval(0.2 * look.yaw, 0.28, 0.66, 0.55, look.mark)
    elif look.marks == "tuxedo":
        x = 0.16 * look.yaw
        pen.fill(
            smooth(((x, -0.7), (x + 0.14, -0.1), (x + 0.5, 0.42), (x, 0.8), (x - 0.5, 0.42), (x - 0.14, -0.1))),
            look.light,
        )


def _stripes(pen: Pen, look: Look) -> None:
    x, side_x = 0.12 * look.yaw, 0.93 * look.cheek if look.species == "cat" else 0.74 * look.cheek
    for dx, top, bottom in ((-0.3, -0.68, -0.4), (0, -0.76, -0.36), (0.3, -0.68, -0.4)):
        pen.fill(((x + dx - 0.075, top), (x + dx + 0.075, top), (x + dx * 0.6, bottom)), look.mark)
    for side in (-1, 1):
        for y in (0.12, 0.34):
            pen.fill(((side_x * side, y - 0.06), (side_x * side, y + 0.09), (0.6 * side_x * side, y + 0.04)), look.mark)


def _fur(pen: Pen, look: Look, random: Random) -> None:
    """Short hairs, pointing away from the middle of the face."""
    tones = [mix(look.coat, tone, share) for tone in (WHITE, DARK) for share in (0.12, 0.24)]
    for i in range(20):
        x, y = random.uniform(-0.62, 0.62), random.uniform(-0.66, 0.6)
        pen.line(((x, y), (x * 1.16, y * 1.16 + 0.03)), 0.02, tones[i % 4])


def _eyes(pen: Pen, look: Look) -> None:
    cat = look.species == "cat"
    for side in (-1, 1):
        x, y = (0.43 if cat else 0.38) * side + 0.13 * look.yaw, -0.06 if cat else -0.2
        if look.asleep:
            pen.line(smooth(((x - 0.2, y), (x, y + 0.14), (x + 0.2, y)), 2, closed=False), 0.05, DARK)
        elif cat:
            _cat_eye(pen, x, y, side, look)
        else:
            _dog_eye(pen, x, y, side, look)


def _cat_eye(pen: Pen, x: float, y: float, side: int, look: Look) -> None:
    almond = np.array(((-0.26, 0.09), (-0.08, -0.16), (0.16, -0.18), (0.28, -0.1), (0.14, 0.14), (-0.08, 0.18)))
    pen.fill(smooth(almond * (1.16 * side, 1.16) + (x, y)), DARK)
    pen.fill(smooth(almond * (side * 0.94, 0.94) + (x, y)), look.eye)
    pen.oval(x + 0.03 * look.yaw, y - 0.01, 0.035 + 0.09 * (look.pupil - 0.25), 0.145, DARK)
    pen.oval(x + 0.05, y - 0.07, 0.038, 0.038, WHITE)


def _dog_eye(pen: Pen, x: float, y: float, side: int, look: Look) -> None:
    size = 0.15
    pen.oval(x, y, size * 1.25, size * 1.15, DARK)
    pen.oval(x, y, size, size, look.eye)
    pen.oval(x + 0.02 * look.yaw, y, size * look.pupil, size * look.pupil, DARK)
    pen.oval(x + 0.05, y - 0.05, 0.045, 0.045, WHITE)
    pen.oval(x + 0.04 * side, y - 0.3, 0.11, 0.05, mix(look.coat, look.light, 0.7), turn=0.3 * side)


def _cat_muzzle(pen: Pen, look: Look, random: Random) -> None:
    x, y = 0.2 * look.yaw, 0.4
    pale = look.light if look.marks != "mask" else mix(look.mark, look.light, 0.25)
    pen.oval(x, y + 0.2, 0.2, 0.16, pale)
    for side in (-1, 1):
        pen.oval(x + 0.17 * side, y, 0.23, 0.18, pale)
    if look.tongue:
        pen.oval(x, y + 0.2, 0.08, 0.1, PINK)
    pen.line(((x, y - 0.12), (x, y + 0.06)), 0.03, DARK)
    for side in (-1, 1):
        pen.line(smooth(((x, y + 0.05), (x + 0.1 * side, y + 0.17), (x + 0.25 * side, y + 0.07)), 2, False), 0.03, DARK)
    pen.fill(smooth(cornered(((x - 0.13, y - 0.2), (x + 0.13, y - 0.2), (x, y - 0.05))), 1), look.nose)
    _whiskers(pen, x, y, look, random)


def _whiskers(pen: Pen, x: float, y: float, look: Look, random: Random) -> None:
    tone = mix(DARK, WHITE, 0.25) if sum(look.coat) > 3 * 170 else WHITE
    droop = random.uniform(-0.1, 0.25)
    for side in (-1, 1):
        for k in (-1, 0, 1):
            reach = random.uniform(1.0, 1.3)
            start, end = (x + 0.22 * side, y + 0.05 * k), (x + (0.25 + reach) * side, y + 0.24 * k + droop)
            middle = (x + 0.7 * side, y + 0.13 * k - 0.04)
            pen.line(smooth((start, middle, end), 2, closed=False), 0.018, tone)


def _dog_muzzle(pen: Pen, look: Look) -> None:
    x, y = 0.24 * look.yaw, 0.5
    pale = look.light if look.marks != "mask" else mix(look.mark, DARK, 0.15)
    if look.tongue:
        tongue = ((-0.17, 0.2), (0.17, 0.2), (0.19, 0.6), (0, 0.78), (-0.19, 0.6))
        pen.fill(smooth(np.add(tongue, (x, y))), (226, 112, 124), EDGE * 0.7)
        pen.line(((x, y + 0.3), (x, y + 0.58)), 0.03, (190, 80, 96))
    muzzle = mirrored(((0, -0.5), (0.26, -0.42), (0.46, 0.0), (0.46, 0.3), (0.22, 0.42), (0, 0.36)))
    pen.fill(smooth(np.array(muzzle) * (look.cheek, look.length) + (x, y)), pale)
    x += 0.08 * look.yaw
    pen.line(((x, y - 0.15), (x, y + 0.14)), 0.035, DARK)
    for side in (-1, 1):
        pen.line(
            smooth(((x, y + 0.12), (x + 0.17 * side, y + 0.3), (x + 0.38 * side, y + 0.14)), 2, False), 0.035, DARK
        )
        for dx, dy in ((0.2, 0.02), (0.29, 0.09), (0.18, 0.13)):
            pen.oval(x + dx * side, y + dy, 0.016, 0.016, mix(pale, DARK, 0.6))
    pen.fill(
        smooth(
            np.array(((-0.2, -0.34), (0.2, -0.34), (0.21, -0.2), (0.07, -0.06), (-0.07, -0.06), (-0.21, -0.2))) * 1.15
            + (x, y + 0.03)
        ),
        look.nose,
    )
    pen.fill(oval(x - 0.06, y - 0.29, 0.08, 0.035), mix(look.nose, WHITE, 0.55))
