"""Whole jobs from a cold start: the zoo beside what one would use instead, in turn.

    python tests/benchmarks/peers.py FOLDER [--job article] [--peers plain,keras] [--epochs 5] [--rounds 3]

FOLDER has train/ and val/, each with a folder for each class. Jobs: `article`, the tutorial's network; `resnet18`,
timm's from scratch at 224 px; `lite0`, timm's EfficientNet-Lite0, all of it trained on from the file --weights. Every
job is a process of its own and begins with nothing decoded; round i has seed i, in the order A B … A B …. The other
libraries are installed into environments of their own, the first time, under the folder --environments. Prints each
run, and at the end a table in Markdown: medians, and the ratio of each round's wall times to the zoo's.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peer_environments import python_of

HERE = Path(__file__).parent
SCRIPTS = {
    "keras": "keras_article.py",
    "lightning": "lightning_article.py",
    "fastai": "fastai_article.py",
    "transformers": "hf_article.py",
}
PEERS = {"article": ["plain", *SCRIPTS], "resnet18": ["plain"], "lite0": ["plain"]}
"""Who does a job beside the zoo."""

TIMM = ["cats_dogs", "--recipe", "none", "--image-size", "224", "--batch-size", "32"]
SAME = ["train.optimizer=adamw", "train.weight_decay=0.05", "train.schedule=constant", "data.resize=squash"]
TIMM += [word for setting in (*SAME, "augment=[]", "loss=cross_entropy") for word in ("--set", setting)]
ZOO = {
    "article": ["simple_cnn", "cats_dogs", "--recipe", "article"],
    "resnet18": ["timm/resnet18", *TIMM, "--lr", "1e-3"],
    "lite0": ["timm/tf_efficientnet_lite0", *TIMM, "--lr", "1e-4"],
}
"""What is typed for the zoo to do the job of plain_loop.py."""


@dataclass(frozen=True)
class Run:
    """One whole job: wall seconds, MiB peak, best validation accuracy; images a second, where they are told."""

    seconds: float
    peak_mib: float
    accuracy: float
    train_rate: float | None
    evaluate_rate: float | None


def command_of(name: str, given: argparse.Namespace, seed: int, home: str) -> list[str]:
    """What is typed for a peer, or the zoo, to do the job."""
    begin = ["--weights", given.weights] if given.job == "lite0" else []
    if name == "zoo":
        how = ["--data", given.folder, "--epochs", str(given.epochs), "--seed", str(seed), *begin]
        return [sys.executable, "-m", "zoo", "run", *ZOO[given.job], *how, "--out", home, "--name", "run", "--quiet"]
    words = [given.folder, str(seed), str(given.epochs)]
    if name == "plain":
        return [sys.executable, str(HERE / "plain_loop.py"), *words, "--network", given.job, *begin]
    return [str(python_of(name, given.environments)), str(HERE / SCRIPTS[name]), *words]


def timed(command: list[str], home: str) -> tuple[float, float, str]:
    """Run a job to its end: seconds, MiB peak, what it printed."""
    world = {
        **os.environ,
        "ZOO_CACHE": f"{home}/cache",
        "HF_HOME": f"{home}/cache",
        "HF_HUB_OFFLINE": "1",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=home, env=world, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, used.ru_maxrss / 1024, out


def run(name: str, given: argparse.Namespace, seed: int) -> Run:
    """A job of that name, with nothing left of it."""
    with tempfile.TemporaryDirectory() as home:
        seconds, peak, out = timed(command_of(name, given, seed, home), home)
        if name == "zoo":
            told = told_by_zoo(json.loads(Path(home, "run", "result.json").read_text("utf-8")))
        else:
            told = json.loads(out.splitlines()[-1])
    rates = (told.get("train_images_per_second"), told.get("evaluate_images_per_second"))
    return Run(seconds, peak, float(told["best"]), *rates)


def told_by_zoo(result: dict[str, Any]) -> dict[str, float]:
    """A result document as the last line of plain_loop.py: medians over the epochs after the first, or of it."""
    train, val = (result["splits"][split]["images"] for split in ("train", "val"))
    epochs = result["epochs"][1:] or result["epochs"]
    evaluating = [epoch["seconds"] - train / epoch["images_per_second"] for epoch in epochs]
    return {
        "best": result["best"]["value"],
        "train_images_per_second": statistics.median(epoch["images_per_second"] for epoch in epochs),
        "evaluate_images_per_second": val / statistics.median(evaluating),
    }


def table(found: dict[str, list[Run]]) -> str:
    """Medians, a line a job."""
    lines = [
        "| | seconds | times the zoo's, each round | images/s trained | evaluated | MiB | best accuracy, each seed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, runs in found.items():
        ratios = ", ".join(f"{a.seconds / b.seconds:.2f}" for a, b in zip(runs, found["zoo"], strict=True))
        trained, evaluated = (median(runs, key, ".1f") for key in ("train_rate", "evaluate_rate"))
        peak, accuracies = median(runs, "peak_mib", ",.0f"), ", ".join(f"{r.accuracy:.3f}" for r in runs)
        cells = (name, median(runs, "seconds", ".1f"), ratios, trained, evaluated, peak, accuracies)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def median(runs: list[Run], key: str, form: str) -> str:
    """The median of a number of the runs; a dash where they don't tell it."""
    values = [value for r in runs if (value := getattr(r, key)) is not None]
    return format(statistics.median(values), form) if values else "–"


def arguments() -> argparse.Namespace:
    """The option."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=absolute)
    parser.add_argument("--job", choices=list(PEERS), default="article")
    parser.add_argument("--peers", type=lambda word: word.split(","), help="names with commas between them; all")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", type=absolute, help="where lite0 begins, as .safetensors")
    parser.add_argument("--environments", type=Path, default=Path("runs/environments"))
    given = parser.parse_args()
    given.peers = given.peers or PEERS[given.job]
    if unknown := [name for name in given.peers if name not in PEERS[given.job]]:
        parser.error(f"no peer {unknown[0]!r} for {given.job}; there are: {', '.join(PEERS[given.job])}")
    if given.job == "lite0" and not given.weights:
        parser.error("lite0 begins with weights: --weights FILE")
    return given


def absolute(word: str) -> str:
    """A path, from wherever a job runs."""
    return str(Path(word).absolute())


def main() -> None:
    """Time and print."""
    given = arguments()
    found: dict[str, list[Run]] = {name: [] for name in ("zoo", *given.peers)}
    for seed in range(given.rounds):
        for name, runs in found.items():
            runs.append(run(name, given, seed))
            print(f"{name}, seed {seed}: {runs[-1]}", flush=True)  # noqa: T201
    print("\n" + table(found))  # noqa: T201


if __name__ == "__main__":
    main()
