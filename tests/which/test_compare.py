"""Which network: who gets how much time, what is told of those that are too slow, and what a stop leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.api import make_request
from zoo.errors import RequestError, TrainingError, ZooError
from zoo.hooks import Plugin
from zoo.job.resolve import Resolved, resolve
from zoo.registry import open_registry
from zoo.reports.which import columns_of, sorted_rows, still_rising, which_lines, without
from zoo.reports.which_page import render_which_page, scatter_plot
from zoo.runner.observer import Observer
from zoo.runner.record import Run
from zoo.runner.runner import Place
from zoo.which import compare
from zoo.which.compare import Candidate, Comparison, Watcher, pareto, run_name

SPEEDS = {"simple_cnn": 1000.0, "simple_rnn": 500.0}
"""Images a second, in training; ten times as many are answered."""
IMAGES = (1000, 100)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """No network is built: speeds are as said, and time goes by as it is told to."""
    clock = SimpleNamespace(s=0.0)
    monkeypatch.setattr(compare, "monotonic", lambda: clock.s)
    splits = {"train": range(IMAGES[0]), "val": range(IMAGES[1])}
    monkeypatch.setattr(compare, "trial_parts", lambda job, observer: SimpleNamespace(splits=splits))

    def bench(jobs: Sequence[Resolved], steps: int, observer: Observer) -> dict[str, Any]:
        clock.s += 1.0
        rate = SPEEDS[jobs[0].job.architecture.name]
        sides = {"train": {"images_per_second": rate}, "inference": {"images_per_second": 10 * rate}}
        return {"benchmarks": [{"parameters": 10, "peak_memory_mib": 1.0, **sides}]}

    monkeypatch.setattr(compare, "bench", bench)
    return clock


def candidates(*names: str, epochs: int = 30) -> list[Candidate]:
    registry = open_registry()
    asked = {"dataset": "digits", "epochs": epochs}
    jobs = [resolve(make_request({"architecture": name, **asked}, recipe="none"), registry) for name in names]
    return [Candidate(name, job, job) for name, job in zip(names, jobs, strict=True)]


class Runs:
    """Runs a job by writing what a run leaves, an epoch a second times ``slower``."""

    def __init__(self, now: SimpleNamespace, slower: float = 1.0, on_epoch: Callable[[str, int], None] | None = None):
        self.now, self.slower, self.on_epoch = now, slower, on_epoch
        self.epochs: dict[str, int] = {}

    def __call__(
        self, resolved: Resolved, plugins: Sequence[Plugin], place: Place, observer: Observer
    ) -> dict[str, Any]:
        job, folder = resolved.job, place.out / str(place.name)
        folder.mkdir()
        run, epochs, reason = Run(folder.name, folder, job.plain()), [], None
        observer.started(run)
        rate = SPEEDS[job.architecture.name]
        while len(epochs) < job.train.epochs and not reason:
            for seen in range(100, IMAGES[0] + 1, 100):
                self.now.s += self.slower * 100 / rate
                observer.step(seen, None)
            epochs.append({"epoch": len(epochs) + 1, "val": {"accuracy": 1 - 0.5 / (len(epochs) + 1)}})
            with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(epochs[-1]) + "\n")
            observer.epoch_ended(epochs[-1])
            hooks = [hook for plugin in plugins for hook in plugin.hooks["zoo_epoch_end"]]
            reason = next(filter(None, (hook.function(run, epochs[-1]) for hook in hooks)), None)
            if self.on_epoch:
                self.on_epoch(folder.name, len(epochs))
        self.epochs[folder.name] = len(epochs)
        best = max(e["val"]["accuracy"] for e in epochs)
        return {"epochs": epochs, "metrics": {"val": {"accuracy": best}}, "model": {"parameters": 12}}


def work(runs: Runs, *names: str, budget_s: float = 40.0, epochs: int = 30) -> dict[str, Any]:
    return Comparison(candidates(*names, epochs=epochs), Path("runs"), "c", budget_s, runs, Watcher()).run()


def test_each_gets_as_many_epochs_as_fit_in_its_share(now):
    runs = Runs(now)
    found = work(runs, "simple_cnn", "simple_rnn")
    # 20 s each, of which timing takes 1; an epoch of the first takes 1.01 s, of the other 2.02 s.
    assert runs.epochs == {"simple_cnn": 15, "simple_rnn": 7}
    assert now.s <= 40
    assert found["status"] == "completed"
    assert found["share_s"] == 20
    assert [row["status"] for row in found["rows"]] == ["measured", "measured"]
    assert json.loads(Path("runs/c/architectures.json").read_text("utf-8")) == found


def test_no_more_epochs_than_the_job_has(now):
    runs = Runs(now)
    work(runs, "simple_cnn", budget_s=1000, epochs=4)
    assert runs.epochs == {"simple_cnn": 4}


def test_one_that_is_slower_than_it_was_timed_ends_at_an_epoch(now):
    runs = Runs(now, slower=3)
    found = work(runs, "simple_cnn", budget_s=20)
    assert runs.epochs == {"simple_cnn": 7}
    assert now.s <= 1.25 * 20
    assert found["rows"][0]["status"] == "measured"


def test_what_can_finish_no_epoch_is_told_and_not_trained(now):
    runs = Runs(now)
    found = work(runs, "simple_cnn", "simple_rnn", budget_s=5)
    row = found["rows"][1]
    assert (row["status"], row["val_accuracy"]) == ("too slow", None)
    assert row["reason"] == "an epoch would take about 2 s, and its share has 2 s left"
    assert row["inference_images_per_second"] == 5000, "its speed was measured all the same"
    assert list(runs.epochs) == ["simple_cnn"]
    assert any(line.startswith("simple_rnn: too slow") for line in which_lines(found))


def test_what_turns_out_to_finish_no_epoch_is_told(now):
    found = work(Runs(now, slower=20), "simple_cnn", budget_s=10)
    row = found["rows"][0]
    assert row["status"] == "too slow"
    assert "of the first epoch took" in row["reason"]
    assert now.s < 20


def test_one_that_fails_is_told_and_the_others_go_on(now):
    def fails(name: str, epoch: int) -> None:
        if name == "simple_cnn":
            raise TrainingError("the loss is not finite")

    found = work(Runs(now, on_epoch=fails), "simple_cnn", "simple_rnn")
    assert [row["status"] for row in found["rows"]] == ["failed", "measured"]
    assert without(found) == ["simple_cnn: failed: the loss is not finite"]


def test_where_all_fail_the_first_reason_is_told(now):
    def fails(name: str, epoch: int) -> None:
        raise TrainingError("the loss is not finite")

    with pytest.raises(ZooError, match=r"Not one of the networks could be trained. simple_cnn: the loss is not finite"):
        work(Runs(now, on_epoch=fails), "simple_cnn", "simple_rnn")


def test_interrupted_it_keeps_what_was_measured(now):
    def interrupt(name: str, epoch: int) -> None:
        if name == "simple_rnn" and epoch == 3:
            raise KeyboardInterrupt

    found = work(Runs(now, on_epoch=interrupt), "simple_cnn", "simple_rnn")
    assert found["status"] == "interrupted"
    first, second = found["rows"]
    assert first["status"] == "measured"
    assert (second["status"], second["epochs"]) == ("interrupted", 3)
    assert second["val_accuracy"] == pytest.approx(1 - 0.5 / 3)
    assert "interrupted" in render_which_page(found)


def test_a_taken_name_is_refused(now):
    Path("runs/c").mkdir(parents=True)
    with pytest.raises(RequestError, match=r"exists\. Give another --name"):
        work(Runs(now), "simple_cnn")


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


def test_the_table_and_the_page_have_all_of_them(now):
    found = work(Runs(now), "simple_cnn", "simple_rnn", budget_s=5)
    page = render_which_page(found)
    for row in sorted_rows(found):
        assert row["architecture"] in page
        assert all(cell in "\n".join(which_lines(found)) for cell in columns_of(row))
    assert "<circle" in scatter_plot(found)
    assert "<script" not in page


def test_names_are_no_markup(now):
    found = work(Runs(now), "simple_cnn")
    found["rows"][0]["architecture"] = "<b>bold</b>"
    assert "<b>bold" not in render_which_page(found)


def test_still_rising_is_said_of_who_got_no_time():
    assert still_rising({"curve": [0.5]})
    assert still_rising({"curve": [0.5, 0.6, 0.7, 0.8]})
    assert not still_rising({"curve": [0.5, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]})
    assert not still_rising({"curve": []})
