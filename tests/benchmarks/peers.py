"""The tutorial's network, whole jobs from a cold start: the zoo beside what one would use instead, in turn.

    python tests/benchmarks/peers.py FOLDER [--peers plain,keras] [--epochs 5] [--rounds 3]

FOLDER has train/ and val/, each with a folder for each class. Every job is a process of its own and begins with nothing
decoded; round i has seed i, in the order A B … A B …. `keras` is installed into an environment of its own, the first
time, under the folder --environments. Prints each run, and at the end a table in Markdown: medians, and the ratio of
each round's wall times to the zoo's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REQUIRES = {"keras": ["keras", "tensorflow-cpu", "pillow"]}
"""What a peer that doesn't run where the zoo does takes."""


@dataclass(frozen=True)
class Run:
    """One whole job: wall seconds, MiB at the most, best validation accuracy."""

    seconds: float
    peak_mib: float
    accuracy: float


def zoo(given: argparse.Namespace, seed: int, home: str) -> list[str]:
    """`zoo run simple_cnn cats_dogs --recipe article`."""
    job = ["simple_cnn", "cats_dogs", "--recipe", "article", "--data", given.folder]
    how = ["--epochs", str(given.epochs), "--seed", str(seed), "--out", home, "--quiet"]
    return [sys.executable, "-m", "zoo", "run", *job, *how, "--name", "run"]


def plain(given: argparse.Namespace, seed: int, home: str) -> list[str]:
    """A loop of PyTorch alone."""
    return [sys.executable, str(HERE / "plain_loop.py"), given.folder, str(seed), str(given.epochs)]


def keras(given: argparse.Namespace, seed: int, home: str) -> list[str]:
    """Keras 3 on TensorFlow."""
    python = environment(given.environments / "keras", REQUIRES["keras"])
    return [str(python), str(HERE / "keras_article.py"), given.folder, str(seed), str(given.epochs)]


JOBS: dict[str, Callable[[argparse.Namespace, int, str], list[str]]] = {"zoo": zoo, "plain": plain, "keras": keras}


def environment(folder: Path, requires: list[str]) -> Path:
    """The interpreter of an environment that has these; made where there is none."""
    python = folder.absolute() / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requires], check=True)
    return python


def timed(command: list[str], home: str, accuracy: Callable[[str], float]) -> Run:
    """Run a job to its end."""
    world = {**os.environ, "ZOO_CACHE": f"{home}/cache", "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=home, env=world, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Run(seconds, used.ru_maxrss / 1024, accuracy(out))


def run(name: str, given: argparse.Namespace, seed: int) -> Run:
    """A job of that name, with nothing left of it."""
    with tempfile.TemporaryDirectory() as home:
        command = JOBS[name](given, seed, home)

        def accuracy(out: str) -> float:
            if name == "zoo":
                return float(json.loads(Path(home, "run", "result.json").read_text("utf-8"))["best"]["value"])
            return float(json.loads(out.splitlines()[-1])["best"])

        return timed(command, home, accuracy)


def table(found: dict[str, list[Run]]) -> str:
    """Medians, a line a job."""
    lines = [
        "| | seconds | times the zoo's, each round | MiB | best accuracy, each seed |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, runs in found.items():
        ratios = ", ".join(f"{a.seconds / b.seconds:.2f}" for a, b in zip(runs, found["zoo"], strict=True))
        median_s, peak = (statistics.median(getattr(r, key) for r in runs) for key in ("seconds", "peak_mib"))
        accuracies = ", ".join(f"{r.accuracy:.3f}" for r in runs)
        lines.append(f"| {name} | {median_s:.1f} | {ratios} | {peak:,.0f} | {accuracies} |")
    return "\n".join(lines)


def peers_of(text: str) -> list[str]:
    """The peers that a word names."""
    names = text.split(",")
    if unknown := [name for name in names if name not in JOBS or name == "zoo"]:
        raise argparse.ArgumentTypeError(
            f"no peer {unknown[0]!r}; there are: {', '.join(n for n in JOBS if n != 'zoo')}"
        )
    return names


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=lambda word: str(Path(word).absolute()))
    parser.add_argument("--peers", type=peers_of, default=["plain", "keras"])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--environments", type=Path, default=Path("runs/environments"))
    given = parser.parse_args()
    found: dict[str, list[Run]] = {name: [] for name in ("zoo", *given.peers)}
    for seed in range(given.rounds):
        for name, runs in found.items():
            runs.append(run(name, given, seed))
            print(f"{name}, seed {seed}: {runs[-1]}", flush=True)  # noqa: T201
    print("\n" + table(found))  # noqa: T201


if __name__ == "__main__":
    main()
