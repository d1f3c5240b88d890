"""What one pet looks like: the draws that make it, from colours that cats and dogs share."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from zoo_images.art.pen import Colour, mix

__all__ = ["Look", "Species", "draw_look"]

Species = Literal["cat", "dog"]

COATS: tuple[Colour, ...] = (
    (224, 158, 88), (206, 132, 70), (150, 104, 70), (108, 76, 56), (70, 58, 54), (52, 50, 56), (96, 98, 106),
    (140, 142, 148), (176, 172, 166), (222, 200, 164), (238, 224, 200), (240, 236, 230), (196, 166, 124), 
    (128, 112, 98),
)  # fmt: skip
MARKS = ("plain", "stripes", "patches", "mask", "tuxedo")
MARK_WEIGHTS = {"cat": (3, 4, 2, 1.5, 2), "dog": (4, 0.7, 3, 2, 2)}
EARS = {"cat": ("pricked", "folded"), "dog": ("floppy", "folded", "pricked")}
EAR_WEIGHTS = {"cat": (13, 1), "dog": (6, 3, 1.5)}
EYES: dict[str, tuple[Colour, ...]] = {
    "cat": ((150, 186, 80), (214, 180, 64), (206, 138, 56), (110, 170, 200), (120, 176, 132)),
    "dog": ((92, 58, 36), (70, 46, 34), (120, 80, 44), (110, 160, 196)),
}
COLLARS: tuple[Colour, ...] = (
    (204, 54, 58),
    (52, 112, 180),
    (60, 150, 110),
    (236, 178, 60),
    (140, 80, 160),
    (50, 50, 54),
)
WHITE: Colour = (246, 242, 236)
DARK: Colour = (38, 32, 34)
PINK: Colour = (228, 150, 150)


@dataclass(frozen=True)
class Look:
    """A pet's colours and features; ``yaw`` in -1..1 is where it faces, lengths are in head radii."""

    species: Species
    coat: Colour
    mark: Colour
    light: Colour
    marks: str
    ears: str
    eye: Colour
    nose: Colour
    edge: Colour
    collar: Colour | None
    yaw: float
    pupil: float
    asleep: bool
    tongue: bool
    cheek: float
    length: float
    ear_size: float
    fluff: float


def draw_look(species: Species, random: Random) -> Look:
    """Draw a look for a cat or a dog."""
    coat = _shaded(random.choice(COATS), random)
    dark_coat = sum(coat) < 3 * 110
    marks = random.choices(MARKS, MARK_WEIGHTS[species])[0]
    mark = mix(coat, WHITE if dark_coat and marks == "patches" else DARK, random.uniform(0.35, 0.6))
    pink_nose = random.random() < (0.65 if species == "cat" else 0.08)
    return Look(
        species=species,
        coat=coat,
        mark=mark,
        light=mix(coat, WHITE, 0.9 if marks == "tuxedo" else random.uniform(0.3, 0.6)),
        marks=marks,
        ears=random.choices(EARS[species], EAR_WEIGHTS[species])[0],
        eye=random.choice(EYES[species]),
        nose=mix(PINK, DARK, random.uniform(0.05, 0.3)) if pink_nose else mix(DARK, coat, 0.1),
        edge=mix(coat, DARK, 0.62) if not dark_coat else mix(coat, (0, 0, 0), 0.5),
        collar=random.choice(COLLARS) if random.random() < 0.4 else None,
        yaw=random.uniform(-1, 1),
        pupil=random.uniform(0.25, 0.8) if species == "cat" else random.uniform(0.75, 0.9),
        asleep=random.random() < 0.08,
        tongue=random.random() < (0.55 if species == "dog" else 0.04),
        cheek=random.uniform(0.92, 1.1),
        length=random.uniform(0.92, 1.12),
        ear_size=random.uniform(0.85, 1.2),
        fluff=random.random(),
    )


def _shaded(colour: Colour, random: Random) -> Colour:
    """A little lighter or darker, and a trace off in hue."""
    brightness = random.uniform(0.88, 1.1)
    r, g, b = (max(12, min(250, round(c * brightness * random.uniform(0.98, 1.02)))) for c in colour)
    return r, g, b
