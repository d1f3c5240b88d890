"""The dataset ``fake_data``: noise, to test a job without images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import DataError

if TYPE_CHECKING:
    import torch

__all__ = ["FakeData"]

_SEEDS = {"train": 0, "val": 1_000_000_000, "test": 2_000_000_000}


class FakeData:
    """Noise images with labels in turn, like torchvision's FakeData; nothing can be learned from them.

    torchvision's class sets the global random state for each image, which is not thread-safe; here each image has its
    own generator and is reproducible.

    Args:
        root: must be None; there are no files.
        split: ``"train"``, or ``"val"`` and ``"test"``, a quarter as large.
        images: number of training images.
        num_classes: number of classes.
        size: side of the images in pixels.

    Raises:
        DataError: a folder was given, or there is no such split.
        ValueError: a number is too small.
    """

    source = "generated noise"
    notices = ("The images are noise: no network can do better than chance.",)

    def __init__(
        self, root: Path | None, split: str, images: int = 1000, num_classes: int = 10, size: int = 64
    ) -> None:
        if root is not None:
            raise DataError(f"fake_data is generated and reads no folder ({root} was given). Leave out --data.")
        if split not in _SEEDS:
            raise DataError(f"fake_data has no split {split!r}. It has: {', '.join(_SEEDS)}.")
        if num_classes < 2 or size < 1 or images < 4 * num_classes:
            raise ValueError("fake_data needs num_classes >= 2, size >= 1, and images >= 4 x num_classes")
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
