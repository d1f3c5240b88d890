"""A small run of two classes, and folders of pictures of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLOURS = {"red": (220, 40, 40), "green": (40, 220, 40), "blue": (40, 40, 220), "white": (230, 230, 230)}


def paint(folder: Path, colour: str, count: int, start: int = 0) -> Path:
    """Write pictures of one colour with some noise."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(start, start + count):
        noise = np.random.default_rng([*COLOURS[colour], i]).integers(-30, 30, (20, 20, 3))
        pixels = np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03}.png")
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Path]:
    """Write the folder of a class: ``pictures("blue", 10)``, or ``pictures("blue", 10, name="sea")``."""
    return lambda colour, count=10, name=None: paint(tmp_path / (name or colour), colour, count)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train/ and val/, each with red and green."""
    root = tmp_path_factory.mktemp("pair") / "pair"
    for colour in ("red", "green"):
        paint(root / "train" / colour, colour, 12)
        paint(root / "val" / colour, colour, 8, start=12)
    return root


@pytest.fixture(scope="session")
def pair_run(made_once: Callable[..., tuple[Path, str]], pair: Path) -> Path:
    """A run of simple_cnn on two classes, which has one logit, shown as (0, z)."""
    words = ("--epochs", "4", "--image-size", "20", "--set", "architecture.channels=[8]", "--precision", "fp32")
    more = ("--set", "memory_format=channels_last", "--set", "augment=none", "--recipe", "none", "--lr", "0.01")
    runs, _ = made_once("run", "simple_cnn", str(pair), *words, *more, "--batch-size", "8", "--name", "pair", "--quiet")
    return runs / "pair"
