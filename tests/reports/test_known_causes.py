"""Real trainings, each with something wrong that is known, and two with nothing: the verdict names it."""

from __future__ import annotations

import contextlib
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import zoo
from zoo.errors import TrainingError
from zoo.reports.verdict import diagnose
from zoo.runner.run_result import RunResult

SMALL = {"architecture.channels": [16, 32], "architecture.hidden": 64, "augment": [], "train.patience": None}
QUIET = {"precision": "fp32", "device": "cpu", "recipe": "none", "image_size": 16}
Rows = list[tuple[int, str, str]]


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,797 real scans of digits as files of 16 px."""
    folder = tmp_path_factory.mktemp("scans")
    for i, image in enumerate(load_digits().images):
        pixels = np.kron(np.rint(image * 255 / 16).astype(np.uint8), np.ones((2, 2), np.uint8))
        Image.fromarray(pixels).save(folder / f"{i:04}.png")
    return folder


def rows_of(train: range, val: range) -> Rows:
    """(number, label, split): of real digits."""
    labels = load_digits().target
    found = [(i, str(labels[i]), "train") for i in train]
    return found + [(i, str(labels[i]), "val") for i in val]


def listed(scans: Path, rows: Rows, name: str) -> Path:
    path = scans / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split"))
        writer.writerows((f"{number:04}.png", label, split) for number, label, split in rows)
    return path


def wrong_labels(rows: Rows, share: float) -> Rows:
    generator = np.random.default_rng(0)
    return [
        (i, str((int(y) + generator.integers(1, 10)) % 10) if generator.random() < share else y, s) for i, y, s in rows
    ]


def rare(rows: Rows, classes: tuple[str, ...], keep: int) -> Rows:
    left = dict.fromkeys(classes, keep)
    found = []
    for i, label, split in rows:
        if split == "train" and label in left:
            left[label] -= 1
            if left[label] < 0:
                continue
        found.append((i, label, split))
    return found


@dataclass(frozen=True)
class Given:
    """What a set of trainings differs in from the others."""

    seed: int
    whole: Rows
    high: tuple[float, float]
    """Learning rates that are too high, of Adam and of SGD; and likewise ``low``."""
    low: tuple[float, float]
    noise: tuple[float, float]
    leaked: int
    rare: tuple[tuple[str, ...], int]
    few: int
    small: range


WHOLE = rows_of(range(1200), range(1200, 1797))
OTHER = rows_of(range(597, 1797), range(597))
ODD = rows_of(range(0, 1797, 2), range(1, 1797, 2))
SETS = {
    "thresholds chosen": Given(
        0, WHOLE, (1.0, 30.0), (2e-6, 1e-5), (0.2, 0.35), 300, (("3", "5", "8"), 3), 30, range(60)
    ),
    "thresholds chosen, too": Given(
        11, OTHER, (0.5, 10.0), (5e-6, 5e-5), (0.15, 0.3), 60, (("0", "6"), 8), 40, range(300, 380)
    ),
    "kept apart": Given(21, ODD, (0.3, 10.0), (3e-6, 5e-5), (0.25, 0.3), 60, (("1", "2"), 5), 40, range(300, 380)),
}


def causes(given: Given) -> dict[str, tuple[str, Rows, dict[str, Any]]]:
    """Name -> what is wrong, the images, and how they are trained on."""
    whole, sgd = given.whole, {"set": {"train.optimizer": "sgd"}}
    leaking: Rows = [*whole, *((i, label, "val") for i, label, _ in whole[: given.leaked])]
    few = rows_of(range(1200), range(1200, 1200 + given.few))
    return {
        "nothing": ("good", whole, {"epochs": 10}),
        "nothing, another seed": ("good", whole, {"epochs": 10, "seed": given.seed + 1}),
        "rate too high": ("rate-too-high", whole, {"epochs": 6, "lr": given.high[0]}),
        "rate too high for sgd": ("rate-too-high", whole, {"epochs": 6, "lr": given.high[1], **sgd}),
        "rate too low": ("rate-too-low", whole, {"epochs": 8, "lr": given.low[0]}),
        "rate too low for sgd": ("rate-too-low", whole, {"epochs": 8, "lr": given.low[1], **sgd}),
        "label noise": ("label-noise", wrong_labels(whole, given.noise[0]), {"epochs": 10}),
        "more label noise": ("label-noise", wrong_labels(whole, given.noise[1]), {"epochs": 8}),
        "leakage": ("leakage", leaking, {"epochs": 8}),
        "normalisation": ("normalisation", whole, {"epochs": 6, "set": {"data.mean": [0.0], "data.std": [0.00392]}}),
        "imbalance": ("imbalance", rare(whole, *given.rare), {"epochs": 8}),
        "few images to validate": ("few", few, {"epochs": 10}),
        "overfitting": ("overfitting", rows_of(given.small, range(1200, 1797)), {"epochs": 40}),
        "underfitting": ("underfitting", whole, {"epochs": 1}),
    }


@pytest.mark.slow
@pytest.mark.parametrize("given", SETS.values(), ids=SETS)
def test_nine_of_ten_causes_are_named_and_nothing_is_where_nothing_is(
    scans: Path, tmp_path: Path, read_result, given: Given
):
    told = {}
    for name, (cause, rows, how) in causes(given).items():
        options = {**QUIET, "seed": given.seed, **how, "set": {**SMALL, **how.get("set", {})}}
        folder = name.replace(",", "").replace(" ", "-")
        with contextlib.suppress(TrainingError):  # a loss that is no number
            zoo.run("simple_cnn", "image_csv", data=listed(scans, rows, folder), out=tmp_path, name=folder, **options)
        result = read_result(tmp_path / folder)
        verdict = diagnose(RunResult.read(result))
        told[name] = (cause, verdict.kind, verdict.evidence)
    wrong = {name: row for name, row in told.items() if row[0] != row[1]}
    assert not [name for name in wrong if name.startswith("nothing")], wrong
    assert len(wrong) <= len(told) // 10, wrong
