"""The dataset ``digits``: scikit-learn's scans of handwritten digits, for a first run in seconds."""

from __future__ import annotations

from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import DataError
from zoo_images.files import need_split

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["Digits", "digits"]

_FILE = "datasets/data/digits.csv.gz"
"""File in scikit-learn's folder with one scan per line: 64 pixels in 0..16 and the label."""
_SPLIT = "digits_split.txt"
"""Line numbers of the training scans in the first line, of the validation scans in the second, in order.

They equal scikit-learn's ``train_test_split(..., test_size=0.2, random_state=0, stratify=labels)``, as a test checks.
"""


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
    """1,797 scans of handwritten digits, with a fixed stratified fifth of them as ``"val"``.

    Args:
        root: must be None; the images are part of scikit-learn.
        split: ``"train"`` (1,437 images) or ``"val"`` (360).

    Raises:
        DataError: there is no such split, or a folder was given.
    """
    if root is not None:
        raise DataError(
            f"digits is a part of scikit-learn and reads no folder ({root} was given). Leave out --data, or, for "
            f"your own images: zoo run simple_cnn {root}"
        )
    need_split(split, ("train", "val"), "digits")
    import torch

    scans, labels = read_scans()
    rows = split_rows(split)
    return Digits(torch.from_numpy(to_uint8(scans[rows])), labels[rows].tolist())


def read_scans() -> tuple[np.ndarray, np.ndarray]:
    """Read scans (1797, 64) in 0..16 and labels (1797,) int64, as ``load_digits`` returns them.

    They are read from scikit-learn's file, since importing scikit-learn and scipy would take longer than an epoch; it
    is imported only where a release has moved the file.
    """
    import numpy as np

    spec = find_spec("sklearn")
    found = [Path(folder, _FILE) for folder in (spec.submodule_search_locations or () if spec else ())]
    if file := next((path for path in found if path.is_file()), None):
        table = np.loadtxt(file, delimiter=",", dtype=np.int64)
        return table[:, :-1].astype(np.float64), table[:, -1]
    from sklearn.datasets import load_digits

    scans, labels = load_digits(return_X_y=True)
    return scans, labels.astype(np.int64)


def split_rows(split: str) -> list[int]:
    """Line numbers of a split's scans, 0..1796, in the order of the dataset."""
    lines = resources.files("zoo_images").joinpath(_SPLIT).read_text("utf-8").splitlines()
    return [int(row) for row in lines[("train", "val").index(split)].split()]


def to_uint8(scans: np.ndarray) -> np.ndarray:
    """Convert scans (N, 64) in 0..16 to images (N, 1, 8, 8) uint8 in 0..255."""
    import numpy as np

    return np.rint(scans * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
