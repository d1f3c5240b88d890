"""Good exporters, and exporters with one mistake each."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from zoo.errors import ExportError


def save(bundle: Path, path: Path, network: nn.Module, opset: int = 18) -> None:
    """Write the whole network, and zoo.json beside it."""
    torch.save(network, path)
    shutil.copy(bundle / "zoo.json", path.with_suffix(".json"))


class Read:
    """Predict with the network as the zoo does."""

    def __init__(self, path: Path):
        self.network = torch.load(path, weights_only=False)
        self.card = json.loads(path.with_suffix(".json").read_text("utf-8"))

    def logits(self, images: np.ndarray) -> torch.Tensor:
        """Logits of uint8 images (N, H, W, C)."""
        pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
        pixels = interpolate(pixels, size=(16, 16), mode="bilinear", antialias=True)
        with torch.no_grad():
            return self.network((pixels - 0.5) / 0.25) / self.card["temperature"]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return self.logits(images).softmax(1).numpy()


def read(path: Path) -> Read:
    """Open what :func:`save` wrote."""
    return Read(path)


def save_folder(bundle: Path, path: Path, network: nn.Module) -> None:
    """Write a folder."""
    path.mkdir()
    save(bundle, path / "model.pt", network)


def read_folder(path: Path) -> Read:
    """Open what :func:`save_folder` wrote."""
    return Read(path / "model.pt")


def refuses(bundle: Path, path: Path) -> None:
    """Refuse this network."""
    raise ExportError("only transformers can be written in this format.")


def nothing(bundle: Path, path: Path) -> None:
    """Write a file of another name."""
    path.with_suffix(".other").touch()


def stumbles(bundle: Path, path: Path) -> None:
    """Raise a TypeError, which is no refusal."""
    raise TypeError("'NoneType' object is not callable")


def renames_classes(bundle: Path, path: Path) -> None:
    """Change the bundle."""
    path.touch()
    (bundle / "zoo.json").write_text("{}")


def doubles_weights(bundle: Path, path: Path, network: nn.Module) -> None:
    """Change the network."""
    path.touch()
    for parameter in network.parameters():
        parameter.data.mul_(2)


class Unscaled(Read):
    """Predict logits instead of probabilities."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return self.logits(images).numpy()


def read_unscaled(path: Path) -> Unscaled:
    """Open with a reader that forgets the softmax."""
    return Unscaled(path)


class Uncalibrated(Read):
    """Predict without the temperature."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return (self.logits(images) * self.card["temperature"]).softmax(1).numpy()


def read_uncalibrated(path: Path) -> Uncalibrated:
    """Open with a reader that forgets the calibration."""
    return Uncalibrated(path)


def read_without_card(path: Path) -> Read:
    """Open with a reader that forgets the classes."""
    found = Read(path)
    found.card = {**found.card, "classes": ["a", "b", "c"]}
    return found


class OneSize(Read):
    """Take images of one size alone."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        if images.shape[1:3] != (16, 16):
            raise ValueError("images must be 16x16")
        return super().__call__(images)


def read_one_size(path: Path) -> OneSize:
    """Open with a reader that can't resize."""
    return OneSize(path)


def save_place(bundle: Path, path: Path, network: nn.Module) -> None:
    """Write a file that names another one by its absolute path."""
    weights = path.with_suffix(".weights")
    save(bundle, weights, network)
    path.write_text(str(weights.absolute()))


def read_place(path: Path) -> Any:
    """Open what :func:`save_place` wrote."""
    return Read(Path(path.read_text()))
