"""Engines of a sweep: other processes call its task, and the journal holds what a sweep in one process would."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import OutputError, RequestError
from zoo.host.loader import open_registry
from zoo_search import joining
from zoo_search.joining import SweepTask
from zoo_search.plan import load_plan
from zoo_search.sweep import Sweep, SweepWatcher
from zoo_search.trial_end import TrialEnd

from .test_sweep import Runs, make

pytestmark = pytest.mark.slow


class Told(SweepWatcher):
    """Collects the numbers of reported trials."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def told(self, row: dict[str, Any], found: dict[str, Any]) -> None:
        self.numbers.append(row["number"])


def run(folder: Path, engine: Any = None, watcher: SweepWatcher | None = None, new: bool = True) -> dict[str, Any]:
    registry = open_registry()
    return Sweep(folder, load_plan(folder), registry, Runs(), watcher or SweepWatcher(), engine=engine, new=new).run()


def by_task(sweep: Sweep) -> None:
    """Call the task as another process does: after pickling."""
    task = pickle.loads(pickle.dumps(SweepTask.of(sweep)))
    while sweep.open_trials():
        sweep.receive([task()])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of tasks train nothing."""
    monkeypatch.setattr(joining, "run_of", lambda registry: Runs())


def rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    kept = ("number", "params", "status", "value", "epochs", "best_epoch")
    return [{key: row[key] for key in kept} for row in found["trials"]]


@pytest.mark.usefixtures("quick")
def test_trials_of_an_engine_are_those_of_one_process():
    watcher = Told()
    elsewhere = run(make(name="elsewhere"), by_task, watcher)
    here = run(make(name="here"))
    assert rows(elsewhere) == rows(here)
    assert elsewhere["status"] == "completed"
    assert watcher.numbers == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.usefixtures("quick")
def test_a_sweep_continues_under_another_engine():
    def three(sweep: Sweep) -> None:
        sweep.receive([SweepTask.of(sweep)() for _ in range(3)])
        raise KeyboardInterrupt

    with pytest.raises(Exception, match="Interrupted after 3 of 8 trials"):
        run(folder := make(), three)
    found = run(folder, new=False)
    assert rows(found) == rows(run(make(name="whole")))


def test_a_problem_of_every_trial_ends_the_sweep():
    def failing(sweep: Sweep) -> None:
        sweep.receive([TrialEnd(problem="there is no such data", exit_code=2)])

    with pytest.raises(RequestError, match="there is no such data"):
        run(folder := make(), failing)
    assert not folder.exists()


@pytest.mark.usefixtures("quick")
def test_a_machine_without_the_folders_says_what_it_needs(tmp_path: Path):
    folder = make()
    for task in (SweepTask(folder, tmp_path / "nowhere"), SweepTask(Path("runs/other"), Path.cwd())):
        end = copy.deepcopy(task)()
        assert end is not None
        assert "All machines need the working folder, the data and the sweep at the same paths" in end.problem
        assert end.exit_code == OutputError.exit_code
