"""``zoo tracking``: list the runs with logs, and the commands to view them."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path

import click

from zoo.errors import RequestError
from zoo_track import json_lines, to_mlflow, to_tensorboard, to_trackio, to_wandb
from zoo_track.memory import read

__all__ = ["tracking"]

_TITLES = {
    "tensorboard": "TensorBoard",
    "mlflow": "MLflow",
    "wandb": "Weights & Biases",
    "trackio": "trackio",
    "json_lines": "JSON lines",
}
"""Names of trackers with their titles, in the order in which a run's logs are listed."""


@click.command("tracking")
@click.argument("runs", type=click.Path(path_type=Path), default=Path("runs"))
def tracking(runs: Path) -> None:
    """List the runs with logs of trackers, and the commands to view the logs.

    RUNS is the folder for runs (default: runs).
    """
    if not runs.is_dir():
        raise RequestError(f"{runs} is not a folder. Give the folder of your runs: zoo tracking FOLDER")
    click.echo("\n".join(_lines(runs)))


def _lines(runs: Path) -> list[str]:
    logged = {folder: _trackers(folder) for folder in sorted(p.parent for p in runs.glob("*/job.yaml"))}
    having = {folder: trackers for folder, trackers in logged.items() if trackers}
    if not having:
        return [f"No run in {runs} has logs. Log a run: zoo run ARCHITECTURE DATASET --track tensorboard"]
    width = max(len(folder.name) for folder in having)
    rows = [f"  {f.name:<{width}}  {', '.join(_TITLES[t] for t in trackers)}" for f, trackers in having.items()]
    return [f"{runs}: {len(having)} of {len(logged)} runs have logs", *rows, "To view them:", *_commands(runs, having)]


def _trackers(folder: Path) -> list[str]:
    found = set(read(folder))
    if any((folder / to_tensorboard.FOLDER).glob("events.out.tfevents.*")):
        found.add("tensorboard")
    if (folder / json_lines.FILE).is_file():
        found.add("json_lines")
    return [name for name in _TITLES if name in found]


def _commands(runs: Path, having: dict[Path, list[str]]) -> list[str]:
    """A line of each command or address, without repetitions."""
    lines: dict[str, None] = {}
    for folder, trackers in having.items():
        for name in trackers:
            lines |= dict.fromkeys(_views(runs, folder, name))
    return [f"  {line}" for line in lines]


def _views(runs: Path, folder: Path, tracker: str) -> list[str]:
    about = read(folder).get(tracker, {})
    if tracker == "tensorboard":
        return [to_tensorboard.view(runs)]
    if tracker == "mlflow":
        view = to_mlflow.view(str(about.get("uri")))
        needs_page = view.startswith("mlflow") and find_spec("flask") is None
        hint = "pip install mlflow   # the package that writes the logs has no web page"
        return [hint, view] if needs_page else [view]
    if tracker == "wandb":
        return [to_wandb.view(folder, about)]
    if tracker == "trackio":
        return [to_trackio.view(about)]
    return [f"cat {shlex.quote(str(folder / json_lines.FILE))}"]
