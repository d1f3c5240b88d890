"""One pet on a canvas: its look, its pose, and where it is."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL.Image import Image

from zoo_images.art.bodies import POSES
from zoo_images.art.heads import head
from zoo_images.art.looks import Species, draw_look
from zoo_images.art.pen import Pen, rotation

__all__ = ["paint"]

_POSE_WEIGHTS = {"portrait": 3.0, "sitting": 3.0, "standing": 2.5, "lying": 2.0}


def paint(canvas: Image, species: Species, random: Random) -> None:
    """Draw a cat or a dog on a square canvas, in place."""
    look = draw_look(species, random)
    box, body = POSES[random.choices(list(_POSE_WEIGHTS), list(_POSE_WEIGHTS.values()))[0]]
    pen = _placed(canvas, box, random, look.edge)
    # A dog's head is small for its body, a kitten's large.
    share = random.uniform(0.9, 1.15) if species == "cat" else random.uniform(0.82, 1.05)
    body(pen, look, random)
    nod = pen.moved(random.uniform(-0.08, 0.08), random.uniform(-0.1, 0.06), share, random.uniform(-0.28, 0.28))
    head(nod, look, random)


def _placed(canvas: Image, box: tuple[float, float, float, float], random: Random, edge: tuple[int, int, int]) -> Pen:
    """A pen that puts ``box`` on the canvas: sized, turned, perhaps mirrored, not quite in the middle."""
    left, top, right, bottom = box
    scale = canvas.width * random.uniform(0.68, 1.02) / max(right - left, bottom - top)
    mirror = np.diag((random.choice((-1.0, 1.0)), 1.0))
    matrix = rotation(random.uniform(-0.16, 0.16)) @ mirror * (scale * random.uniform(0.93, 1.07), scale)
    slack = 0.5 * abs(canvas.width - scale * max(right - left, bottom - top)) + 0.04 * canvas.width
    centre = np.array([canvas.width / 2 + random.uniform(-slack, slack) for _ in range(2)])
    shift = centre - matrix @ np.array(((left + right) / 2, (top + bottom) / 2))
    return Pen(canvas, matrix, shift, edge)
