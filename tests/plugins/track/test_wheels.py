"""Separately installed wheels: one with a tracker, and one with a kind, a sampler and a callback of its own."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo.storage.safe_yaml import read_mapping

Zoo = Callable[..., tuple[int, str, str]]
DIGITS = ("run", "simple_cnn", "digits", "--epochs", "2", "--set", "architecture.channels=[8]", "--name", "r", "-q")
pytestmark = pytest.mark.slow

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "zoo-{name}"
version = "1.0"

[project.entry-points."zoo.plugins"]
{name} = "zoo_{name}.plugin"
"""
CSV = {
    "plugin.py": """
from zoo.plugin import hookimpl
from zoo_track import Tracker

@hookimpl
def zoo_components():
    yield Tracker("csv", "zoo_csv.csv_file:CsvFile", summary="One line of a CSV file per epoch")
""",
    "csv_file.py": '''
from pathlib import Path
from typing import Any

from zoo_track.tracking import RunTracker


class CsvFile(RunTracker):
    """Append the losses of each epoch to a CSV file.

    Args:
        separator: text between two values.
    """

    title = "CSV"

    def __init__(self, folder: Path, separator: str = ","):
        self.path, self.separator = folder / "losses.csv", separator

    def where(self) -> str:
        return f"CSV: {self.path}"

    def epoch(self, record: dict[str, Any]) -> None:
        values = record["epoch"], record["train"]["loss"], record["val"]["loss"]
        with self.path.open("a") as file:
            file.write(self.separator.join(map(str, values)) + "\\n")
''',
}
GUARDS = {
    "plugin.py": """
from zoo.plugin import Component, Kind, Sampler, TrainingCallback, hookimpl


class Guard(Component):
    '''``f(**params)`` returns ``loss -> bool``: whether the loss of a step is acceptable.'''

    kind = "guard"


@hookimpl
def zoo_kinds():
    yield Kind(Guard, summary="Guard the loss", path="guards", option="--guard", use="zoo_guards.parts:Guards")


@hookimpl
def zoo_components():
    yield Guard("below", "zoo_guards.parts:below", summary="The loss is below a limit")


@hookimpl
def zoo_samplers():
    yield Sampler("backwards", "zoo_guards.parts:backwards", summary="From the last image to the first")


@hookimpl
def zoo_callbacks():
    yield TrainingCallback("logits", "zoo_guards.parts:Logits", summary="Log the largest logit")
""",
    "parts.py": '''
from collections.abc import Callable

import numpy as np

from zoo.api.running import Callback, TrainState


def below(limit: float = 5.0) -> Callable[[float], bool]:
    """Accept a loss below a limit.

    Args:
        limit: the limit.
    """
    return lambda loss: loss < limit


def backwards(count: int) -> Callable[[int], np.ndarray]:
    """Order the items from the last to the first."""
    return lambda epoch: np.arange(count)[::-1].copy()


class Logits(Callback):
    """Log the largest logit of each step."""

    def step_end(self, state: TrainState) -> None:
        state.log("largest_logit", state.logits.max())


class Guards(Callback):
    def __init__(self, guards):
        self.guards, self.steps = guards, 0

    def step_end(self, state: TrainState) -> None:
        self.steps += all(guard(float(state.loss)) for guard in self.guards)

    def report_sections(self, run, result):
        return [("Guards", f"{self.steps} steps accepted")]
''',
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed both wheels."""
    top = tmp_path_factory.mktemp("wheels")
    for name, files in (("csv", CSV), ("guards", GUARDS)):
        package = top / f"zoo-{name}" / f"zoo_{name}"
        package.mkdir(parents=True)
        (package.parent / "pyproject.toml").write_text(PROJECT.format(name=name))
        for file, source in {"__init__.py": "", **files}.items():
            (package / file).write_text(source)
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(top / "dist")]
        subprocess.run(command, cwd=package.parent, check=True, capture_output=True)
    wheels = sorted(str(path) for path in (top / "dist").glob("*.whl"))
    assert len(wheels) == 2
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(top / "site")]
    subprocess.run([*install, *wheels], check=True, capture_output=True)
    return top / "site"


@pytest.fixture(autouse=True)
def _installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    yield
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", None) or "").startswith(str(site)):
            del sys.modules[module]


def test_a_tracker_of_another_distribution_is_used_like_those_of_the_zoo(zoo: Zoo, read_result):
    code, out, err = zoo("list", "trackers", "--json")
    assert code == 0, err
    assert {"csv/csv", "track/json_lines"} <= {row["id"] for row in json.loads(out)}
    out = zoo("info", "csv/csv")[1]
    assert "One line of a CSV file per epoch" in " ".join(out.split())
    assert "zoo-csv" in out
    assert "separator" in out
    assert zoo(*DIGITS, "--track", "csv")[0] == 0
    result = read_result("runs/r")
    rows = [line.split(",") for line in Path("runs/r/losses.csv").read_text().splitlines()]
    expected = [[e["epoch"], e["train"]["loss"], e["val"]["loss"]] for e in result["epochs"]]
    assert [[float(value) for value in row] for row in rows] == expected
    assert result["sections"] == [["Tracking", "CSV: runs/r/losses.csv"]]
    assert result["provenance"]["trackers.0"]["distribution"] == "zoo-csv"
    code, out, err = zoo("plugins", "check", "csv")
    assert code == 0, out + err
    assert "tracker csv/csv" in " ".join(out.split())


def test_a_kind_a_sampler_and_a_callback_of_another_distribution_in_one_run(zoo: Zoo, read_result):
    assert "--guard NAME" in zoo("run", "--help")[1]
    assert [row["id"] for row in json.loads(zoo("list", "guards", "--json")[1])] == ["guards/below"]
    chosen = ("--set", "train.sampler=backwards", "--set", "callbacks=logits", "--guard", "below", "--track", "csv")
    code, _, err = zoo(*DIGITS, *chosen)
    assert code == 0, err
    result, job = read_result("runs/r"), read_mapping(Path("runs/r/job.yaml"))
    assert dict(result["sections"]).keys() == {"Guards", "Tracking"}
    assert job["guards"] == [{"name": "guards/below", "limit": 5.0}]
    assert job["train"]["sampler"]["name"] == "guards/backwards"
    assert all(epoch["logged"]["largest_logit"] for epoch in result["epochs"])
    owners = {place: result["provenance"][place]["distribution"] for place in ("guards.0", "callbacks.0", "trackers.0")}
    assert owners == {"guards.0": "zoo-guards", "callbacks.0": "zoo-guards", "trackers.0": "zoo-csv"}
    code, out, err = zoo("plugins", "check", "guards")
    assert code == 0, out + err


def test_a_job_with_a_tracker_whose_wheel_is_gone_says_so(zoo: Zoo, site: Path, monkeypatch: pytest.MonkeyPatch):
    assert zoo(*DIGITS, "--track", "csv")[0] == 0
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(site)])
    importlib.invalidate_caches()
    code, _, err = zoo("run", "runs/r/job.yaml", "--name", "again")
    assert code == 2
    assert "Unknown tracker 'csv/csv'" in " ".join(err.split())
