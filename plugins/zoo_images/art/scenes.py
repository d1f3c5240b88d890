"""What is behind a pet, and the light on the whole: drawn alike for cats and dogs, so that they are no clue."""

from __future__ import annotations

from functools import cache
from random import Random

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageEnhance
from PIL.Image import Image

from zoo_images.art import props
from zoo_images.art.pen import Colour, mix
from zoo_images.art.props import BLACK, FLOORS, GRASS, SKIES, WALLS, WHITE

__all__ = ["backdrop", "finish"]


def backdrop(random: Random, size: int) -> Image:
    """A new (size, size) RGB scene: a room, a garden, a patterned wall or a blur."""
    return random.choice((_room, _room, _garden, _garden, _pattern, _blur))(random, size)


def finish(image: Image, random: Random) -> Image:
    """Light from one side, brightness, contrast, colour and grain, as a camera would differ."""
    size = image.width
    light = 1 + _ramp(size, random.uniform(0, 2 * np.pi)) * random.uniform(0.0, 0.28)
    tint = np.array([random.uniform(0.96, 1.04) for _ in range(3)], dtype=np.float32) * random.uniform(0.78, 1.1)
    pixels = np.asarray(ImageEnhance.Color(image).enhance(random.uniform(0.7, 1.1))) * (tint * light[..., None])
    pixels += _grain(size, random)[..., None] * random.uniform(1.0, 3.5)
    return PIL.Image.fromarray(np.clip(pixels, 0, 255, out=pixels).astype(np.uint8))


def _room(random: Random, size: int) -> Image:
    wall, floor = random.choice(WALLS), random.choice(FLOORS)
    horizon = round(size * random.uniform(0.5, 0.85))
    image = _gradient(size, mix(wall, WHITE, 0.2), mix(wall, BLACK, random.uniform(0, 0.25)))
    draw = ImageDraw.Draw(image)
    if random.random() < 0.5:
        props.window(draw, random, size)
    if random.random() < 0.4:
        props.plant(draw, random, size, horizon)
    draw.rectangle((0, horizon, size, size), fill=floor)
    props.boards(draw, random, size, horizon, floor)
    draw.rectangle((0, horizon - 6, size, horizon), fill=mix(wall, WHITE, 0.5))
    if random.random() < 0.5:
        props.rug(draw, random, size, horizon)
    if random.random() < 0.5:
        props.toy(draw, random, size, horizon)
    return image


def _garden(random: Random, size: int) -> Image:
    sky, grass = random.choice(SKIES), random.choice(GRASS)
    horizon = round(size * random.uniform(0.35, 0.75))
    image = _gradient(size, sky, mix(sky, WHITE, 0.6))
    draw = ImageDraw.Draw(image)
    for _ in range(random.randint(1, 3)):
        x, r = random.uniform(0, size), random.uniform(0.2, 0.5) * size
        draw.ellipse((x - r, horizon - r * 0.5, x + r, horizon + r), fill=mix(grass, sky, random.uniform(0.2, 0.6)))
    if random.random() < 0.5:
        props.fence(draw, random, size, horizon)
    draw.rectangle((0, horizon, size, size), fill=grass)
    tones = [mix(grass, tone, share) for tone in (WHITE, BLACK) for share in (0.1, 0.25)]
    for i in range(80):
        x, y = random.uniform(0, size), random.uniform(horizon, size)
        draw.line((x, y, x + random.uniform(-5, 5), y - random.uniform(6, 18)), fill=tones[i % 4], width=2)
    if random.random() < 0.4:
        props.flowers(draw, random, size, horizon)
    return image


def _pattern(random: Random, size: int) -> Image:
    """Wallpaper or a blanket: dots, stripes or checks."""
    base = random.choice(WALLS + FLOORS)
    other = mix(base, random.choice((WHITE, BLACK, random.choice(WALLS))), random.uniform(0.2, 0.5))
    image = PIL.Image.new("RGB", (size, size), base)
    draw = ImageDraw.Draw(image)
    step = random.randint(24, 64)
    kind = random.choice(("dots", "stripes", "checks"))
    lean = random.choice((0, 0, size, -size))
    for i, x in enumerate(range(-size, 2 * size, step)):
        if kind == "stripes":
            draw.line((x, 0, x + lean, size), fill=other, width=max(3, step // 3))
            continue
        for j, y in enumerate(range(0, size + step, step)):
            if kind == "dots":
                r, cx = step * 0.22, x + (j % 2) * step / 2
                draw.ellipse((cx - r, y - r, cx + r, y + r), fill=other)
            elif (i + j) % 2:
                draw.rectangle((x, y, x + step, y + step), fill=other)
    return image


def _blur(random: Random, size: int) -> Image:
    """Out of focus: a few pixels of colour, enlarged."""
    colours = random.sample(WALLS + FLOORS + GRASS + SKIES, 4)
    small = PIL.Image.new("RGB", (5, 5))
    small.putdata([mix(random.choice(colours), random.choice(colours), random.random()) for _ in range(25)])
    image = small.resize((size, size), PIL.Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(random.randint(0, 9)):
        x, y, r = random.uniform(0, size), random.uniform(0, size), random.uniform(8, 34)
        at = image.getpixel((min(int(x), size - 1), min(int(y), size - 1)))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=mix(at, WHITE, random.uniform(0.1, 0.3)))  # type: ignore[arg-type]
    return image


def _gradient(size: int, top: Colour, bottom: Colour) -> Image:
    column = PIL.Image.new("RGB", (1, 2))
    column.putdata((top, bottom))
    column = column.resize((1, size), PIL.Image.Resampling.BILINEAR, box=(0, 0.5, 1, 1.5))
    return column.resize((size, size), PIL.Image.Resampling.NEAREST)


def _ramp(size: int, angle: float) -> np.ndarray:
    """(size, size) from -1 to 1 in the direction of ``angle``."""
    axis = np.linspace(-0.7, 0.7, size, dtype=np.float32)
    return np.float32(np.cos(angle)) * axis[None, :] + np.float32(np.sin(angle)) * axis[:, None]


def _grain(size: int, random: Random) -> np.ndarray:
    """(size, size) of noise with unit deviation: a window of one fixed tile, as drawing it again is slow."""
    tile = _noise_tile()
    y, x = (random.randrange(tile.shape[0] - size) for _ in range(2))
    return tile[y : y + size, x : x + size]


@cache
def _noise_tile() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)
