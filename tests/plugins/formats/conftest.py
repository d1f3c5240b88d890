"""Pictures with boxes of known colours, and datasets opened by their path as a job opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw

from zoo.data.decode import full_size
from zoo.data.splits import available
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30)}
WIDTH, HEIGHT = 60, 40
# For each picture its boxes: class, left, top, right, bottom in pixels.
BOXES: dict[str, list[tuple[str, int, int, int, int]]] = {
    "p0": [("red", 3, 4, 20, 30)],
    "p1": [("blue", 10, 5, 30, 25), ("red", 35, 8, 55, 33)],
    "p2": [("blue", 0, 0, 12, 40)],
    "p3": [("red", 6, 6, 18, 18)],
    "p4": [("blue", 30, 10, 60, 40), ("blue", 2, 2, 10, 10)],
    "p5": [("red", 8, 8, 30, 30)],
    "p6": [("blue", 5, 5, 25, 25)],
    "p7": [("red", 20, 4, 44, 20)],
}


class Opened(NamedTuple):
    """A dataset: its id, and each of its splits."""

    id: str
    splits: dict[str, Any]

    @property
    def labels(self) -> dict[str, list[Any]]:
        """Class names of the images of each split, in order."""
        return {split: [named(data, target) for target in data.targets] for split, data in self.splits.items()}


def named(data: Any, target: Any) -> Any:
    return data.classes[target] if isinstance(target, int) else tuple(data.classes[i] for i in target)


def pixels_of(item: Any) -> Any:
    """Pixels (H, W, 3) of an image of a dataset."""
    return full_size(item, 3)


def draw(path: Path, boxes: list[tuple[str, int, int, int, int]]) -> Path:
    """Draw a grey picture with coloured boxes."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (128, 128, 128))
    pen = ImageDraw.Draw(picture)
    for name, left, top, right, bottom in boxes:
        pen.rectangle((left, top, right - 1, bottom - 1), COLOURS[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


@pytest.fixture
def drawn() -> Callable[[Path], list[Path]]:
    """Draw the pictures of ``BOXES`` into a folder."""
    return lambda folder: [draw(folder / f"{name}.png", boxes) for name, boxes in BOXES.items()]


@pytest.fixture
def look() -> Callable[..., Opened]:
    """Open a dataset by its path or address, with parameters."""

    def opened(word: object, **params: Any) -> Opened:
        asked = {"architecture": "simple_cnn", "dataset": str(word)}
        asked["set"] = {f"dataset.{name}": value for name, value in params.items()}  # type: ignore[assignment]
        resolved = resolve(make_request(asked), open_registry())
        entry = resolved.entry("dataset")
        given = dict(resolved.job.dataset.params)
        names = available(entry.factory(), ("train", "val"), given)
        return Opened(entry.id, {split: entry.make(split=split, **given) for split in names})

    return opened


@pytest.fixture
def has_colours() -> Callable[[Any], None]:
    """Check that the images of a dataset of boxes have the colours of their classes, edge to edge."""

    def check(data: Any) -> None:
        for index in range(len(data)):
            item, target = data[index]
            assert (pixels_of(item) == np.array(COLOURS[data.classes[target]])).all(), data.name_of(index)

    return check


@pytest.fixture
def runs(zoo: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Train for an epoch on a dataset; gives the result."""
    monkeypatch.chdir(tmp_path)

    def run(word: object, *more: str) -> Any:
        import json

        small = ("--recipe", "none", "--epochs", "1", "--image-size", "16", "--set", "architecture.channels=[4]")
        code, out, err = zoo("run", "simple_cnn", word, *small, "--name", "x", "--overwrite", "--device", "cpu", *more)
        assert code == 0, (out, err)
        return json.loads(Path("runs/x/result.json").read_text("utf-8"))

    return run
