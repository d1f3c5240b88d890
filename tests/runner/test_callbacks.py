"""Callbacks of a run: what they are given, how they stop it, and what an error in one does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import TrainingError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.runner.callbacks import Callback, Callbacks
from zoo.runner.observer import Observer
from zoo.runner.runner import RunPlace, run_job


class Diary(Callback):
    """Writes down what it is told, and stops after an epoch."""

    def __init__(self, stop_after: int | None = None):
        self.heard: list[Any] = []
        self.stop_after = stop_after

    def run_start(self, run):
        self.heard.append(f"start {run.name}: {run.job.train.epochs} epochs, {run.splits['val'].images} images")

    def epoch_end(self, run, epoch):
        self.heard.append(epoch.epoch)
        return "enough" if epoch.epoch == self.stop_after else None

    def report_sections(self, run, result):
        return [("Diary", f"{len(result.epochs)} epochs")]

    def run_end(self, run, result):
        self.heard.append(f"end {result.status}")

    def run_failed(self, run, error):
        self.heard.append(f"failed {error}")


def train(*callbacks: Callback, epochs: int = 2, observer: Observer | None = None) -> Any:
    request = make_request({"architecture": "simple_cnn", "dataset": "digits", "epochs": epochs, "image_size": 8})
    registry = open_registry()
    place = RunPlace(name="r")
    return run_job(resolve(request, registry), registry.plugins, observer or Observer(), place, callbacks=callbacks)


def test_a_callback_observes_the_whole_run():
    diary = Diary()
    result = train(diary)
    assert diary.heard == ["start r: 2 epochs, 360 images", 1, 2, "end completed"]
    assert result.sections == [["Diary", "2 epochs"]]
    assert json.loads(Path("runs/r/result.json").read_text("utf-8"))["sections"] == [["Diary", "2 epochs"]]


def test_a_callback_stops_a_run_which_is_then_measured():
    first, second = Diary(stop_after=1), Diary()
    result = train(first, second, epochs=3)
    assert (result.status, result.stop_reason, len(result.epochs)) == ("stopped", "enough", 1)
    assert second.heard == ["start r: 3 epochs, 360 images", 1, "end stopped"], "every callback hears of every epoch"
    assert result.metrics_of("val").accuracy is not None


def test_an_error_of_a_callback_ends_the_run():
    class Fails(Callback):
        def epoch_end(self, run, epoch):
            raise TrainingError("the disk of trials is full")

    diary = Diary()
    with pytest.raises(TrainingError, match="disk of trials"):
        train(Fails(), diary)
    assert diary.heard[-1] == "failed the disk of trials is full"
    written = json.loads(Path("runs/r/result.json").read_text("utf-8"))
    assert (written["status"], written["stop_reason"]) == ("failed", "the disk of trials is full")


def test_an_error_after_the_end_leaves_the_result_as_it_is():
    class Fails(Callback):
        def run_end(self, run, result):
            raise OSError("the server is gone")

    class Hears(Observer):
        def notice(self, text):
            told.append(text)

    told: list[str] = []
    assert train(Fails(), epochs=1, observer=Hears()).status == "completed"
    assert told[-1] == "A callback failed after the end of the run: OSError: the server is gone"
    assert json.loads(Path("runs/r/result.json").read_text("utf-8"))["status"] == "completed"


def test_an_error_of_run_failed_does_not_hide_the_first_one():
    class Fails(Callback):
        def epoch_end(self, run, epoch):
            raise TrainingError("first")

        def run_failed(self, run, error):
            raise OSError("second")

    with pytest.raises(TrainingError, match="first"):
        train(Fails(), epochs=1)


def test_several_reasons_to_stop_become_one():
    class Says(Callback):
        def __init__(self, reason):
            self.reason = reason

        def epoch_end(self, run, epoch):
            return self.reason

    assert Callbacks([Says(None), Says(""), Says("a"), Says("b"), Says("a")]).epoch_end(None, None) == "a; b"
    assert Callbacks([]).epoch_end(None, None) is None
