"""Checks of trackers for ``zoo plugins check``: they take the events of a run in the order of the zoo."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from zoo.errors import RequestError
from zoo.testing import CheckFailed, CheckSkipped, contract
from zoo_track.tracking import RunTracker

__all__: list[str] = []

_EPOCH = {"epoch": 1, "train": {"loss": 1.0}, "val": {"loss": 0.9, "accuracy": 0.5}, "lr": 0.1, "seconds": 1.0}


@contract("tracker", "can be created", "Give every parameter but 'folder' a default, or set an example.")
def _made(subject: Any) -> None:
    with _folder() as folder:
        _created(subject, folder)


@contract("tracker", "derived from RunTracker", "Derive the class from zoo_track.tracking.RunTracker.")
def _derived(subject: Any) -> None:
    with _folder() as folder:
        made = _created(subject, folder)
        if not isinstance(made, RunTracker):
            raise CheckFailed(f"the factory returns a {type(made).__name__}")


@contract("tracker", "nothing written before the run", "Open files and connections in started(), not in __init__.")
def _lazy(subject: Any) -> None:
    with _folder() as folder:
        _created(subject, folder)
        if found := sorted(path.name for path in folder.iterdir()):
            raise CheckFailed(f"its constructor writes {found[0]!r}")


@contract("tracker", "events of a run", "Take a run's start, an epoch and the end without an exception.")
def _complete(subject: Any) -> None:
    with _folder() as folder:
        tracker, run = _local(subject, folder), _run(folder)
        tracker.started(run)
        tracker.epoch(dict(_EPOCH))
        if not isinstance(tracker.where(), str):
            raise CheckFailed(f"where() returns a {type(tracker.where()).__name__}, not text")
        tracker.ended(run, _result(), {})


@contract("tracker", "failure of a run", "Take an error in failed() before and after the start of the run.")
def _failing(subject: Any) -> None:
    with _folder() as folder:
        run = _run(folder)
        _local(subject, folder).failed(run, ValueError("the loss is not finite"))
        tracker = _local(subject, folder)
        tracker.started(run)
        tracker.failed(run, KeyboardInterrupt())


@contextlib.contextmanager
def _folder() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "runs" / "check"
        run.mkdir(parents=True)
        yield run


def _created(subject: Any, folder: Path) -> Any:
    """The tracker; skips one whose library is not installed."""
    try:
        return subject.make(folder=folder)
    except RequestError as error:
        raise CheckSkipped(str(error)) from error


def _local(subject: Any, folder: Path) -> Any:
    """The tracker; skips one that writes outside the run's folder by design, as its ``tags`` say."""
    if "remote" in subject.component.tags:
        raise CheckSkipped("its logs are outside the run's folder")
    return _created(subject, folder)


def _run(folder: Path) -> Any:
    job = {"architecture": {"name": "simple_cnn"}, "dataset": {"name": "digits"}, "train": {"epochs": 1}}
    return SimpleNamespace(
        name=folder.name,
        dir=folder,
        job=job,
        model={"id": "simple/simple_cnn", "parameters": 10},
        splits={"train": {"images": 8}, "val": {"images": 2}},
        classes=["cat", "dog"],
        notices=[],
    )


def _result() -> dict[str, Any]:
    metrics = {"val": {"loss": 0.9, "accuracy": 0.5, "confusion_matrix": [[1, 0], [1, 0]]}}
    return {"status": "completed", "metrics": metrics, "classes": ["cat", "dog"], "epochs": [_EPOCH], "best": {}}
