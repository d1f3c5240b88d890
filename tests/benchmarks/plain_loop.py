"""A job of peers.py in a plain PyTorch loop, as one writes it: what the zoo's speed is compared with.

    python tests/benchmarks/plain_loop.py FOLDER [SEED] [EPOCHS] [--network article|resnet18|lite0] [--weights FILE]

FOLDER has train/ and val/, each with a folder for each class. float32, torch's defaults, a DataLoader that decodes
every image in every epoch by two workers. `article` is the tutorial's network; `resnet18` is timm's, from scratch, and
`lite0` timm's EfficientNet-Lite0, all of it trained on from the weights in FILE. Prints a line of JSON an epoch and
one at the end, with the medians of images a second over the epochs after the first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

LOOK = transforms.Compose([transforms.Resize((150, 150)), transforms.ToTensor()])
"""What the tutorial's network sees: squashed to 150 px, in 0..1."""


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


@dataclass(frozen=True)
class Job:
    """What is trained, and how.

    Args:
        look: a picture to the network's input.
        loss: of logits and labels.
        answers: the classes that logits stand for.
    """

    model: nn.Module
    look: Callable[[Any], Tensor]
    optimizer: torch.optim.Optimizer
    loss: Callable[[Tensor, Tensor], Tensor]
    answers: Callable[[Tensor], Tensor]


def article() -> Job:
    """The tutorial's: Adam 1e-3, binary cross-entropy."""
    model = network()
    return Job(
        model,
        LOOK,
        torch.optim.Adam(model.parameters(), lr=1e-3),
        lambda logits, labels: binary_cross_entropy_with_logits(logits.squeeze(1), labels.float()),
        lambda logits: (logits.squeeze(1) > 0).long(),
    )


def of_timm(name: str, lr: float, weights: str | None = None) -> Job:
    """A network of timm at 224 px: AdamW, weight decay 0.05 but for norms and biases, cross-entropy.

    Args:
        weights: a file to begin with, except for the last layer.
    """
    import timm
    from timm.optim import param_groups_weight_decay

    overlay = {"file": weights} if weights else None
    model = timm.create_model(name, pretrained=weights is not None, pretrained_cfg_overlay=overlay, num_classes=2)
    config = timm.data.resolve_model_data_config(model)
    squash = transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC)
    look = transforms.Compose([squash, transforms.ToTensor(), transforms.Normalize(config["mean"], config["std"])])
    optimizer = torch.optim.AdamW(param_groups_weight_decay(model, weight_decay=0.05), lr=lr)
    return Job(model, look, optimizer, cross_entropy, lambda logits: logits.argmax(1))


def batches(folder: str, split: str, look: Callable[[Any], Tensor] = LOOK) -> DataLoader[Any]:
    """Batches of 32, decoded by two workers."""
    return DataLoader(ImageFolder(f"{folder}/{split}", look), 32, shuffle=split == "train", num_workers=2)


def train_epoch(job: Job, train: DataLoader[Any]) -> None:
    """Each image once."""
    job.model.train()
    for images, labels in train:
        job.optimizer.zero_grad()
        job.loss(job.model(images), labels).backward()
        job.optimizer.step()


def accuracy(job: Job, val: DataLoader[Any]) -> float:
    """Share of the images that are answered right."""
    job.model.eval()
    with torch.no_grad():
        right = [(job.answers(job.model(images)) == labels).float() for images, labels in val]
    return float(torch.cat(right).mean())


def rate(loader: DataLoader[Any], seconds: list[float]) -> float:
    """Images a second: the median over the epochs after the first, or of the only one."""
    return round(len(loader.dataset) / statistics.median(seconds[1:] or seconds), 1)  # type: ignore[arg-type]


def main(folder: str, seed: int, epochs: int, job_of: Callable[[], Job]) -> None:
    """Train and print."""
    torch.manual_seed(seed)
    job = job_of()
    train, val = batches(folder, "train", job.look), batches(folder, "val", job.look)
    accuracies: list[float] = []
    training: list[float] = []
    evaluating: list[float] = []
    for epoch in range(1, epochs + 1):
        started = time.perf_counter()
        train_epoch(job, train)
        trained = time.perf_counter()
        accuracies.append(accuracy(job, val))
        training.append(trained - started)
        evaluating.append(time.perf_counter() - trained)
        say({"epoch": epoch, "seconds": round(training[-1], 1), "val_accuracy": accuracies[-1]})
    rates = {"train_images_per_second": rate(train, training), "evaluate_images_per_second": rate(val, evaluating)}
    say({"torch": torch.__version__, "seed": seed, "best": max(accuracies), "last": accuracies[-1], **rates})


def say(line: dict[str, Any]) -> None:
    """A line of JSON."""
    print(json.dumps(line), flush=True)  # noqa: T201


def command() -> None:
    """The option."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("epochs", type=int, nargs="?", default=5)
    parser.add_argument("--network", choices=("article", "resnet18", "lite0"), default="article")
    parser.add_argument("--weights", help="where lite0 begins, as .safetensors")
    given = parser.parse_args()
    if given.network == "lite0" and not given.weights:
        parser.error("lite0 begins with weights: --weights FILE")
    jobs: dict[str, Callable[[], Job]] = {
        "article": article,
        "resnet18": lambda: of_timm("resnet18", 1e-3),
        "lite0": lambda: of_timm("tf_efficientnet_lite0", 1e-4, given.weights),
    }
    main(given.folder, given.seed, given.epochs, jobs[given.network])


if __name__ == "__main__":
    command()
