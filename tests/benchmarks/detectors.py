"""Detectors of foreign images, and the coverage of conformal sets, on real photographs.

    python tests/benchmarks/detectors.py --photos FOLDER --weights FILE --skimage FOLDER --textiles FOLDER
        [--fashion FOLDER] [--out DIR] [--splits 10]

FOLDER of --photos has train/ and val/ with cats/ and dogs/; --weights are tf_efficientnet_lite0's of ImageNet;
--skimage is skimage/data of an unpacked wheel of scikit-image; --textiles has pictures of textiles in PNG or JPEG, such
as conformal_clip_data/data/textile_images of the package conformal-clip-data; --fashion has Fashion-MNIST's files.

Two runs with the backbone frozen: cats and dogs, with images of other things; and dogs and textiles, with the
photographs of cats, the class that was left out. Each prints a table of `zoo detector`. Then the validation predictions
of the first run, and of a simple_cnn, are divided at random into halves: one calibrates the sets, the other verifies
them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.stats import betabinom, binom
from sklearn.datasets import load_digits, load_sample_images

from zoo.engine.conformal import conformal_quantile, nonconformity, prediction_sets, true_class_scores
from zoo.reports.kit.text import percent
from zoo.runner.predictions import read_predictions
from zoo_detectors.generated import KINDS, generated

BACKBONE = "timm/tf_efficientnet_lite0"
EACH = 300
PHOTOGRAPHS = (
    *("astronaut.png", "camera.png", "coffee.png", "coins.png", "motorcycle_left.png", "rocket.jpg"),
    *("brick.png", "grass.png", "gravel.png", "retina.jpg", "hubble_deep_field.jpg", "moon.png"),
)
"""Photographs of scikit-image that show neither a cat nor a dog."""
COVERAGES = (0.9, 0.95, 0.99)


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("photos", "weights", "skimage", "textiles"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--fashion", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path, default=Path("detectors"))
    parser.add_argument("--splits", type=int, default=10)
    return parser.parse_args()


def zoo(*words: Any) -> str:
    """The output of a command."""
    done = subprocess.run([sys.executable, "-m", "zoo", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def fashion(folder: Path) -> Iterator[Image.Image]:
    with gzip.open(folder / "t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    yield from (Image.fromarray(each) for each in pixels[:EACH])


def digits() -> Iterator[Image.Image]:
    for each in load_digits().images[:EACH]:
        yield Image.fromarray((each * 255 / 16).astype(np.uint8)).resize((64, 64), Image.Resampling.NEAREST)


def crops(folder: Path) -> Iterator[Image.Image]:
    """Ten crops of each photograph, a third to the whole of its shorter side."""
    rng = np.random.default_rng(0)
    whole = [Image.open(folder / name).convert("RGB") for name in PHOTOGRAPHS]
    for photo in [*whole, *map(Image.fromarray, load_sample_images().images)]:
        for _ in range(10):
            side = int(min(photo.size) * rng.uniform(1 / 3, 1))
            x, y = (int(rng.integers(0, length - side + 1)) for length in photo.size)
            yield photo.crop((x, y, x + side, y + side))


def write(folder: Path, pictures: Iterator[Image.Image]) -> Path:
    """Write pictures to a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number:04}.png")
    return folder


def textiles(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png"))
    return [found[i] for i in np.random.default_rng(0).permutation(len(found))]


def link(paths: list[Path], folder: Path) -> Path:
    """Name files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(paths):
        place = folder / f"{number:04}{path.suffix}"
        if not place.exists():
            place.symlink_to(path.resolve())
    return folder


def table(found: dict[str, Any]) -> str:
    """AUROC and FPR95 of each detector for each kind, in Markdown."""
    kinds = list(found["foreign"])
    lines = [f"| detector | {' | '.join(kinds)} | all | found |", f"| --- |{' --- |' * (len(kinds) + 2)}"]
    for name, each in found["detectors"].items():
        cells = [shown(each["kinds"][kind]) for kind in kinds]
        rate = f"{100 * each['found']['value']:.1f}%"
        lines.append(f"| {name} | {' | '.join(cells)} | {shown(each['all'])} | {rate} |")
    return "\n".join(lines)


def shown(each: dict[str, Any]) -> str:
    low, high = (100 * end for end in each["fpr95_interval"])
    return f"{each['auroc']:.4f}, {100 * each['fpr95']:.1f}% ({low:.1f} to {high:.1f})"


def coverage(run: Path, splits: int) -> Iterator[str]:
    """A row in Markdown for each coverage: rates of the splits, and how many lie within their intervals."""
    kept = read_predictions(run, "val")
    probs, labels, count = kept.probabilities, kept.targets, len(kept.targets)
    half = count // 2
    for wanted in COVERAGES:
        rates, sizes, shipped = [], [], []
        for seed in range(splits):
            order = np.random.default_rng(seed).permutation(count)
            here, there = order[:half], order[half:]
            quantile = conformal_quantile(true_class_scores(probs[here], labels[here]), wanted)
            inside = nonconformity(probs[there]) <= quantile
            sets = prediction_sets(probs[there], quantile)
            rates.append(inside[np.arange(len(there)), labels[there]].mean())
            shipped.append(sets[np.arange(len(there)), labels[there]].mean())
            sizes.append(sets.sum(axis=1).mean())
        test, rank = count - half, int(np.ceil((half + 1) * wanted))
        plain = [x / test for x in binom.interval(0.95, test, wanted)]
        low, high = (x / test for x in betabinom.interval(0.95, test, rank, half + 1 - rank))
        rest = sum(plain[0] <= rate <= plain[1] for rate in rates)
        own = sum(low <= rate <= high for rate in rates)
        spread = f"{percent(np.mean(rates), 2)} ({percent(min(rates))} to {percent(max(rates))})"
        within = f"{own} of {splits} in {percent(low)} to {percent(high)}"
        binomial = f"{rest} of {splits} in {percent(plain[0])} to {percent(plain[1])}"
        non_empty = f"{percent(np.mean(shipped), 2)}, {np.mean(sizes):.2f} classes"
        yield f"| {run.name} | {percent(wanted, 0)} | {spread} | {within} | {binomial} | {non_empty} |"


def main() -> None:
    """Measure."""
    typed = arguments()
    out = typed.out
    cloths = textiles(typed.textiles)
    foreign = {
        "fashion": write(out / "foreign/fashion", fashion(typed.fashion)),
        "digits": write(out / "foreign/digits", digits()),
        **{kind: write(out / "foreign" / kind, iter(generated(kind, EACH))) for kind in KINDS},
        "textiles": link(cloths[:EACH], out / "foreign/textiles"),
        "photographs": write(out / "foreign/photographs", crops(typed.skimage)),
    }
    how = ["--weights", typed.weights, "--freeze", "backbone", "--epochs", 3, "--out", out / "runs", "--overwrite"]
    zoo("run", BACKBONE, "cats_dogs", "--data", typed.photos, *how, "--name", "cats-dogs")
    options = [word for folder in foreign.values() for word in ("--foreign", folder)]
    print(table(json.loads(zoo("detector", out / "runs/cats-dogs", *options, "--json"))), "\n", flush=True)  # noqa: T201

    left_out = out / "left_out"
    for split, (first, last) in {"train": (EACH, EACH + 700), "val": (EACH + 700, EACH + 1000)}.items():
        link(sorted((typed.photos / split / "dogs").iterdir())[:1000], left_out / split / "dogs")
        link(cloths[first:last], left_out / split / "textiles")
    zoo("run", BACKBONE, left_out, *how, "--name", "dogs-textiles")
    cats = ["--foreign", typed.photos / "val/cats"]
    print(table(json.loads(zoo("detector", out / "runs/dogs-textiles", *cats, "--json"))), "\n", flush=True)  # noqa: T201

    small = ["--epochs", 6, "--image-size", 48, "--out", out / "runs", "--overwrite"]
    zoo("run", "simple_cnn", "cats_dogs", "--data", typed.photos, *small, "--name", "simple-cnn")
    heads = ("run", "promised", "coverage", "own interval", "binomial interval", "as shipped")
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")  # noqa: T201
    for name in ("cats-dogs", "simple-cnn"):
        print("\n".join(coverage(out / "runs" / name, typed.splits)))  # noqa: T201


if __name__ == "__main__":
    main()
