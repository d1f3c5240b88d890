"""Accuracy after so many labels: pictures that `zoo label` chooses, against pictures drawn at random.

python tests/benchmarks/label.py PHOTOS --weights FILE [--seeds 5] [--json FILE] [--plot FILE]

PHOTOS is a folder with {train,val}/{cats,dogs}; train is the pool, val measures. Labels are simulated by the folders'
names. The features are those of timm's tf_efficientnet_lite0 with the weights of the file; of scikit-learn's digits
(1,200 in the pool, 597 to measure) they are the gradients and colours that need no network. All ways of choosing see
the same features, fit the same head after every ten labels, and differ in the pictures alone:

    random      drawn at random
    active      chosen: typical pictures up to 20 labels, then uncertain ones that differ
    as shipped  four fifths chosen, a fifth drawn at random for the audit

The numbers are means over the seeds of the mean recall of the classes, with the smallest and the largest.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.jobs import components
from zoo.api.running import Observer
from zoo_label.audit import Audit, Stability, audit_of
from zoo_label.choice import choose_next
from zoo_label.features import features_of_architecture, plain
from zoo_label.head import fit_head
from zoo_label.pool import open_pool

NETWORK = "timm/tf_efficientnet_lite0"
LABELS = (10, 20, 30, 40, 60, 80, 100, 150, 200)
AUDITED = (100, 200)  # labels at which the audit is compared with what it estimates
BATCH, WAYS = 10, ("random", "active", "as shipped")


@dataclass(frozen=True)
class Setting:
    """Pictures to choose from, and others to measure on.

    Args:
        features: (n + m, D), the pool first, scaled by its statistics.
        labels: (n + m,).
        pool: n.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    pool: int


def setting(pool: NDArray[Any], labels: NDArray[Any], test: NDArray[Any], others: NDArray[Any]) -> Setting:
    std = pool.std(axis=0)
    features = (np.concatenate([pool, test]) - pool.mean(axis=0)) / np.where(std > 1e-6, std, 1)
    return Setting(features.astype(np.float32), np.concatenate([labels, others]), len(pool))


def photographs(folder: Path, weights: str) -> dict[str, Setting]:
    """Cats and dogs as they are, and with a dog for every 19 cats."""
    found = {}
    for split in ("train", "val"):
        pool = open_pool(folder / split, folder / split / "labels.csv", folders=True)
        extractor = features_of_architecture(NETWORK, weights, pool, components(), "auto")
        features = extractor.of(pool, Observer())
        labels = np.array([pool.given[row] == "dogs" for row in features.rows.tolist()], np.int64)
        found[split] = features.values, labels
    (pool, labels), test = found["train"], found["val"]
    dogs = np.random.default_rng(0).permutation(np.flatnonzero(labels == 1))
    few = np.concatenate([np.flatnonzero(labels == 0), dogs[: int((labels == 0).sum()) // 19]])
    return {"cats and dogs": setting(pool, labels, *test), "5% dogs": setting(pool[few], labels[few], *test)}


def digits() -> Setting:
    from PIL import Image
    from sklearn.datasets import load_digits

    known = load_digits()
    small = [Image.fromarray((image * 15.9).astype(np.uint8)).resize((64, 64)) for image in known.images]
    features = plain(np.repeat(np.stack([np.array(image) for image in small])[..., None], 3, axis=3))
    order = np.random.default_rng(0).permutation(len(features))
    pool, test = order[:1200], order[1200:]
    return setting(features[pool], known.target[pool], features[test], known.target[test])


@dataclass(frozen=True)
class Point:
    """A course at some number of labels.

    Args:
        recall: mean recall on the other pictures.
        counts: number of labels by class.
        stable: the page says that more labels will hardly pay.
        audit: the estimate of the accuracy that the page shows; None without one.
        accuracy: accuracy on the other pictures, with the classes as frequent as in the pool.
    """

    recall: float
    counts: NDArray[np.int64]
    stable: bool
    audit: Audit | None
    accuracy: float


def course(given: Setting, way: str, seed: int) -> Iterator[Point]:
    """One simulated session."""
    classes = int(given.labels.max()) + 1
    order = np.random.default_rng(seed).permutation(given.pool)
    labelled: dict[int, int] = {}
    probs, stability, audited = None, Stability(), list[int]()
    while len(labelled) < max(LABELS):
        left = np.array([row for row in order.tolist() if row not in labelled])
        wanted = {"random": 0, "active": BATCH, "as shipped": BATCH - BATCH // 5}[way]
        pool = given.features[: given.pool]
        chosen = choose_next(probs, len(labelled), pool, left, wanted, seed) if wanted else []
        drawn = [row for row in left.tolist() if row not in chosen]
        if probs is not None:
            audited += drawn[: BATCH - wanted]
        for row in [*chosen, *drawn][:BATCH]:
            labelled[row] = int(given.labels[row])
        fitted = fit_head(given.features, labelled, classes)
        probs = fitted[: given.pool] if len(set(labelled.values())) > 1 else None
        stability.add(len(labelled), list(map(str, range(classes))), fitted[: given.pool].argmax(axis=1))
        if len(labelled) in LABELS:
            test, predicted = given.labels[given.pool :], fitted[given.pool :].argmax(axis=1)
            recalls = [(predicted[test == each] == each).mean() for each in range(classes)]
            mix = np.bincount(given.labels[: given.pool], minlength=classes) / given.pool
            accuracy = float(np.array(recalls) @ mix)
            counts = np.bincount(list(labelled.values()), minlength=classes)
            audit = (
                audit_of(given.features, labelled, audited, classes)
                if way == "as shipped" and len(labelled) in AUDITED
                else None
            )
            yield Point(float(np.mean(recalls)), counts, stability.reached, audit, accuracy)


def table(name: str, given: Setting, seeds: int) -> tuple[list[str], dict[str, Any]]:
    """Rows in Markdown, and the numbers of each seed."""
    lines = [f"| {name} | {' | '.join(map(str, LABELS))} |", f"| --- |{' --- |' * len(LABELS)}"]
    numbers: dict[str, Any] = {}
    for way in WAYS:
        courses = [list(course(given, way, seed)) for seed in range(seeds)]
        recalls = np.array([[point.recall for point in each] for each in courses])
        rarest = np.array([[point.counts.min() for point in each] for each in courses])
        numbers[way] = {
            "recall": recalls.tolist(),
            "labels of the rarest class": rarest.tolist(),
            "stable from": [next((n for n, p in zip(LABELS, each, strict=True) if p.stable), None) for each in courses],
            "audit": [[_audit(point) for point in each] for each in courses],
        }
        cells = [f"{100 * c.mean():.1f} ({100 * c.min():.1f} to {100 * c.max():.1f})" for c in recalls.T]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return lines, numbers


def _audit(point: Point) -> tuple[float, float, float] | None:
    """Ends of the interval that the page shows, and the accuracy that it estimates; None without an audit."""
    return None if point.audit is None else (point.audit.low, point.audit.high, point.accuracy)


def audits(found: dict[str, Any]) -> Iterator[str]:
    """What the page says of the model, against what holds."""
    for name, ways in found.items():
        shipped = ways["as shipped"]
        known = [each[LABELS.index(n)] for each in shipped["audit"] for n in AUDITED]
        below = sum(high < accuracy for _, high, accuracy in known)
        inside = sum(low <= accuracy <= high for low, high, accuracy in known)
        stable = shipped["stable from"]
        rows = [shipped["recall"][i][LABELS.index(n)] for i, n in enumerate(stable) if n is not None]
        lasts = [shipped["recall"][i][-1] for i, n in enumerate(stable) if n is not None]
        yield f"{name}: interval of the audit at {AUDITED} labels holds in {inside} of {len(known)}, {below} too low"
        then = f", recall then {100 * np.mean(rows):.1f}, at the end {100 * np.mean(lasts):.1f}" if rows else ""
        yield f"  stable from {stable} labels{then}"


def plot(found: dict[str, Any], file: Path) -> None:
    """Draw the curves: means of the seeds, within the smallest and the largest."""
    import matplotlib.pyplot as plt

    figure, places = plt.subplots(1, len(found), figsize=(11, 3.4), layout="constrained")
    for place, (name, ways) in zip(places, found.items(), strict=True):
        for way, colour in zip(WAYS, ("#7d8798", "#0f7d86", "#b4451f"), strict=True):
            recalls = 100 * np.array(ways[way]["recall"])
            place.plot(LABELS, recalls.mean(axis=0), color=colour, label=way)
            place.fill_between(LABELS, recalls.min(axis=0), recalls.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        place.set(title=name, xlabel="labels")
        place.grid(alpha=0.3)
    places[0].set_ylabel("mean recall, %")
    places[0].legend(loc="lower right")
    figure.savefig(file, dpi=100)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    typed = parser.parse_args()
    found = {}
    for name, given in {**photographs(typed.photos, typed.weights), "digits": digits()}.items():
        lines, found[name] = table(name, given, typed.seeds)
        print("\n".join(lines), "\n", flush=True)  # noqa: T201
    print("\n".join(audits(found)))  # noqa: T201
    if typed.json:
        typed.json.write_text(json.dumps(found, indent=1) + "\n")
    if typed.plot:
        plot(found, typed.plot)


if __name__ == "__main__":
    main()
