"""Which network: who gets how much time, what is told of those that are too slow, and what a stop leaves behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import RequestError, TrainingError, ZooError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import Resolved, resolve
from zoo.runner.observer import Observer
from zoo.runner.run_result import RunResult
from zoo.runner.runner import RunPlace
from zoo.runner.time_budget import Budget, TooShort
from zoo_search import architectures
from zoo_search.architectures import Candidate, Comparison, ComparisonWatcher, blank_row, pareto, run_name
from zoo_search.architectures_page import render_which_page, scatter_plot
from zoo_search.architectures_report import columns_of, sorted_rows, still_rising, which_lines, without

RATES = {"simple_cnn": 1000.0, "simple_rnn": 500.0}
"""Images a second, in training; ten times as many are answered."""
IMAGES = 1000


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """No network is built: speeds are as said, and time goes by as it is told to."""
    clock = SimpleNamespace(s=0.0)
    monkeypatch.setattr(Budget, "spent_s", property(lambda self: clock.s - self.since))
    monkeypatch.setattr(architectures, "Budget", lambda seconds: Budget(seconds, clock.s))
    return clock


def candidates(*names: str) -> list[Candidate]:
    registry = open_registry()
    jobs = [
        resolve(make_request({"architecture": name, "dataset": "digits"}, recipe="none"), registry) for name in names
    ]
    return [Candidate(name, job) for name, job in zip(names, jobs, strict=True)]


class Runs:
    """Runs a job by writing what a run leaves, as many epochs as its budget has time for."""

    def __init__(self, now: SimpleNamespace, on_epoch: Callable[[str, int], None] | None = None):
        self.now, self.on_epoch = now, on_epoch
        self.epochs: dict[str, int] = {}
        self.shares: list[float] = []

    def __call__(self, resolved: Resolved, place: RunPlace, observer: Observer, budget: Budget) -> RunResult:
        folder, rate = place.out / str(place.name), RATES[resolved.job.architecture.name]
        self.shares.append(budget.seconds)
        speeds = {"train_images_per_second": rate, "inference_images_per_second": 10 * rate}
        if budget.seconds < IMAGES / rate:
            raise TooShort("one epoch is too long.", speeds, IMAGES / rate)
        folder.mkdir()
        epochs: list[dict[str, Any]] = []
        while (len(epochs) + 1) * IMAGES / rate <= budget.seconds:
            self.now.s += IMAGES / rate
            epochs.append({"epoch": len(epochs) + 1, "val": {"accuracy": 1 - 0.5 / (len(epochs) + 1)}})
            with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(epochs[-1]) + "\n")
            if self.on_epoch:
                self.on_epoch(folder.name, len(epochs))
        self.epochs[folder.name] = len(epochs)
        best = max(e["val"]["accuracy"] for e in epochs)
        found = {"epochs": epochs, "metrics": {"val": {"accuracy": best}}, "model": {"parameters": 12}}
        return RunResult.read({**found, "tuning": {"budget": speeds}})


def work(now: SimpleNamespace, runs: Runs, *names: str, budget_s: float = 41.0) -> dict[str, Any]:
    budget = Budget(budget_s, now.s)
    return Comparison(candidates(*names), Path("runs"), "c", budget, runs, ComparisonWatcher()).run()


@pytest.mark.slow
def test_each_gets_an_equal_share_of_what_is_left(now):
    runs = Runs(now)
    found = work(now, runs, "simple_cnn", "simple_rnn")
    assert runs.shares == [20, 20]  # a second is kept for the page
    assert runs.epochs == {"simple_cnn": 20, "simple_rnn": 10}
    assert now.s <= 41
    assert found["status"] == "completed"
    assert [row["status"] for row in found["rows"]] == ["measured", "measured"]
    assert [row["inference_images_per_second"] for row in found["rows"]] == [10_000, 5000]
    assert json.loads(Path("runs/c/architectures.json").read_text("utf-8")) == found


@pytest.mark.slow
def test_what_one_leaves_over_is_the_others(now):
    def fails(name: str, epoch: int) -> None:
        if name == "simple_cnn" and epoch == 4:
            raise TrainingError("the loss is not finite")

    runs = Runs(now, on_epoch=fails)
    work(now, runs, "simple_cnn", "simple_rnn")
    assert runs.shares == [20, 36]


@pytest.mark.slow
def test_what_can_finish_no_epoch_is_told_and_not_trained(now):
    runs = Runs(now)
    found = work(now, runs, "simple_rnn", "simple_cnn", budget_s=3.5)
    row = found["rows"][0]
    assert (row["status"], row["val_accuracy"]) == ("too slow", None)
    assert row["reason"] == "its share of 1 s is too short for an epoch, which needs about 2 s in all"
    assert row["inference_images_per_second"] == 5000, "its speed was measured all the same"
    assert list(runs.epochs) == ["simple_cnn"]
    assert any(line.startswith("simple_rnn: too slow") for line in which_lines(found))


@pytest.mark.slow
def test_one_that_fails_is_told_and_the_others_go_on(now):
    def fails(name: str, epoch: int) -> None:
        if name == "simple_cnn":
            raise TrainingError("the loss is not finite")

    found = work(now, Runs(now, on_epoch=fails), "simple_cnn", "simple_rnn")
    assert [row["status"] for row in found["rows"]] == ["failed", "measured"]
    assert without(found) == ["simple_cnn: failed: the loss is not finite"]


@pytest.mark.slow
def test_where_all_fail_the_first_reason_is_told(now):
    def fails(name: str, epoch: int) -> None:
        raise TrainingError("the loss is not finite")

    with pytest.raises(ZooError, match=r"could be trained.*simple_cnn: the loss is not finite"):
        work(now, Runs(now, on_epoch=fails), "simple_cnn", "simple_rnn")


@pytest.mark.slow
def test_interrupted_it_keeps_what_was_measured(now):
    def interrupt(name: str, epoch: int) -> None:
        if name == "simple_rnn" and epoch == 3:
            raise KeyboardInterrupt

    found = work(now, Runs(now, on_epoch=interrupt), "simple_cnn", "simple_rnn")
    assert found["status"] == "interrupted"
    first, second = found["rows"]
    assert first["status"] == "measured"
    assert (second["status"], second["epochs"]) == ("interrupted", 3)
    assert second["val_accuracy"] == pytest.approx(1 - 0.5 / 3)
    assert "interrupted" in render_which_page(found)


def test_a_taken_name_is_refused(now):
    Path("runs/c").mkdir(parents=True)
    with pytest.raises(RequestError, match=r"exists\. Give another --name"):
        work(now, Runs(now), "simple_cnn")


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(0.9, 10.0), (0.8, 20.0), (0.7, 15.0)], [True, True, False]),
        ([(0.9, 10.0), (0.9, 10.0)], [True, True]),
        ([(0.9, 10.0), (0.9, 9.0)], [True, False]),
        ([(None, 100.0), (0.5, 1.0), (0.9, None)], [False, True, False]),
        ([], []),
    ],
)
def test_the_front(points, front):
    assert pareto(points) == front


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_the_front_is_what_nobody_beats(points):
    on_it = pareto(points)
    for (a, b), front in zip(points, on_it, strict=True):
        assert front != any((x, y) != (a, b) and x >= a and y >= b for x, y in points)
    assert any(on_it) or not points


@pytest.mark.parametrize(
    ("name", "run"), [("timm/resnet18", "timm-resnet18"), ("a b/é", "a-b--"), ("x" * 200, "x" * 100)]
)
def test_a_name_for_its_run(name: str, run: str):
    assert run_name(name) == run


@pytest.mark.slow
def test_the_table_and_the_page_have_all_of_them(now):
    found = work(now, Runs(now), "simple_cnn", "simple_rnn", budget_s=5)
    page = render_which_page(found)
    for row in sorted_rows(found):
        assert row["architecture"] in page
        assert all(cell in "\n".join(which_lines(found)) for cell in columns_of(row))
    assert "<circle" in scatter_plot(found)
    best = sorted_rows(found)[0]
    sentence = f"{best['architecture']} is the most accurate on val: {100 * best['val_accuracy']:.1f}% at "
    assert page.index(sentence) < page.index("<circle") < page.index("<table")
    assert f"zoo run --resume runs/c/{best['run']} --epochs {2 * best['epochs']}" in page


@pytest.mark.slow
def test_a_page_without_a_measurement_says_what_to_type(now):
    found = work(now, Runs(now), "simple_cnn", "simple_rnn", budget_s=21)
    for row in found["rows"]:
        row.update(blank_row(row["architecture"]), status="too slow", reason="no time")
    page = render_which_page(found)
    assert "No architecture was measured" in page
    assert "zoo compare-architectures DATASET --budget 42s --architectures simple_cnn,simple_rnn" in page
    assert "<svg" not in page


@pytest.mark.slow
def test_names_are_no_markup(now):
    found = work(now, Runs(now), "simple_cnn")
    found["rows"][0]["architecture"] = "<b>bold</b>"
    assert "<b>bold" not in render_which_page(found)


def test_still_rising_is_said_of_who_got_no_time():
    assert still_rising({"curve": [0.5]})
    assert still_rising({"curve": [0.5, 0.6, 0.7, 0.8]})
    assert not still_rising({"curve": [0.5, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]})
    assert not still_rising({"curve": []})


def with_errors(now: SimpleNamespace) -> dict[str, Any]:
    """A comparison of regressions: the second is better, and the first faster."""
    found = work(now, Runs(now), "simple_cnn", "simple_rnn", budget_s=5)
    for row, curve in zip(found["rows"], ([4.0, 3.0, 3.0, 3.0], [4.0, 2.0, 1.5, 1.0]), strict=True):
        row.update(status="measured", val_accuracy=None, val_mae=curve[-1], curve=curve, epochs=4, run="r", pareto=True)
        row["inference_images_per_second"] = 1000.0 * curve[-1]
    return {**found, "task": "regression"}


@pytest.mark.slow
def test_regressions_are_compared_by_their_error_and_less_is_better(now):
    found = with_errors(now)
    assert [row["architecture"] for row in sorted_rows(found)] == ["simple_rnn", "simple_cnn"]
    text = "\n".join(which_lines(found))
    assert "val MAE" in text
    assert re.search(r"simple_rnn +1\+ ", text)
    assert "+ MAE was still falling at the end" in text
    assert "accuracy" not in text
    assert "%" not in text


@pytest.mark.slow
def test_the_page_of_regressions_has_the_better_above(now):
    page = render_which_page(with_errors(now))
    assert "simple_rnn is the most accurate on val: MAE 1 at 1,000 images/s" in page
    assert "<h2>MAE and speed</h2>" in page
    assert "still falling" in page
    places = {title: float(y) for y, title in re.findall(r'cy="([\d.]+)"[^>]*><title>(\w+):', page)}
    assert places["simple_rnn"] < places["simple_cnn"]
    assert "val accuracy" not in page


@pytest.mark.slow
def test_of_regressions_the_front_is_of_small_errors(now):
    class Errors(Runs):
        def __call__(self, resolved: Resolved, place: RunPlace, observer: Observer, budget: Budget) -> RunResult:
            result = super().__call__(resolved, place, observer, budget)
            error = {"simple_cnn": 1.0, "simple_rnn": 2.0}[resolved.job.architecture.name]
            epochs = [{"epoch": 1, "val": {"mae": error}}]
            return result.changed(task="regression", metrics={"val": {"mae": error}}, epochs=epochs)

    found = work(now, Errors(now), "simple_cnn", "simple_rnn")
    assert found["task"] == "regression"
    assert [(row["val_mae"], row["val_accuracy"], row["pareto"]) for row in found["rows"]] == [
        (1.0, None, True),
        (2.0, None, False),
    ]
