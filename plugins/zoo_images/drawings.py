"""Drawn cats and dogs, the source of ``cats_dogs`` without photographs and network."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib import resources
from random import Random
from typing import TYPE_CHECKING, ClassVar, Literal

from zoo_images.files import need_split

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SIZE", "DrawnPets", "draw"]

SIZE = 160
_LEAST = 8


class DrawnPets:
    """Drawings (160, 160, RGB) of cats and dogs in turn, rendered on access.

    Args:
        split: ``"train"`` or ``"val"``, with different seeds and thus different drawings.
        drawn_images: number of training images; val has a quarter as many.

    Raises:
        DataError: there is no such split.
        ValueError: ``drawn_images`` is below 8, too few for both classes to be in val.
    """

    SEEDS: ClassVar[dict[str, int]] = {"train": 0, "val": 1}

    def __init__(self, split: str, drawn_images: int = 600) -> None:
        need_split(split, self.SEEDS, "cats_dogs, as drawings,")
        if drawn_images < _LEAST:
            raise ValueError(f"drawn_images must be at least {_LEAST}, not {drawn_images}")
        count = drawn_images if split == "train" else drawn_images // 4
        self.split = split
        self.classes = ["cats", "dogs"]
        self.targets = [i % 2 for i in range(count)]
        self.source = "drawn by the zoo: drawings, not photos"
        self.licence = "Apache-2.0"
        self.notices: list[str] = []
        self.fingerprint = f"{split} {count} {_drawing_code()}"

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Image, int]:
        label = self.targets[index]
        return draw("dog" if label else "cat", self.SEEDS[self.split], index % len(self)), label

    def name_of(self, index: int) -> str:
        """Name such as ``drawn/train/00007 (dogs)``."""
        return f"drawn/{self.split}/{index:05d} ({self.classes[self.targets[index]]})"


@cache
def _drawing_code() -> str:
    """Hash of the drawing code and of Pillow's version, so that decoded copies are never outdated."""
    import PIL

    files = sorted(resources.files("zoo_images.art").iterdir(), key=lambda file: file.name)
    code = b"".join(file.read_bytes() for file in files if file.name.endswith(".py"))
    return f"{sha256(code).hexdigest()} Pillow {PIL.__version__}"


def draw(species: Literal["cat", "dog"], seed: int, index: int) -> Image:
    """Draw one pet deterministically; the result depends only on the arguments and Pillow's version.

    Returns:
        An RGB image of 160 by 160 pixels, drawn at twice that and averaged down.
    """
    from zoo_images.art import pets, scenes

    random = Random(f"{species}/{seed}/{index}")
    canvas = scenes.backdrop(random, 2 * SIZE)
    pets.paint(canvas, species, random)
    return scenes.finish(canvas.reduce(2), random)
