"""``zoo tracking``: list the runs with logs, and the commands to view them."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from zoo_tracking import to_mlflow, to_tensorboard
from zoo_tracking.choose import TITLES, VARIABLE, get, installed
from zoo_tracking.memory import read

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Print the runs with logs, and the commands to view them.

    Args:
        arguments: the words after the command's name.

    Returns:
        The exit code: 0, or 2 where there is no such folder.
    """
    parser = argparse.ArgumentParser(
        "zoo tracking", description="List runs with TensorBoard or MLflow logs, and how to view them."
    )
    parser.add_argument("runs", nargs="?", type=Path, default=Path("runs"), help="folder for runs (default: runs)")
    runs = parser.parse_args(arguments).runs
    if not runs.is_dir():
        sys.stderr.write(f"zoo tracking: {runs} is not a folder. Give the folder of your runs: zoo tracking FOLDER\n")
        return 2
    sys.stdout.write("\n".join(_lines(runs)) + "\n")
    return 0


def _lines(runs: Path) -> list[str]:
    logged = {folder: _trackers(folder) for folder in sorted(p.parent for p in runs.glob("*/job.yaml"))}
    having = {folder.name: trackers for folder, trackers in logged.items() if trackers}
    if not having:
        return [f"No run in {runs} has logs. {_hint()}"]
    width = max(map(len, having))
    rows = [f"  {name:<{width}}  {', '.join(TITLES[t] for t in trackers)}" for name, trackers in having.items()]
    return [f"{runs}: {len(having)} of {len(logged)} runs have logs", *rows, "To view them:", *_commands(runs, logged)]


def _trackers(folder: Path) -> list[str]:
    found = ["tensorboard"] if any((folder / to_tensorboard.FOLDER).glob("events.out.tfevents.*")) else []
    return [*found, "mlflow"] if "mlflow" in read(folder) else found


def _commands(runs: Path, logged: dict[Path, list[str]]) -> list[str]:
    lines = []
    if any("tensorboard" in trackers for trackers in logged.values()):
        lines.append(f"  {to_tensorboard.view(runs)}")
    uris = {str(read(folder)["mlflow"].get("uri")): None for folder, trackers in logged.items() if "mlflow" in trackers}
    views = [to_mlflow.view(uri) for uri in uris]
    if any(text.startswith("mlflow") for text in views) and find_spec("flask") is None:
        lines.append("  pip install mlflow   # the package that writes the logs has no web page")
    return lines + [f"  {text}" for text in views]


def _hint() -> str:
    if installed():
        return f"New runs are logged, unless {VARIABLE} is set to 'off'."
    return f"Neither TensorBoard nor MLflow is installed; install one: {get('tensorboard')}"
