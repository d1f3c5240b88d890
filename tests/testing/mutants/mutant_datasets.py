"""A good dataset, and for each check one that breaks it."""

from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError


class Good:
    """Six noisy pictures (3, 8, 8) of three classes in each split."""

    def __init__(self, root: Path | None, split: str, seed: int = 0):
        pixels = np.random.default_rng([seed, len(split)])
        self.images = pixels.integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
        self.classes = ["ant", "bee", "cat"]
        self.targets = [0, 1, 2, 2, 1, 0]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.images[index], self.targets[index]


class NoTargets(Good):
    """Good, too: its labels are known only with the items."""

    def __init__(self, root: Path | None, split: str):
        super().__init__(root, split)
        self.labels = self.targets
        del self.targets

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.images[index], self.labels[index]


class Folder(Good):
    """Good, too: its root is a folder without a default."""

    def __init__(self, root: Path, split: str):
        if root is None:
            raise DataError("It needs a folder: --data FOLDER")
        super().__init__(root, split)


class NotOpened(Good):
    """Its constructor raises."""

    def __init__(self, root: Path | None, split: str):
        raise KeyError(split)


class Empty(Good):
    """No items."""

    def __len__(self) -> int:
        return 0


class SameName(Good):
    """Two classes of one name."""

    def __init__(self, root: Path | None, split: str):
        super().__init__(root, split)
        self.classes = ["ant", "bee", "bee"]


class FromOne(Good):
    """Labels that are counted from 1."""

    def __init__(self, root: Path | None, split: str):
        super().__init__(root, split)
        self.targets = [label + 1 for label in self.targets]


class Spectra(Good):
    """Complex numbers."""

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return np.fft.fft2(self.images[index]), self.targets[index]


class Random(Good):
    """Other pixels at each look."""

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return np.random.default_rng().integers(0, 256, (3, 8, 8), dtype=np.uint8), self.targets[index]


class OtherTargets(Good):
    """Targets in another order than the items."""

    def __init__(self, root: Path | None, split: str):
        super().__init__(root, split)
        self.labels, self.targets = self.targets, sorted(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.images[index], self.labels[index]


class Endless(Good):
    """After the last item, the first."""

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return super().__getitem__(index % len(self))


class HoldsALambda(Good):
    """What no pickle takes."""

    def __init__(self, root: Path | None, split: str):
        super().__init__(root, split)
        self.transform = lambda image: image


class HoldsThisProcess(Good):
    """It comes out of the pickle as something else."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, images=state["images"][::-1])
