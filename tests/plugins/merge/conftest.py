"""Small trained runs of drawn pictures, to be merged."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLOURS = {"blue": (70, 90, 160), "green": (80, 150, 80), "red": (160, 80, 70)}
TINY = (
    *("--recipe", "none", "--image-size", "12", "--batch-size", "8", "--lr", "0.02", "--epochs", "1", "--quiet"),
    *("--precision", "fp32", "--set", "architecture={channels: [4], batch_norm: true, global_pool: avg}"),
)


def write_pictures(folder: Path, count: int, seed: int) -> None:
    """Noisy squares of a colour, in a folder for each colour."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            noise = rng.integers(-90, 90, (12, 12, 3))
            pixels = np.clip(np.array(colour) + noise + rng.integers(-40, 40, 3), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{seed}-{i:02}.png")


def write_labels(folder: Path) -> Path:
    """A CSV file of pictures with several labels."""
    rng = np.random.default_rng(3)
    folder.mkdir()
    with (folder / "labels.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "labels"])
        for i in range(60):
            bright, warm = rng.random() < 0.5, rng.random() < 0.5
            colour = np.array((150, 60, 60) if warm else (60, 60, 150)) + (80 if bright else 0)
            pixels = np.clip(colour + rng.integers(-90, 90, (12, 12, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{i:02}.png")
            rows.writerow([f"{i:02}.png", ";".join([*["bright"] * bright, *["warm"] * warm])])
    return folder / "labels.csv"


@pytest.fixture(scope="session")
def trained(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with datasets and ``runs``: of one dataset with seeds, folds and beginnings of all sorts."""
    from zoo.__main__ import main

    home = tmp_path_factory.mktemp("merged")
    for split, count, seed in (("train", 20, 0), ("val", 12, 1), ("test", 14, 2)):
        write_pictures(home / "three" / split, count, seed)
    shutil.copytree(home / "three" / "train", home / "whole")
    for split in ("train", "val"):
        shutil.copytree(home / "three" / split, home / "two" / split)
    labels = write_labels(home / "several")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("ZOO_OFFLINE", "1")
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.chdir(home)

        def run(name: str, data: str | Path, *more: str, network: str = "simple_cnn") -> None:
            words = TINY if network == "simple_cnn" else TINY[:-2]
            assert main(["run", network, str(data), *words, "--name", name, *more]) == 0

        three = home / "three"
        run("a", three)
        run("b", three, "--seed", "1", "--set", "data.mean=[0.3,0.4,0.5]", "--set", "data.std=[0.2,0.2,0.3]")
        run("c", three, "--seed", "2", network="simple_rnn")
        run("w1", three, "--seed", "3", "--weights", "runs/a")
        run("w2", three, "--seed", "4", "--weights", "runs/a")
        run("whole", home / "whole", "--folds", "3")
        run("seeds", home / "whole", "--seeds", "2", "--set", "data.val_fraction=0.5")
        run("two", home / "two", "--folds", "2")
        run("m1", labels)
        run("m2", labels, "--set", "architecture.channels=[6]")
    return home


@pytest.fixture
def runs(trained: Path) -> Path:
    """A copy of the trained runs in the working folder."""
    shutil.copytree(trained / "runs", "runs")
    return Path("runs")
