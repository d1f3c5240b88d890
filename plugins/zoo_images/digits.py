"""``digits``: scikit-learn's scans of handwritten digits, small enough for a first run in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import DataError
from zoo_images.files import need_split

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["Digits", "digits"]

_VAL_SHARE = 0.2


class Digits:
    """Images (1, 8, 8), uint8 in 0..255, and their labels 0..9."""

    source = "scikit-learn's load_digits: UCI Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, 1998)"
    licence = "CC BY 4.0"

    def __init__(self, images: torch.Tensor, targets: list[int]) -> None:
        self.images = images
        self.targets = targets
        self.classes = [str(digit) for digit in range(10)]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index], self.targets[index]


def digits(root: Path | None, split: str) -> Digits:
    """1,797 scans of handwritten digits; a fifth of them, stratified and always the same, are ``"val"``.

    Args:
        root: None; the scans come with scikit-learn.
        split: ``"train"`` (1,437 images) or ``"val"`` (360).

    Raises:
        DataError: there is no such split, or a folder was given.
    """
    if root is not None:
        raise DataError(
            f"digits comes with scikit-learn and reads no folder ({root} was given). "
            f"Leave --data out, or, for your own images: zoo run simple_cnn {root}"
        )
    need_split(split, ("train", "val"), "digits")
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    scans, labels = load_digits(return_X_y=True)
    parts = train_test_split(scans, labels, test_size=_VAL_SHARE, random_state=0, stratify=labels)
    images, targets = (parts[0], parts[2]) if split == "train" else (parts[1], parts[3])
    return Digits(torch.from_numpy(to_uint8(images)), targets.tolist())


def to_uint8(scans: np.ndarray) -> np.ndarray:
    """(N, 64) in 0..16 -> (N, 1, 8, 8) uint8 in 0..255."""
    import numpy as np

    return np.rint(scans * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
