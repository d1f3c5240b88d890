"""The tutorial's network in a plain PyTorch loop, as one writes it: what the zoo's speed is compared with.

    python tests/benchmarks/plain_loop.py FOLDER [SEED] [EPOCHS]

FOLDER has train/ and val/, each with a folder for each class. float32, torch's defaults, a DataLoader that decodes
every image in every epoch by two workers. Prints a line of JSON an epoch and one at the end.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder


def network() -> nn.Module:
    """150 px; three convolutions and pools; dense 512, dropout 0.5, one output: 19,034,177 parameters."""
    model = nn.Sequential(
        *(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 128, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(128 * 17 * 17, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 1)),
    )
    assert sum(p.numel() for p in model.parameters()) == 19_034_177
    for layer in model:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


def batches(folder: str, split: str) -> DataLoader[Any]:
    """Decoded and squashed to 150 px, in 0..1."""
    look = transforms.Compose([transforms.Resize((150, 150)), transforms.ToTensor()])
    return DataLoader(ImageFolder(f"{folder}/{split}", look), 32, shuffle=split == "train", num_workers=2)


def accuracy(model: nn.Module, val: DataLoader[Any]) -> float:
    """Share of the images that are answered right."""
    model.eval()
    with torch.no_grad():
        right = [((model(images).squeeze(1) > 0) == labels.bool()).float() for images, labels in val]
    return float(torch.cat(right).mean())


def main(folder: str, seed: int = 0, epochs: int = 5) -> None:
    """Train and print."""
    torch.manual_seed(seed)
    model, train, val = network(), batches(folder, "train"), batches(folder, "val")
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), lr=1e-3), nn.BCEWithLogitsLoss()
    accuracies: list[float] = []
    for epoch in range(1, epochs + 1):
        model.train()
        started = time.perf_counter()
        for images, labels in train:
            optimizer.zero_grad()
            loss_fn(model(images).squeeze(1), labels.float()).backward()
            optimizer.step()
        seconds = time.perf_counter() - started
        accuracies.append(accuracy(model, val))
        say({"epoch": epoch, "seconds": round(seconds, 1), "val_accuracy": accuracies[-1]})
    say({"torch": torch.__version__, "seed": seed, "best": max(accuracies), "last": accuracies[-1]})


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
