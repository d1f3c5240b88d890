"""Things in a scene, drawn where either animal may be, and the colours of rooms and gardens."""

from __future__ import annotations

from random import Random

from PIL import ImageDraw

from zoo_images.art.pen import Colour, mix

__all__ = [
    "BLACK",
    "FLOORS",
    "GRASS",
    "SKIES",
    "WALLS",
    "WHITE",
    "boards",
    "fence",
    "flowers",
    "plant",
    "rug",
    "toy",
    "window",
]

WALLS: tuple[Colour, ...] = (
    (236, 224, 204), (203, 222, 232), (222, 205, 224), (209, 226, 200), (244, 205, 180), (178, 196, 205),
    (120, 144, 150), (92, 100, 128), (160, 120, 110), (224, 196, 130), (90, 118, 98), (198, 150, 160),
)  # fmt: skip
FLOORS: tuple[Colour, ...] = (
    (176, 128, 86), (140, 98, 66), (206, 172, 128), (150, 150, 152), (108, 96, 100), (190, 104, 92), (96, 116, 140),
)  # fmt: skip
GRASS: tuple[Colour, ...] = ((122, 166, 82), (96, 140, 76), (150, 176, 96), (176, 160, 98))
SKIES: tuple[Colour, ...] = ((176, 212, 236), (206, 226, 236), (240, 208, 180), (168, 178, 200))
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (20, 18, 22)


def window(draw: ImageDraw.ImageDraw, random: Random, size: int) -> None:
    """A window, or a picture on the wall."""
    x, y = random.uniform(-0.1, 0.8) * size, random.uniform(-0.1, 0.2) * size
    w, h = random.uniform(0.2, 0.4) * size, random.uniform(0.25, 0.4) * size
    draw.rectangle((x - 7, y - 7, x + w + 7, y + h + 7), fill=random.choice((WHITE, (120, 84, 60), (224, 214, 200))))
    draw.rectangle((x, y, x + w, y + h), fill=random.choice(SKIES + GRASS))
    if random.random() < 0.6:
        draw.line((x + w / 2, y, x + w / 2, y + h), fill=WHITE, width=5)


def plant(draw: ImageDraw.ImageDraw, random: Random, size: int, horizon: int) -> None:
    """A plant in a pot, at the wall."""
    x, pot, leaf = random.uniform(0, size), random.choice(FLOORS), random.choice(GRASS)
    for _ in range(9):
        dx, dy, r = random.uniform(-46, 46), random.uniform(50, 120), random.uniform(10, 22)
        draw.line((x, horizon - 30, x + dx, horizon - dy), fill=mix(leaf, BLACK, 0.3), width=4)
        draw.ellipse((x + dx - r, horizon - dy - r * 0.6, x + dx + r, horizon - dy + r * 0.6), fill=leaf)
    draw.polygon(((x - 26, horizon - 40), (x + 26, horizon - 40), (x + 18, horizon), (x - 18, horizon)), fill=pot)


def boards(draw: ImageDraw.ImageDraw, random: Random, size: int, horizon: int, floor: Colour) -> None:
    """Floorboards, seen in depth or across."""
    seam = mix(floor, BLACK, 0.22)
    if random.random() < 0.4:
        for x in range(-size, 2 * size, 56):
            draw.line((size / 2 + (x - size / 2) * 0.6, horizon, x, size), fill=seam, width=2)
    elif random.random() < 0.6:
        y, gap = float(horizon), 10.0
        while y < size:
            draw.line((0, y, size, y), fill=seam, width=2)
            y, gap = y + gap, gap * 1.35


def rug(draw: ImageDraw.ImageDraw, random: Random, size: int, horizon: int) -> None:
    """A round rug."""
    x, w = random.uniform(0.3, 0.7) * size, random.uniform(0.35, 0.6) * size
    y, h = (horizon + size) / 2, (size - horizon) * 0.42
    colour = random.choice(WALLS + FLOORS)
    for share, tone in ((1.0, colour), (0.85, mix(colour, WHITE, 0.4)), (0.75, colour)):
        draw.ellipse((x - w * share, y - h * share, x + w * share, y + h * share), fill=tone)


def toy(draw: ImageDraw.ImageDraw, random: Random, size: int, horizon: int) -> None:
    """A ball or a bowl, for either."""
    x, y, r = random.choice((0.1, 0.16, 0.86, 0.92)) * size, random.uniform(horizon + 10, size), random.uniform(12, 24)
    colour = random.choice(((206, 62, 58), (70, 128, 190), (196, 210, 64), (240, 160, 60), (160, 90, 170)))
    if random.random() < 0.6:
        draw.ellipse((x - r, y - 2 * r, x + r, y), fill=colour)
        draw.arc((x - r, y - 1.7 * r, x + 1.6 * r, y + r), 170, 270, fill=mix(colour, WHITE, 0.6), width=4)
    else:
        draw.polygon(((x - r, y - r), (x + r, y - r), (x + 1.4 * r, y), (x - 1.4 * r, y)), fill=colour)
        draw.ellipse((x - r, y - r - 5, x + r, y - r + 5), fill=mix(colour, BLACK, 0.5))


def fence(draw: ImageDraw.ImageDraw, random: Random, size: int, horizon: int) -> None:
    """A fence of pickets."""
    colour, top = random.choice((WHITE, (150, 112, 82), (196, 180, 160))), horizon - random.randint(40, 90)
    for y in (top + 18, horizon - 18):
        draw.rectangle((0, y - 4, size, y + 4), fill=mix(colour, BLACK, 0.12))
    for x in range(random.randint(-20, 0), size, 34):
        draw.polygon(((x, horizon), (x, top + 8), (x + 9, top), (x + 18, top + 8), (x + 18, horizon)), fill=colour)


def flowers(draw: ImageDraw.ImageDraw, random: Random, size: int, horizon: int) -> None:
    """Flowers in the grass."""
    for _ in range(random.randint(4, 12)):
        x, y, r = random.uniform(0, size), random.uniform(horizon, size), random.uniform(3, 6)
        colour = random.choice((WHITE, (240, 210, 70), (226, 110, 130), (160, 120, 210)))
        for dx, dy in ((r, 0), (-r, 0), (0, r), (0, -r)):
            draw.ellipse((x + dx - r, y + dy - r, x + dx + r, y + dy + r), fill=colour)
        draw.ellipse((x - r * 0.7, y - r * 0.7, x + r * 0.7, y + r * 0.7), fill=(250, 226, 120))
