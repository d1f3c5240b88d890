"""A small bundle with an untrained network, and its predictions, for checks of exporters."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.decode import Pixels
from zoo.engine.execution import choose_execution
from zoo.engine.task import task_of_card
from zoo.model.bundle import copied_weights, read_card, write_card, write_weights
from zoo.model.classifier import Classifier
from zoo.registry.config import FILENAME, open_shelf
from zoo.registry.registry import Registry
from zoo.storage.files import write_text

CLASSES = ("cat", "dog", "owl")
SIDE = 16
_NAME = "tiny_network"
_REGISTRY = f"""version: 1
components:
  architecture:
    {_NAME}: {{target: "{__name__}:{_NAME}"}}
"""
"""Makes the network's architecture known to all code that opens the bundle in the working folder."""


def tiny_network(num_classes: int, in_chans: int = 3) -> nn.Module:
    """Build a convolution with batch norm, pooling and a linear layer."""
    body = (nn.Conv2d(in_chans, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*body, nn.Linear(8, num_classes))


@dataclass(frozen=True)
class SampleBundle:
    """A bundle on the disk.

    Args:
        folder: folder of zoo.json and model.safetensors.
        card: content of zoo.json.
        network: its network, in evaluation mode on the CPU.
        registry: a registry that has its architecture.
    """

    folder: Path
    card: Any
    network: nn.Module
    registry: Registry

    def pixels(self, count: int) -> Pixels:
        """Images of noise, uint8 (count, 16, 16, 3), the same at each call."""
        return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)

    def probabilities(self, images: Pixels) -> Tensor:
        """Probabilities, or values, (N, K) that the zoo itself predicts for images, uint8 (N, H, W, 3)."""
        classifier = Classifier(self.network, self.card, choose_execution("cpu", "fp32", "channels_first"))
        return classifier.probabilities(list(images), "none")


@contextmanager
def sample_bundle(**changes: Any) -> Iterator[SampleBundle]:
    """Write the bundle into a temporary folder, which is the working folder within the context.

    Args:
        **changes: other entries of its card, such as ``task``, ``classes`` and ``outputs``.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as home, chdir(home):
        write_text(Path(FILENAME), _REGISTRY)
        folder = Path("runs", "tiny", "model")
        folder.mkdir(parents=True)
        card = {**_card(), **changes}
        network = _seeded_network(task_of_card(card).width(len(card["classes"])))
        write_weights(folder, copied_weights(network))
        write_card(folder, card)
        yield SampleBundle(folder, read_card(folder), network, Registry([], open_shelf()))


def _seeded_network(outputs: int) -> nn.Module:
    """Build the network with weights for which the probabilities of noise differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = tiny_network(outputs).eval()
        for parameter in network.parameters():
            parameter.data.mul_(3)
    return network


def _card() -> Mapping[str, Any]:
    return {
        "task": "single-label",
        "classes": list(CLASSES),
        "architecture": {"id": f"local/{_NAME}", "params": {}},
        "preprocessing": {
            "image_size": SIDE,
            "in_chans": 3,
            "resize": "squash",
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.25, 0.25, 0.25],
        },
        "temperature": 1.5,
    }
