"""Small images in class folders, a table or an archive, for datasets that read users' files."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path

FOLDER, TABLE, ARCHIVE = "folder", ".csv", ".tar"
LAYOUT = {"train/red": 5, "train/blue": 4, "val/red": 3, "val/blue": 2, "test/red": 1, "test/blue": 2}
"""Number of images in each class folder."""
_COLOURS = {"red": (200, 40, 40), "blue": (40, 40, 200)}
_SIDE = 24


def write_folder(root: Path) -> Path:
    """Write distinct noisy images of 24 px in a folder for each split and class."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    for place, count in LAYOUT.items():
        folder = root / place
        folder.mkdir(parents=True)
        for number in range(count):
            noise = generator.integers(-40, 40, (_SIDE, _SIDE, 3))
            pixels = np.clip(np.array(_COLOURS[folder.name]) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return root


def write_archive(root: Path) -> Path:
    """Pack a folder's training images into a tar file beside them, by class folder."""
    archive = root / "pictures.tar"
    with tarfile.open(archive, "w") as out:
        for path in sorted((root / "train").rglob("*.png")):
            out.add(path, path.relative_to(root / "train").as_posix())
    return archive


def write_table(root: Path) -> Path:
    """List a folder's images in a CSV file beside them, with the columns path, label and split."""
    table = root / "table.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "label", "split"])
        for path in sorted(root.rglob("*.png")):
            split, label, _ = path.relative_to(root).parts
            lines.writerow([path.relative_to(root).as_posix(), label, split])
    return table
