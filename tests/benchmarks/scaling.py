"""What each part costs as data and processes grow: measured here, or simulated for machines that are not at hand.

    python tests/benchmarks/scaling.py stores [--most 1000000]
    python tests/benchmarks/scaling.py processes FOLDER [--epochs 2]
    python tests/benchmarks/scaling.py simulate

`stores` decodes data sets of made-up images of 8 px, opens them again, and lays out an epoch; `processes` trains the
tutorial's network by 1, 2 and 4 processes; `simulate` computes a step of ResNet-50 on up to 1,024 GPUs from the figures
below. Each prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 8


class Synthetic:
    """Images of noise, which cost next to nothing to make."""

    def __init__(self, count: int):
        self.count, self.classes, self.fingerprint = count, ["a", "b"], f"synthetic {count}"
        self.shards = np.arange(count) // 1000

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return np.full((3, SIDE, SIDE), index % 251, np.uint8), index % 2


def table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows])


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = call()
    return time.perf_counter() - started, found


def stores(most: int) -> None:
    """Each size in a process of its own, whose peak memory is told."""
    rows = []
    for count in (1_000, 10_000, 100_000, 1_000_000):
        if count <= most:
            with tempfile.TemporaryDirectory() as cache:
                world = {**os.environ, "ZOO_CACHE": cache}
                out = subprocess.run(
                    [sys.executable, __file__, "one-store", str(count)], env=world, check=True, capture_output=True
                )
                rows.append(json.loads(out.stdout))
    heads = [
        "images",
        "decoded and kept, s",
        "images/s",
        "opened again, s",
        "an epoch's order, s",
        "shards, s",
        "peak MiB",
    ]
    print(table(heads, rows))  # noqa: T201


def one_store(count: int) -> None:
    from zoo.data.decode import Shape
    from zoo.data.store import decode_split
    from zoo_samplers.samplers import epoch_order, shard_order

    data, shape = Synthetic(count), Shape(SIDE, 3)
    build, _ = timed(lambda: decode_split(data, shape, "disk"))
    again, split = timed(lambda: decode_split(data, shape, "disk"))
    order, _ = timed(lambda: epoch_order(count, 0, 1))
    shards, _ = timed(lambda: shard_order(split.shards, 0, 1, 8))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = [f"{count:,}", f"{build:.1f}", f"{count / build:,.0f}", f"{again:.3f}", f"{order:.3f}", f"{shards:.3f}"]
    print(json.dumps([*row, f"{peak:,.0f}"]))  # noqa: T201


def processes(folder: str, epochs: int) -> None:
    rows, alone = [], 0.0
    with tempfile.TemporaryDirectory() as home:
        for count in (1, 1, 2, 4):  # the first fills the store
            name = f"{count}-{len(rows)}"
            words = ["run", "simple_cnn", folder, "--recipe", "article", "--epochs", str(epochs), "--nproc", str(count)]
            subprocess.run(
                [sys.executable, "-m", "zoo", *words, "--out", home, "--name", name, "--overwrite", "--quiet"],
                env={**os.environ, "ZOO_CACHE": f"{home}/cache"},
                check=True,
            )
            result = json.loads(Path(home, name, "result.json").read_text("utf-8"))
            rate = max(epoch["images_per_second"] for epoch in result["epochs"])
            alone = alone if rows else rate
            metrics = result["metrics"]["val"]
            rows.append([str(count), f"{rate:.0f}", f"{rate / alone:.2f}", f"{metrics['accuracy']:.4f}"])
    print(table(["processes", "images/s", "of one", "val accuracy"], rows[1:]))  # noqa: T201


STEP_S, BACKWARD = 0.100, 2 / 3
"""Of 256 images of ResNet-50 at 224 px, and the share that is the backward pass; assumed of an H100, not measured."""
PARAMETERS, BUCKET = 25_557_032, 25 << 20
MACHINE = 8
INSIDE, BETWEEN, LATENCY = 300e9, 50e9, 10e-6
"""Bytes a second between the GPUs of a machine (NVLink) and between machines (400 Gbit/s), seconds a hop."""
JITTER = 0.02
"""Spread of one GPU's step, as a share of it: all wait for the slowest."""


def simulate() -> None:
    """Steps whose gradients are sent as they are found, or all at the end."""
    generator = np.random.default_rng(0)
    rows = []
    for count in (1, 2, 8, 16, 64, 256, 1024):
        steps = STEP_S * (1 + JITTER * np.abs(generator.standard_normal((200, count)))).max(1)
        found = {early: np.mean([step_of(float(s), count, early) for s in steps]) for early in (True, False)}
        rates = [256 * count / found[early] for early in (True, False)]
        shares = [STEP_S / found[early] for early in (True, False)]
        cells = [f"{rates[0]:,.0f}", f"{shares[0]:.0%}", f"{shares[1]:.0%}", f"{256 * count:,}"]
        rows.append([f"{count:,}", *cells])
    print(table(["GPUs", "images/s", "of perfect", "sent at the end", "global batch"], rows))  # noqa: T201


def step_of(seconds: float, count: int, early: bool) -> float:
    """Seconds of a step, sending included."""
    buckets = np.diff([*range(0, 4 * PARAMETERS, BUCKET), 4 * PARAMETERS])
    begin = seconds * (1 - BACKWARD)
    ready = begin + seconds * BACKWARD * np.cumsum(buckets) / buckets.sum() if early else [seconds] * len(buckets)
    end = 0.0
    for size, at in zip(buckets, ready, strict=True):
        end = max(end, float(at)) + all_reduce(float(size), count)
    return max(end, seconds)


def all_reduce(size: float, count: int) -> float:
    """Rings inside each machine, and one between them for each of its GPUs (as NCCL does by trees, with fewer hops)."""
    inside, machines = min(count, MACHINE), -(-count // MACHINE)
    seconds = 2 * (inside - 1) / inside * size / INSIDE + 2 * (inside - 1) * LATENCY
    if machines > 1:
        seconds += 2 * (machines - 1) / machines * size / inside / (BETWEEN / MACHINE) + 2 * np.log2(machines) * LATENCY
    return float(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("stores").add_argument("--most", type=int, default=1_000_000)
    commands.add_parser("one-store").add_argument("count", type=int)
    trained = commands.add_parser("processes")
    trained.add_argument("folder")
    trained.add_argument("--epochs", type=int, default=2)
    commands.add_parser("simulate")
    given = parser.parse_args()
    if given.what == "stores":
        stores(given.most)
    elif given.what == "one-store":
        one_store(given.count)
    elif given.what == "processes":
        processes(given.folder, given.epochs)
    else:
        simulate()


if __name__ == "__main__":
    main()
