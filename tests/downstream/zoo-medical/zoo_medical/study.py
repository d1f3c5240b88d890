"""The table of a study, and phantoms for when there is none."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from zoo.errors import DataError


class Study:
    """Images of a ``.study`` file: tab-separated, with columns image, patient, finding and optionally split.

    Args:
        root: the ``.study`` file; images are relative to its folder.
        split: a value of the column ``split``, or ``train`` for a table without it.
        window: lowest and highest stored value that are kept apart; None keeps all.
    """

    def __init__(self, root: Path, split: str, *, window: tuple[float, float] | None = None):
        rows = _rows(root)
        self.window = window
        self.classes = sorted({row["finding"] for row in rows})
        self._rows = [row for row in rows if (row.get("split") or "train") == split]
        if not self._rows:
            raise DataError(f"{root} has no images of the split {split!r}.")
        self._folder = Path(root).parent
        self.targets = [self.classes.index(row["finding"]) for row in self._rows]
        patients = sorted({row["patient"] for row in self._rows})
        self.groups = [patients.index(row["patient"]) for row in self._rows]
        self.source = f"{len(patients)} patients"
        if window is not None:
            self.notices = (f"Stored values are cut to {window[0]:g}..{window[1]:g}.",)

    @staticmethod
    def available_splits(root: Path, **params) -> tuple[str, ...]:
        return tuple(sorted({row.get("split") or "train" for row in _rows(root)}))

    def __len__(self):
        return len(self._rows)

    def name_of(self, index: int) -> str:
        return str(self._folder / self._rows[index]["image"])

    def __getitem__(self, index: int):
        label, path = self.targets[index], Path(self.name_of(index))
        if self.window is None and path.suffix != ".npy":
            return path, label
        stored = np.load(path) if path.suffix == ".npy" else np.asarray(Image.open(path))
        low, high = self.window or (0, np.iinfo(stored.dtype).max)
        grey = np.clip((stored.reshape(stored.shape[-2:]).astype(np.float32) - low) / (high - low), 0, 1)
        return (grey * 255).round().astype(np.uint8)[None], label


def _rows(root) -> list[dict[str, str]]:
    if root is None:
        raise DataError("study needs a .study file. Type: --data FILE.study")
    with Path(root).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if not rows or not {"image", "patient", "finding"} <= set(rows[0]):
        raise DataError(f"{root} has no table with the columns image, patient and finding.")
    return rows


class Phantoms:
    """Discs with and without a nodule, drawn; every second patient has one.

    Args:
        root: not used.
        split: ``train``: the zoo holds patients out.
        patients: number of patients.
    """

    classes = ("clear", "nodule")
    source = "drawn phantoms"

    def __init__(self, root: Path | None, split: str, *, patients: int = 40):
        self.targets = [i // 4 % 2 for i in range(4 * patients)]
        self.groups = np.arange(4 * patients) // 4
        self.fingerprint = f"phantoms-1-{patients}"

    @staticmethod
    def available_splits(root, **params):
        return ("train",)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        label = self.targets[index]
        y, x = np.mgrid[-1:1:32j, -1:1:32j]
        rng = np.random.default_rng(index)
        image = 60 + 80 * (x**2 + y**2 < 0.8) + rng.normal(0, 6, (32, 32))
        if label:
            cx, cy = rng.uniform(-0.4, 0.4, 2)
            image += 70 * ((x - cx) ** 2 + (y - cy) ** 2 < 0.04)
        return Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)), label
