"""``fake_data``: noise, to try a job out where there are no images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import DataError

if TYPE_CHECKING:
    import torch

__all__ = ["FakeData"]

_SEEDS = {"train": 0, "val": 1_000_000_000, "test": 2_000_000_000}


class FakeData:
    """Noise with labels in turn, as torchvision's FakeData has it: nothing can be learned from it.

    torchvision's own sets the process's random state for each image, which threads can't do at once; each
    image here has a generator of its own. It is the same every time.

    Args:
        root: None; there are no files.
        split: ``"train"``, or ``"val"`` and ``"test"``, a quarter as large.
        images: how many training images.
        num_classes: how many classes.
        size: side in pixels.

    Raises:
        DataError: a folder was given, or there is no such split.
        ValueError: a number is too small.
    """

    source = "noise, made on the spot"
    notices = ("This is noise: no network can do better than chance on it.",)

    def __init__(
        self, root: Path | None, split: str, images: int = 1000, num_classes: int = 10, size: int = 64
    ) -> None:
        if root is not None:
            raise DataError(f"fake_data is made on the spot and reads no folder ({root} was given). Leave --data out.")
        if split not in _SEEDS:
            raise DataError(f"fake_data has no split {split!r}. It has: {', '.join(_SEEDS)}.")
        if num_classes < 2 or size < 1 or images < 4 * num_classes:
            raise ValueError("fake_data takes num_classes of 2 or more, size of 1 or more, images of 4 x num_classes")
        count = images if split == "train" else images // 4
        self.seed, self.size = _SEEDS[split], size
        self.classes = [f"class {i}" for i in range(num_classes)]
        self.targets = [i % num_classes for i in range(count)]
        self.fingerprint = f"fake_data {split} {images} {num_classes} {size}"

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Image (3, size, size), uint8, and its label."""
        import torch

        label = self.targets[index]
        generator = torch.Generator().manual_seed(self.seed + index % len(self))
        return torch.randint(0, 256, (3, self.size, self.size), generator=generator, dtype=torch.uint8), label
