"""A race on Fashion-MNIST: the zoo's defaults, and a loop tuned by hand in the manner of airbench.

python tests/gpu/race.py

ZOO_GPU_FASHION is the folder of the four idx files; without it, the images are random, and their accuracy is chance.

The loop by hand follows Jordan 2024, arXiv:2404.00498: all images on the GPU in half precision, batches of 1,024, a
rising and falling learning rate with Nesterov momentum, label smoothing of 0.2, shifts of two pixels, and flips that
alternate between epochs. Its network has six convolutions with batch norms.
"""

from __future__ import annotations

import gzip
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

sys.path.insert(0, str(Path(__file__).parent))

from measure import DEVICE, REAL, Patterns, report, synchronised

FOLDER = os.environ.get("ZOO_GPU_FASHION", "")
EPOCHS, SEEDS, BATCH, TARGET = (16, (0, 1, 2), 1024, 0.93) if REAL else (2, (0,), 64, 0.05)
FEW = None if REAL else 256
"""Images of each split on a CPU."""


def main() -> None:
    """Race in turn, and print the result."""
    runs = [(by_zoo(seed), by_hand(seed)) for seed in SEEDS]
    mine, hand = (summary([pair[i] for pair in runs]) for i in range(2))
    report({"zoo": mine, "by hand": hand, "target": TARGET, "images": "Fashion-MNIST" if FOLDER else "random"})


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the seeds, and the accuracy of each on the test images."""
    reached = [run["target_s"] for run in runs if run["target_s"] is not None]
    return {
        "epoch_s": median(run["epoch_s"] for run in runs),
        "train_s": median(run["train_s"] for run in runs),
        "accuracy": [round(run["accuracy"], 4) for run in runs],
        "target_s": round(median(reached), 2) if len(reached) == len(runs) else None,
    }


def by_zoo(seed: int) -> dict[str, Any]:
    """One run of `zoo run simple_cnn fashion_mnist`; its target is reached on the validation images."""
    import zoo
    from zoo.api.running import Observer

    sets: dict[str, Any] = {"dataset.root": FOLDER} if FOLDER else {}
    few = {} if REAL else {"epochs": 1}
    if not REAL:
        sets["train.images_per_epoch"] = FEW
    how = {"device": DEVICE.type, "seed": seed, "overwrite": True, "observer": Observer(), "set": sets, **few}
    result = zoo.run("simple_cnn", "fashion_mnist" if FOLDER else _random, name=f"race-{seed}", **how)
    took = np.cumsum([epoch["seconds"] for epoch in result["epochs"]]).tolist()
    good = [s for s, epoch in zip(took, result["epochs"], strict=True) if epoch["val"]["accuracy"] >= TARGET]
    split = "test" if "test" in result["metrics"] else "val"
    return {
        "epoch_s": round(median(np.diff([0.0, *took])), 3),
        "train_s": round(result["timing"]["train_s"], 2),
        "accuracy": result["metrics"][split]["accuracy"],
        "target_s": good[0] if good else None,
    }


def _random(split: str) -> Patterns:
    return Patterns(60_000 if REAL else 256, 28, 10, channels=1)


def images_of(split: str) -> tuple[Tensor, Tensor]:
    """All images of a split (N, 1, 28, 28) uint8 and their labels (N,)."""
    if not FOLDER:
        drawn = _random(split)
        pixels = torch.from_numpy(np.stack([drawn[i][0] for i in range(len(drawn))]))
        return pixels, torch.tensor(drawn.targets)
    kind = "train" if split == "train" else "t10k"
    pixels = np.frombuffer(
        gzip.decompress(Path(FOLDER, f"{kind}-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16
    )
    labels = np.frombuffer(
        gzip.decompress(Path(FOLDER, f"{kind}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
    )
    return torch.from_numpy(pixels.copy()).view(-1, 1, 28, 28)[:FEW], torch.from_numpy(labels.astype(np.int64))[:FEW]


def network() -> nn.Module:
    """Three stages of two convolutions, each halved by a pool."""

    def stage(inside: int, out: int) -> list[nn.Module]:
        first = [nn.Conv2d(inside, out, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(out), nn.GELU()]
        return [*first, nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.GELU()]

    layers = [
        *stage(1, 64),
        *stage(64, 256),
        *stage(256, 256),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(256, 10),
    ]
    return nn.Sequential(*layers)


def by_hand(seed: int) -> dict[str, Any]:
    """One training by the loop tuned by hand."""
    torch.manual_seed(seed)
    (images, labels), (tests, goals) = (
        tuple(part.to(DEVICE) for part in images_of(split)) for split in ("train", "test")
    )
    half = torch.bfloat16
    mean, std = images.float().mean(), images.float().std()
    images, tests = (
        ((part - mean) / std).to(half).contiguous(memory_format=torch.channels_last) for part in (images, tests)
    )
    model = network().to(DEVICE, memory_format=torch.channels_last)
    steps = EPOCHS * (len(images) // BATCH)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.85, weight_decay=5e-4, nesterov=True, fused=REAL)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.5, steps, pct_start=0.25, anneal_strategy="linear", cycle_momentum=False
    )
    started, seconds, first = synchronised(), [], None
    accuracy = 0.0
    for epoch in range(EPOCHS):
        model.train()
        for rows in torch.randperm(len(images), device=DEVICE).split(BATCH)[: steps // EPOCHS]:
            batch = shifted(images[rows])
            batch = batch.flip(3) if epoch % 2 else batch
            with torch.autocast(DEVICE.type, half):
                loss = cross_entropy(model(batch), labels[rows], label_smoothing=0.2)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            rate.step()
        seconds.append(synchronised() - started)
        before = time.perf_counter()
        accuracy = accuracy_of(model, tests, goals)
        started += time.perf_counter() - before  # the evaluation is not part of the training
        first = seconds[-1] if first is None and accuracy >= TARGET else first
    return {
        "epoch_s": round(seconds[-1] / EPOCHS, 3),
        "train_s": round(seconds[-1], 2),
        "accuracy": accuracy,
        "target_s": first,
    }


def shifted(images: Tensor) -> Tensor:
    """Shift a batch by up to two pixels, the same for all of its images."""
    across, down = torch.randint(0, 5, (2,)).tolist()
    return pad(images, (2, 2, 2, 2), "reflect")[:, :, down : down + 28, across : across + 28]


@torch.inference_mode()
def accuracy_of(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    model.eval()
    with torch.autocast(DEVICE.type, torch.bfloat16):
        right = [
            (model(part).argmax(1) == goal).sum()
            for part, goal in zip(images.split(2000), labels.split(2000), strict=True)
        ]
    return float(torch.stack(right).sum()) / len(labels)


if __name__ == "__main__":
    main()
