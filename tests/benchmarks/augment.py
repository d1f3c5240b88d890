"""What each augmentation costs, beside torchvision's counterpart: milliseconds a batch of 32 x 3 x 96 x 96.

    OMP_NUM_THREADS=1 python tests/benchmarks/augment.py [ROUNDS]

Medians of processor time with one thread; all are timed in turn (A B C … A B C …). Torchvision's transforms draw once
for a batch, so its column has them applied to each sample, as a data loader does; its mixup and cutmix draw one share
for a batch. "-": it has none for this.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2

from zoo.host.loader import open_registry
from zoo.model.build import build

SIDE, CLASSES = 96, 10
IMAGES = torch.rand(32, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
TARGETS = torch.arange(32) % CLASSES
# torchvision's counterpart: a transform of one sample, or of a batch with its labels.
SAMPLE: dict[str, Callable[[Tensor], Any]] = {
    "flip": v2.RandomHorizontalFlip(),
    "rotate": v2.RandomRotation(15, interpolation=v2.InterpolationMode.BILINEAR),
    "random_resized_crop": v2.RandomResizedCrop(SIDE),
    "affine": v2.RandomAffine(15, (0.1, 0.1), (0.8, 1.2), interpolation=v2.InterpolationMode.BILINEAR),
    "colour": v2.ColorJitter(0.2, 0.2, 0.2),
    "colour, hue 0.1": v2.ColorJitter(0.2, 0.2, 0.2, 0.1),
    "random_erasing": v2.RandomErasing(0.5, (0.02, 0.4), value="random"),
    "rand_augment": v2.RandAugment(2, 9, interpolation=v2.InterpolationMode.BILINEAR),
    "trivial_augment": v2.TrivialAugmentWide(interpolation=v2.InterpolationMode.BILINEAR),
}
BATCH = {
    "mixup": v2.MixUp(alpha=0.2, num_classes=CLASSES),
    "cutmix": v2.CutMix(alpha=1.0, num_classes=CLASSES),
}
ON_BYTES = {"rand_augment", "trivial_augment"}  # torchvision's take uint8; to have floats again is not counted


def trials() -> dict[str, Callable[[], object]]:
    """What is timed, by name and column."""
    found: dict[str, Callable[[], object]] = {}
    images = IMAGES.contiguous(memory_format=torch.channels_last)  # as a job's batches are
    for entry in open_registry().entries("augmentation"):
        if entry.origin.plugin == "augment":
            name = entry.component.name
            variants: list[tuple[str, dict[str, Any]]] = [(name, {})]
            variants += [("colour, hue 0.1", {"hue": 0.1})] if name == "colour" else []
            for label, params in variants:
                augment = build(entry, params, "augment", SIDE, num_classes=CLASSES)
                found[f"{label}:zoo"] = lambda augment=augment: augment(images, TARGETS)
    for name, transform in SAMPLE.items():
        samples = (IMAGES * 255).byte() if name in ON_BYTES else IMAGES
        found[f"{name}:torchvision"] = lambda t=transform, x=samples: torch.stack([t(one) for one in x])
    for name, mix in BATCH.items():
        found[f"{name}:torchvision"] = lambda mix=mix: mix(IMAGES, TARGETS)
    return found


def milliseconds(call: Callable[[], object]) -> float:
    """One call, in the processor's time: others may be at work."""
    started = time.process_time()
    call()
    return (time.process_time() - started) * 1000


def main(rounds: int = 15) -> None:
    """Time and print."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    calls = trials()
    for call in calls.values():
        call()  # the first is slower
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(milliseconds(call))
    medians = {name: statistics.median(each) for name, each in times.items()}
    print(f"{'ms a batch':24}{'zoo':>8}{'torchvision':>14}")  # noqa: T201
    for name in (name.removesuffix(":zoo") for name in medians if name.endswith(":zoo")):
        other = medians.get(f"{name}:torchvision")
        shown = "-" if other is None else f"{other:.1f}"
        print(f"{name:24}{medians[f'{name}:zoo']:8.1f}{shown:>14}")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
