"""A run in a notebook while it trains."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest

import zoo
from zoo_notebook.observer import NotebookObserver


class Screen:
    """What a notebook shows: a list of displays, each a list of what it has shown."""

    def __init__(self) -> None:
        self.displays: list[list[str]] = []

    def show(self, html: str) -> Callable[[str], None]:
        self.displays.append([html])
        return self.displays[-1].append


@pytest.fixture
def screen() -> Screen:
    return Screen()


def progress(html: str) -> float | None:
    found = re.search(r'aria-valuenow="(\d+)"', html)
    return int(found[1]) if found else None


def trained(screen: Screen, tmp_path, **more):
    small = {"set": {"architecture.channels": [4]}, "image_size": 8, "recipe": "none", "device": "cpu"}
    observer = NotebookObserver(screen.show)
    return zoo.run(
        "simple_cnn", "digits", **{**small, "epochs": 3, "name": "seen", **more}, out=tmp_path, observer=observer
    )


def test_one_display_shows_the_run_from_loading_to_its_last_line(screen, tmp_path):
    result = trained(screen, tmp_path)
    (shown,) = screen.displays
    assert "loading PyTorch" in shown[0]
    assert any("epoch 2 of 3" in html for html in shown)
    assert any(html.count("<svg") == 2 for html in shown), "curves from the second epoch on"
    bars = [bar for html in shown if "epoch " in html and (bar := progress(html)) is not None]
    assert bars == sorted(bars)
    last = shown[-1]
    assert progress(last) is None
    assert "<svg" not in last
    assert f"val accuracy {result.metrics['val']['accuracy']:.1%} · 3 epochs in" in last
    assert "seen" in last


@pytest.mark.slow
def test_each_of_several_runs_has_its_own_display(screen, tmp_path):
    trained(screen, tmp_path, seeds=2, epochs=1)
    assert len(screen.displays) == 2
    assert ["seen-seed0" in display[-1] for display in screen.displays] == [True, False]


def test_it_is_redrawn_a_few_times_a_second_only(screen):
    now = [0.0]
    observer = NotebookObserver(screen.show, lambda: now[0])
    observer.loading()
    observer.epoch_started(1, 2, 1000)
    reads = []

    class Totals:
        accuracy = 0.5

        @property
        def loss(self):
            reads.append(now[0])
            return 1.0

    for step in range(1000):
        now[0] = step / 100
        observer.step(step, Totals())
    assert 30 <= len(reads) <= 41, "10 seconds, four times a second: to read the totals costs time"
    assert len(screen.displays[0]) == len(reads) + 1


def test_what_is_left_is_shown(screen):
    now = [0.0]
    observer = NotebookObserver(screen.show, lambda: now[0])
    observer.epoch_started(1, 2, 100)
    now[0] = 10.0
    observer.step(50, SimpleNamespace(loss=0.25, accuracy=0.75))
    html = screen.displays[0][-1]
    assert "loss 0.2500 · accuracy 75.0% · 30.0s left" in html
    assert progress(html) == 25


@pytest.mark.parametrize(("error", "word"), [(KeyboardInterrupt(), "interrupted"), (ValueError("x"), "failed")])
def test_a_run_that_ends_early_says_so(screen, error, word):
    observer = NotebookObserver(screen.show)
    observer.epoch_started(1, 5, 100)
    observer.failed(None, error)
    assert f"{word} after 0 of 5 epochs" in screen.displays[0][-1]
    assert progress(screen.displays[0][-1]) is None


def test_a_notice_stays_and_is_text(screen):
    observer = NotebookObserver(screen.show)
    observer.notice("<i>3 images</i> are skipped")
    observer.notice("<i>3 images</i> are skipped")
    observer.failed(None, ValueError())
    assert screen.displays[0][-1].count("&lt;i&gt;3 images&lt;/i&gt; are skipped") == 1


def test_a_regression_shows_its_error_while_it_trains(screen, regression_result, tmp_path):
    from zoo.runner.measurements import EpochRecord
    from zoo.runner.record import Run
    from zoo.runner.run_result import RunResult

    run, result = Run("r", tmp_path, regression_result["job"], task="regression"), RunResult.read(regression_result)
    observer = NotebookObserver(screen.show, clock=iter(range(100)).__next__)
    observer.started(run)
    observer.epoch_started(1, 2, 100)
    observer.step(10, SimpleNamespace(loss=0.5, accuracy=float("nan"), score=("mae", 1.25)))
    assert "loss 0.5000 · MAE 1.25" in screen.displays[0][-1]
    for record in result.epochs[:2]:
        observer.epoch_ended(EpochRecord.read(record.document()))
    assert "best: 0.9007 in epoch 2" in screen.displays[0][-1]
    assert screen.displays[0][-1].count("<svg") == 2
    observer.ended(run, result)
    assert "val MAE 0.6943 · 4 epochs" in screen.displays[0][-1]
