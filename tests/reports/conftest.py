"""Results as runs leave them: two classes over 60 epochs, thirty classes, and one cut short before its first epoch."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from zoo.runner.record import Run

Document = dict[str, Any]


def per_class(matrix: list[list[int]], classes: list[str]) -> Document:
    figures = {}
    for k, name in enumerate(classes):
        hit, support, predicted = matrix[k][k], sum(matrix[k]), sum(row[k] for row in matrix)
        precision, recall = hit / predicted if predicted else 0.0, hit / support if support else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        figures[name] = {"precision": precision, "recall": recall, "f1": f1, "support": support}
    return figures


def scored(matrix: list[list[int]], classes: list[str], loss: float = 0.2261) -> Document:
    figures = per_class(matrix, classes)
    accuracy = sum(matrix[k][k] for k in range(len(matrix))) / sum(map(sum, matrix))
    return {
        "loss": loss,
        "accuracy": accuracy,
        "f1_macro": sum(f["f1"] for f in figures.values()) / len(figures),
        "f1_micro": accuracy,
        "confusion_matrix": matrix,
        "per_class": figures,
    }


def course(epochs: int, best: int, train_end: float, val_end: float, overfit: bool = False) -> list[Document]:
    rng, records, top = random.Random(0), [], 0.0
    for epoch in range(1, epochs + 1):
        done = 1 - math.exp(-4 * epoch / epochs)
        train = 0.5 + (train_end - 0.5) * done + rng.uniform(-0.005, 0.005)
        val = 0.5 + (val_end - 0.5) * done + rng.uniform(-0.012, 0.008)
        val = min(val, val_end - 0.001) if epoch != best else val_end
        drift = 0.02 * max(0, epoch - best) if overfit else 0.0
        records.append(
            {
                "epoch": epoch,
                "train": {"loss": 0.72 * (1 - train) / 0.5 + 0.02, "accuracy": train},
                "val": {
                    "loss": 0.72 * (1 - val) / 0.5 + 0.05 + drift,
                    "accuracy": val,
                    "f1_macro": val - 0.003,
                    "f1_micro": val,
                },
                "lr": 0.002 * (1 - epoch / epochs),
                "seconds": 11.8 + rng.random(),
                "images_per_second": 196 + 8 * rng.random(),
                "best": val > top,
            }
        )
        top = max(top, val)
    return records


def job() -> Document:
    return {
        "architecture": {"name": "simple_cnn", "channels": [32, 64, 128, 256, 256], "batch_norm": True, "dropout": 0.2},
        "dataset": {"name": "cats_dogs", "root": "data/cats_dogs", "source": "auto"},
        "loss": {"name": "binary_cross_entropy", "smoothing": 0.1},
        "metrics": [{"name": "auroc"}],
        "augment": [{"name": "flip", "p": 0.5}, {"name": "affine", "degrees": 15.0}, {"name": "colour"}],
        "train": {
            "epochs": 60,
            "batch_size": 32,
            "image_size": 128,
            "optimizer": {"name": "adamw", "eps": 1e-8},
            "lr": 0.002,
            "weight_decay": 0.05,
            "schedule": {"name": "one_cycle", "warmup": 0.3},
            "monitor": "val/accuracy",
            "patience": None,
        },
        "data": {"in_chans": 3, "mean": [0.5], "std": [0.25]},
        "device": "auto",
        "precision": "auto",
        "seed": 0,
        "recipe": "simple_cnn+cats_dogs",
    }


def sources() -> dict[str, str]:
    recipe = "recipe simple_cnn+cats_dogs"
    return {
        "architecture.name": "command line",
        "architecture.channels": recipe,
        "architecture.batch_norm": recipe,
        "architecture.dropout": "simple_cnn's own",
        "dataset.name": "command line",
        "dataset.root": "command line",
        "dataset.source": "cats_dogs's own",
        "loss.name": recipe,
        "loss.smoothing": "--set",
        "augment": recipe,
        "metrics": "--set",
        "train.epochs": "command line",
        "train.batch_size": recipe,
        "train.image_size": recipe,
        "train.optimizer.name": "default",
        "train.optimizer.eps": "adamw's own",
        "train.lr": recipe,
        "train.weight_decay": "default",
        "train.schedule.name": "default",
        "train.schedule.warmup": "one_cycle's own",
        "device": "default",
        "precision": "default",
        "seed": "default",
    }


EXPECT = {"metric": "val/accuracy", "value": 0.9, "photos": 2000, "measured": "2 CPU cores, 13 min"}


@pytest.fixture
def two_classes() -> Document:
    classes, matrix = ["cat", "dog"], [[452, 48], [39, 461]]
    names = [
        f"data/cats_dogs/validation/{'cats' if i % 2 else 'dogs'}/{'cat' if i % 2 else 'dog'}.{2000 + 7 * i}.jpg"
        for i in range(20)
    ]
    mistakes = [
        {
            "name": name,
            "true": "cat" if i % 2 else "dog",
            "predicted": "dog" if i % 2 else "cat",
            "confidence": 0.993 - 0.01 * i,
        }
        for i, name in enumerate(names)
    ]
    return {
        "schema": 1,
        "status": "completed",
        "run": "simple_cnn-cats_dogs-1",
        "dir": "runs/simple_cnn-cats_dogs-1",
        "job": job(),
        "job_sources": sources(),
        "classes": classes,
        "splits": {
            "train": {"images": 2000, "skipped": [], "fingerprint": "a1", "source": "photos in data/cats_dogs"},
            "val": {"images": 1000, "skipped": [{"name": "cat.2107.jpg", "reason": "truncated"}], "fingerprint": "b2"},
        },
        "metrics": {"val": {**scored(matrix, classes), "auroc": 0.9713}},
        "mistakes": {"val": mistakes},
        "best": {"epoch": 57, "metric": "val/accuracy", "value": 0.913},
        "epochs": course(60, 57, 0.93, 0.913),
        "timing": {
            "setup_s": 2.1,
            "data_s": 8.4,
            "train_s": 742.0,
            "evaluate_s": 31.0,
            "total_s": 784.2,
            "train_images_per_second": 201.0,
        },
        "environment": {"python": "3.13.5", "torch": "2.15.0", "platform": "Linux x86_64", "cpu": "2 threads"},
        "provenance": {
            "architecture": {
                "id": "simple/simple_cnn",
                "distribution": "visionzoo",
                "version": "0.1.0",
                "target": "zoo_simple.cnn:SimpleCNN",
            }
        },
        "model": {"parameters": 1238914, "bundle": "model"},
        "recipe": {"name": "simple_cnn+cats_dogs", "expect": EXPECT},
        "stop_reason": None,
        "notices": [],
    }


@pytest.fixture
def thirty_classes(two_classes: Document) -> Document:
    rng = random.Random(1)
    classes = sorted(
        f"{a} {b}"
        for a in ("alpine", "common", "dwarf", "great", "hairy", "marsh")
        for b in ("aster", "buttercup", "cinquefoil", "daisy", "gentian of the northern meadows")
    )
    matrix = [[0] * 30 for _ in range(30)]
    for k in range(30):
        for _ in range(40):
            matrix[k][k if rng.random() < 0.66 + k / 150 else (k + rng.choice((1, 1, 5, 6, 11))) % 30] += 1
    mistakes = [
        {
            "name": f"photos of flowers/validation/{classes[i]}/IMG_2024_{i:05d}.jpg",
            "true": classes[i],
            "predicted": classes[i + 1],
            "confidence": 0.9 - i / 100,
        }
        for i in range(12)
    ]
    return {
        **two_classes,
        "run": "resnet18-flowers-3",
        "dir": "runs/resnet18-flowers-3",
        "status": "stopped",
        "stop_reason": "val/accuracy has not risen for 8 epochs",
        "classes": classes,
        "metrics": {"val": scored(matrix, classes, 0.91), "test": scored(matrix, classes, 0.93)},
        "splits": {"train": {"images": 4800}, "val": {"images": 1200}, "test": {"images": 1200}},
        "mistakes": {"val": mistakes},
        "best": {"epoch": 12, "metric": "val/accuracy", "value": 0.76},
        "epochs": course(20, 12, 0.985, 0.76, overfit=True),
        "recipe": None,
        "job": {**two_classes["job"], "augment": []},
    }


@pytest.fixture
def cut_short(two_classes: Document) -> Document:
    gone = {
        "metrics": {},
        "best": None,
        "epochs": [],
        "mistakes": {},
        "status": "interrupted",
        "timing": {"total_s": 3.2},
    }
    return {**two_classes, **gone}


@pytest.fixture
def run() -> Run:
    return Run(
        name="simple_cnn-cats_dogs-1",
        dir=Path("runs/simple_cnn-cats_dogs-1"),
        job=job(),
        sources=sources(),
        classes=["cat", "dog"],
        splits={
            "train": {"images": 2000, "skipped": [], "source": "photos in data/cats_dogs"},
            "val": {"images": 1000},
        },
        model={"id": "simple/simple_cnn", "parameters": 1238914, "plugin": "simple", "version": "0.1.0"},
        device={"name": "cpu", "description": "2 CPU threads"},
        execution="bfloat16, channels_last",
        expect=EXPECT,
        notices=[],
    )
