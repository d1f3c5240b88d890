"""Seconds from typing to the first training step: the zoo beside a bare script, in turn.

    python tests/benchmarks/startup.py FOLDER [--rounds 9]

FOLDER has train/ and val/, each with a folder for each class; the zoo has decoded them before. Both build the
tutorial's network and Adam, and end the process when the loss of the first batch is there: the bare script's of random
images, after importing torch and torchvision; the zoo's of its first batch of photos. Prints medians and the
differences of each round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
import os, torch, torchvision
from plain_loop import network
model = network()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loss = torch.nn.BCEWithLogitsLoss()(model(torch.rand(32, 3, 150, 150)).squeeze(1), torch.ones(32))
os._exit(3)
"""
LOSS = """
import os
from torch.nn.functional import cross_entropy
def make():
    def loss(logits, targets):
        if logits.requires_grad:
            os._exit(3)
        return cross_entropy(logits, targets)
    return loss
"""
REACHED = 3
"""How a process says that it has come to the first step."""


def prepare(home: Path, folder: Path) -> list[str]:
    """The zoo's command, with a loss that ends the process; its images are decoded."""
    (home / "ends.py").write_text(LOSS, "utf-8")
    (home / "registry.yaml").write_text("version: 1\ncomponents: {loss: {ends: {target: './ends.py:make'}}}\n", "utf-8")
    job = ["simple_cnn", "cats_dogs", "--recipe", "article", "--data", str(folder.absolute()), "--set", "loss=ends"]
    # What a run before has measured; a trial is no part of starting up.
    decided = ["--precision", "bf16" if has_bf16() else "fp32", "--set", "memory_format=channels_last"]
    return [
        sys.executable,
        "-m",
        "zoo",
        "run",
        *job,
        *decided,
        "--out",
        "runs",
        "--name",
        "run",
        "--overwrite",
        "--quiet",
    ]


def has_bf16() -> bool:
    """Whether this processor computes in bfloat16."""
    from zoo.engine.execution import choose_execution

    return choose_execution("cpu").precision == "bf16"


def seconds(command: list[str], home: Path) -> float:
    """From typing to the first step."""
    world = {**os.environ, "ZOO_CACHE": str(home / "cache"), "PYTHONPATH": str(Path(__file__).parent)}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=home, env=world, capture_output=True, text=True, check=False)
    if done.returncode != REACHED:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return time.perf_counter() - started


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        zoo, bare = prepare(home, given.folder), [sys.executable, "-c", BARE]
        for command in (zoo, bare):  # decodes, and brings the libraries into memory
            seconds(command, home)
        rounds = [(seconds(bare, home), seconds(zoo, home)) for _ in range(given.rounds)]
    for name, values in zip(("bare script", "zoo"), zip(*rounds, strict=True), strict=True):
        print(f"{name}: {statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})")  # noqa: T201
    differences = sorted(zoo_s - bare_s for bare_s, zoo_s in rounds)
    print(f"difference: {statistics.median(differences):+.2f} s ({differences[0]:+.2f} to {differences[-1]:+.2f})")  # noqa: T201


if __name__ == "__main__":
    main()
