"""``zoo data check`` of many pictures: peak memory, seconds by stage, and the near duplicates that it finds.

    python tests/benchmarks/data_check_scale.py [IMAGES]

The pictures are synthetic, 32 x 32 pixels: noise of five octaves, in one of eight orientations, whose classes are
tints. Every hundredth is followed by a copy that is cropped by 3 % from each side, brighter, and noisy; 1 % of the
labels are another class's.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import numpy as np
import torch
from PIL import Image

from zoo.host.loader import open_registry
from zoo.job.options import no_architecture
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.runner.build import build_opener
from zoo.runner.observer import Observer
from zoo_data_check.check import check_dataset

SIDE, EVERY, CLASSES = 32, 100, 10


class Pictures:
    """Synthetic pictures.

    Args:
        count: number of pictures.
    """

    def __init__(self, count: int):
        self.classes = [f"tint {i}" for i in range(CLASSES)]
        draw = np.random.default_rng(0)
        self.true = draw.integers(0, CLASSES, count)
        self.true[1::EVERY] = self.true[::EVERY][: len(self.true[1::EVERY])]
        moved = (draw.random(count) < 0.01) * draw.integers(1, CLASSES, count)
        self.targets = ((self.true + moved) % CLASSES).tolist()
        self.tints = draw.integers(-40, 40, (CLASSES, 3))
        self.tiles = np.concatenate([noise(draw, 1000) for _ in range(-(-count // 8000))])

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        copy = index % EVERY == 1
        turn, tile = divmod(index - copy, len(self.tiles))
        pixels = np.rot90(self.tiles[tile, :, :, :: -1 if turn > 3 else 1], turn % 4, (1, 2))
        image = (pixels + self.tints[self.true[index], :, None, None]).clip(0, 255).astype(np.uint8)
        return (altered(image, index) if copy else image), self.targets[index]


def noise(draw: np.random.Generator, count: int) -> np.ndarray:
    """Noise of five octaves around grey: int16 (count, 3, 32, 32)."""
    found = np.full((count, 3, SIDE, SIDE), 128, np.float32)
    for cells in (2, 4, 8, 16, 32):
        octave = draw.normal(0, 60 / cells**0.5, (count, 3, cells, cells)).astype(np.float32)
        found += octave.repeat(SIDE // cells, 2).repeat(SIDE // cells, 3)
    return found.astype(np.int16)


def altered(image: np.ndarray, seed: int) -> np.ndarray:
    """Crop a picture (3, H, W) by 3 % from each side, and make it brighter and noisy."""
    whole = Image.fromarray(np.moveaxis(image, 0, -1))
    part = whole.resize((SIDE, SIDE), Image.Resampling.BICUBIC, (1, 1, SIDE - 1, SIDE - 1))
    grain = np.random.default_rng(seed).normal(8, 4, (3, SIDE, SIDE))
    return (np.moveaxis(np.asarray(part), -1, 0) + grain).clip(0, 255).astype(np.uint8)


class Stopwatch(Observer):
    """Collects the seconds of each stage, and prints the progress once in ten seconds."""

    def __init__(self) -> None:
        self.stages: dict[str, list[float]] = {}
        self.calls, self.shown = 0, time.monotonic()

    def preparing(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        self.stages.setdefault(what, [now, now])[1] = now
        self.calls += 1
        if now - self.shown > 10:
            self.shown = now
            print(f"{what}: {done:,} of {total:,}, {gigabytes():.2f} GB", file=sys.stderr, flush=True)  # noqa: T201


def gigabytes() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main(count: int = 200_000) -> None:
    """Check, and print a table."""
    asked: dict[str, Any] = {"architecture": no_architecture, "dataset": Pictures(count)}
    resolved = resolve(make_request(asked, recipe="none"), open_registry())
    watch, begun, before = Stopwatch(), time.monotonic(), gigabytes()
    found = check_dataset(build_opener(resolved), "pictures", watch)
    seconds, group = time.monotonic() - begun, found.twins.group
    pairs = np.arange(0, count - 1, EVERY)
    sizes = np.bincount(group)
    alone = np.ones(count, bool)
    alone[pairs] = alone[pairs + 1] = False
    print(f"{count:,} images, {torch.get_num_threads()} threads, {seconds:.0f} s, {watch.calls:,} reports\n")  # noqa: T201
    print(f"| peak memory | {gigabytes():.2f} GB, {before:.2f} GB before |")  # noqa: T201
    print(f"| near copies found | {(group[pairs] == group[pairs + 1]).sum():,} of {len(pairs):,} |")  # noqa: T201
    print(f"| other images called duplicates | {(sizes[group[alone]] > 1).sum():,} |")  # noqa: T201
    starts = [*(stage[0] for stage in watch.stages.values()), begun + seconds]
    for name, start, end in zip(watch.stages, starts, starts[1:], strict=False):
        print(f"| {name} | {end - start:.0f} s |")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
