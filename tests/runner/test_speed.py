"""How long a training will take: near the truth, and without a trace in the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.host.loader import open_registry
from zoo.job.request import Request
from zoo.job.resolve import resolve
from zoo.reports.estimate import about, correction_line, estimate_line
from zoo.runner import speed as speeds
from zoo.runner.components import RunComponents, build_components
from zoo.runner.hints import hints_of
from zoo.runner.measurements import EpochRecord
from zoo.runner.observer import Observer
from zoo.runner.record import Run
from zoo.runner.speed import measure_speed, one_thread_step_s

SMALL = {"architecture.channels": [8], "train.image_size": 8}


def parts_of(**sets: Any) -> RunComponents:
    words = tuple(f"{path}={value}" for path, value in {**SMALL, **sets}.items())
    options = {"architecture": "simple_cnn", "dataset": "digits"}
    return build_components(resolve(Request(options=options, sets=words), open_registry()), Observer())


class Heard(Observer):
    """Keeps the estimate, and how long the epochs took."""

    def __init__(self) -> None:
        self.estimate_s: float | None = None
        self.seconds = 0.0

    def started(self, run: Run) -> None:
        self.estimate_s = run.estimate_s

    def epoch_ended(self, record: dict[str, Any]) -> None:
        self.seconds += record["seconds"]


def test_each_phase_is_timed():
    parts = parts_of(**{"train.epochs": 4, "train.image_size": 16, "train.start_size": 8})
    speed = measure_speed(parts)
    assert speed is not None
    assert speed.phases == ((8, 0), (8, 0), (16, 0), (16, 0))
    assert set(speed.step_s) == {(8, 0), (16, 0)}
    assert speed.steps == len(parts.train_batches)
    assert speed.seconds(4) == pytest.approx(sum(speed.epoch_s(epoch) for epoch in (1, 2, 3, 4)))
    assert min(*speed.step_s.values(), speed.evaluate_s) > 0


def test_nothing_of_it_is_left_behind():
    parts = parts_of(**{"train.epochs": 2})
    before = {name: value.clone() for name, value in parts.model.state_dict().items()}
    random = torch.random.get_rng_state()
    batch = vars(parts.train_batches).copy()
    assert measure_speed(parts) is not None
    assert all(torch.equal(value, before[name]) for name, value in parts.model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), random)
    assert vars(parts.train_batches) == batch
    assert all(parameter.grad is None for parameter in parts.model.parameters())


def test_a_run_has_the_same_weights_with_it_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def train(name: str) -> bytes:
        result = zoo.run("simple_cnn", "digits", epochs=2, set=SMALL, out=tmp_path, name=name, observer=Observer())
        return (result.dir / "model" / "model.safetensors").read_bytes()

    with_it = train("with")
    monkeypatch.setattr("zoo.runner.runner.measure_speed", lambda parts: None)
    assert train("without") == with_it


def test_a_fault_of_a_component_is_left_to_the_training(monkeypatch: pytest.MonkeyPatch):
    parts = parts_of(**{"train.epochs": 2})

    def broken(images: torch.Tensor, targets: torch.Tensor) -> None:
        raise KeyError("a stranger's defect")

    parts.augment = {size: [broken] for size in parts.augment}
    assert measure_speed(parts) is None


@pytest.mark.slow
def test_it_is_near_the_truth(tmp_path: Path):
    """On a machine that others use too, in one of three tries."""
    ratios = []
    for number in range(3):
        heard = Heard()
        zoo.run("simple_cnn", "digits", epochs=12, out=tmp_path, name=f"run{number}", observer=heard)
        assert heard.estimate_s is not None
        ratios.append(heard.estimate_s / heard.seconds)
        if 1 / 1.5 < ratios[-1] < 1.5:
            return
    pytest.fail(f"estimated over real: {ratios}")


def test_slow_steps_are_reckoned_from_a_few_images(monkeypatch: pytest.MonkeyPatch):
    parts, asked = parts_of(**{"train.batch_size": 64, "train.epochs": 2}), []

    def timed(parts: RunComponents, images: int, most: int, enough_s: float) -> float:
        asked.append(images)
        return 1.0

    monkeypatch.setattr(speeds, "_timed", timed)
    speed = measure_speed(parts)
    assert speed is not None
    assert asked == [speeds.FEW, speeds.FEW], "the second time, in case the first was held up"
    assert list(speed.step_s.values()) == [64 / speeds.FEW]


@pytest.mark.parametrize(
    ("marks", "step_s"),
    [
        ([0, 5, 5.1, 5.2], 0.1),  # the first timed step was held up
        ([0, 0.1, 5.1, 5.2], 0.1),
        ([0, 1.0, 2.0], 1.0),  # steps that are that slow: two are enough
    ],
)
def test_one_step_that_is_held_up_does_not_decide(marks: list[float], step_s: float, monkeypatch: pytest.MonkeyPatch):
    parts, times = parts_of(**{"train.epochs": 30}), iter(marks)
    monkeypatch.setattr(speeds, "now", lambda execution: next(times))
    assert speeds._timed(parts, 8, 12, 0.6) == pytest.approx(step_s)
    assert next(times, None) is None


def test_one_slow_small_step_is_not_extrapolated(monkeypatch: pytest.MonkeyPatch):
    """A step of a few images that another program held up once had its batch take sixteen times as long."""
    parts, seconds = parts_of(**{"train.batch_size": 64, "train.epochs": 2}), iter([1.0, 0.01, 0.02])
    monkeypatch.setattr(speeds, "_timed", lambda *of: next(seconds))
    speed = measure_speed(parts)
    assert speed is not None
    assert list(speed.step_s.values()) == [0.02]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (9.7, "10 s"),
        (42.0, "40 s"),
        (89.0, "90 s"),
        (100.0, "2 min"),
        (3000.0, "50 min"),
        (9000.0, "2 h 30 min"),
    ],
)
def test_an_estimate_is_rounded(seconds: float, words: str):
    assert about(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "line"),
    [
        (None, None),
        (30.0, "48 epochs, about 30 s on this machine."),
        (
            360.0,
            "48 epochs, about 6 min on this machine. Ctrl-C keeps the best epoch so far; --budget 2m fits the run "
            "into 2 min.",
        ),
    ],
)
def test_the_line_before_training(seconds: float | None, line: str | None):
    run = Run("r", Path("runs/r"), {"train": {"epochs": 48}}, estimate_s=seconds)
    assert estimate_line(run) == line


@pytest.mark.parametrize(
    ("first_s", "train", "line"),
    [
        (20.0, {}, None),  # as estimated
        (26.0, {}, None),  # nearly
        (1.2, {}, "By the first epoch, training takes about 70 s, not 20 min."),
        (60.0, {}, "By the first epoch, training takes about 1 h 00 min, not 20 min."),
        (1.2, {"start_size": 32}, None),  # the first epoch is faster than later ones
        (1.2, {"freeze_epochs": 2}, None),
        (None, {}, None),
    ],
)
def test_the_first_epoch_corrects_a_wrong_estimate(first_s: float | None, train: dict[str, Any], line: str | None):
    run = Run("r", Path("runs/r"), {"train": {"epochs": 60, **train}}, estimate_s=1200.0)
    assert correction_line(run, EpochRecord(epoch=1, seconds=first_s)) == line


def test_a_resumed_run_is_corrected_by_what_is_left():
    run = Run("r", Path("runs/r"), {"train": {"epochs": 60}}, estimate_s=100.0)
    assert correction_line(run, EpochRecord(epoch=51, seconds=10.0)) is None
    assert correction_line(run, EpochRecord(epoch=51, seconds=30.0)) is not None


@pytest.mark.parametrize(("alone_s", "told"), [(0.02, True), (0.19, False)])
def test_threads_that_other_programs_hold_up_are_reported(monkeypatch: pytest.MonkeyPatch, alone_s: float, told: bool):
    parts, threads = parts_of(**{"train.epochs": 1}), [2]
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(speeds, "_timed", lambda *_: alone_s if threads[-1] == 1 else 0.2)
    speed = measure_speed(parts)
    assert (one_thread_step_s(parts, speed) == alone_s) is told
    assert [f"200 ms with 2 threads, {1000 * alone_s:.0f} ms with one" in hint for hint in hints_of(parts, speed)] == (
        [True] if told else []
    )
    assert threads[-1] == 2, "as before"
    threads.append(1)
    assert one_thread_step_s(parts, speed) is None, "nothing to gain"
