"""The live state of a training: what callbacks see of each step, and what they change in it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch

from zoo.errors import Interrupted
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.runner.callbacks import Callback
from zoo.runner.observer import Observer
from zoo.runner.runner import RunPlace, run_job
from zoo.runner.train_state import TrainState


def train(*callbacks: Callback, name: str = "r", resume: bool = False, **asked: Any) -> Any:
    small = {"architecture": "simple_cnn", "dataset": "digits", "epochs": 2, "image_size": 8, "batch_size": 256}
    registry = open_registry()
    place = RunPlace(name=name, resume=resume)
    resolved = resolve(make_request({**small, **asked}), registry)
    return run_job(resolved, registry.plugins, Observer(), place, callbacks=callbacks)


def lines(name: str = "r") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("runs", name, "metrics.jsonl").read_text("utf-8").splitlines()]


class Recorder(Callback):
    """Writes down the events of a training."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def train_start(self, state: TrainState) -> None:
        self.events.append(("train", state.epoch, state.steps_per_epoch))

    def epoch_start(self, state: TrainState) -> None:
        self.events.append(("epoch", state.epoch, state.step))

    def batch_start(self, state: TrainState) -> None:
        assert state.images.shape[1:] == (1, 8, 8)
        assert state.logits is None

    def step_end(self, state: TrainState) -> None:
        assert state.logits.shape == (len(state.targets), 10)
        assert state.loss.ndim == 0
        self.events.append((state.epoch, state.step, state.global_step, len(state.history)))


def test_a_callback_sees_every_step():
    recorder = Recorder()
    train(recorder)
    steps = [(1, s, s, 0) for s in range(1, 7)], [(2, s, 6 + s, 1) for s in range(1, 7)]
    assert recorder.events == [("train", 0, 6), ("epoch", 1, 0), *steps[0], ("epoch", 2, 0), *steps[1]]


@pytest.mark.slow
def test_a_callback_replaces_a_batch():
    class Blank(Callback):
        def batch_start(self, state: TrainState) -> None:
            state.images = torch.zeros_like(state.images)

    seen, blank = train(name="a", epochs=4), train(Blank(), name="b", epochs=4)
    assert seen.metrics["val"].accuracy > 0.3
    assert blank.metrics["val"].accuracy < 0.2


class Halve(Callback):
    """Halve the learning rate once."""

    def __init__(self, at: int):
        self.at, self.rates = at, []

    def step_end(self, state: TrainState) -> None:
        if state.global_step == self.at:
            state.lr = state.lr / 2
        self.rates.append(state.lr)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "constant", "step"])
def test_a_learning_rate_stays_changed_under_every_schedule(schedule: str):
    plain, halved = Halve(at=-1), Halve(at=4)
    train(plain, name="a", set={"train.schedule": schedule})
    train(halved, name="b", set={"train.schedule": schedule})
    ratios = [b / a for a, b in zip(plain.rates[:-1], halved.rates, strict=False)]
    assert ratios[:3] == [1.0] * 3
    assert ratios[3:] == pytest.approx([0.5] * len(ratios[3:]), rel=1e-6)


def test_a_callback_stops_in_the_middle_of_an_epoch():
    class Third(Recorder):
        def step_end(self, state: TrainState) -> None:
            super().step_end(state)
            if state.step == 3:
                state.stop("three steps are enough")

    third = Third()
    result = train(third)
    assert (result.status, result.stop_reason) == ("stopped", "three steps are enough")
    assert third.events[-1][:2] == (1, 3)
    assert len(result.epochs) == 1
    assert result.metrics["val"].accuracy > 0


@pytest.mark.slow
def test_logged_numbers_are_the_mean_of_each_epoch():
    class Steps(Callback):
        def step_end(self, state: TrainState) -> None:
            state.log("step", state.step)

    train(Steps())
    assert [line["logged"] for line in lines()] == [{"step": 3.5}] * 2
    train(name="plain", epochs=1)
    assert "logged" not in lines("plain")[0]


class Counting(Callback):
    """Has a state, logs it, and interrupts the run after some steps."""

    def __init__(self, interrupt_at: int | None = None):
        self.count, self.interrupt_at = 0, interrupt_at

    def step_end(self, state: TrainState) -> None:
        self.count += 1
        state.log("count", self.count)
        if self.count % 5 == 0:
            state.scale_lr(0.5)
        if self.count == self.interrupt_at:
            signal.raise_signal(signal.SIGINT)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        self.count = kept["count"]


@pytest.mark.slow
def test_a_resumed_run_restores_callbacks_to_the_last_bit():
    whole = train(Counting(), name="whole")
    with pytest.raises(Interrupted):
        train(Counting(interrupt_at=8), name="parts")
    parts = train(Counting(), name="parts", resume=True)
    assert [e.train.loss for e in parts.epochs] == [e.train.loss for e in whole.epochs]
    assert [line["logged"] for line in lines("parts")] == [line["logged"] for line in lines("whole")]


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan")])
def test_a_learning_rate_is_positive(wrong: float):
    class Wrong(Callback):
        def step_end(self, state: TrainState) -> None:
            with pytest.raises(ValueError, match="must be positive"):
                state.lr = wrong
            state.stop("seen")

    train(Wrong())


class StopAndInterrupt(Callback):
    """Stop in the first epoch, and interrupt the validation after it."""

    def __init__(self, interrupt: bool):
        self.interrupt = interrupt

    def step_end(self, state: TrainState) -> None:
        if state.global_step == 3:
            state.stop("three steps")
            if self.interrupt:
                signal.raise_signal(signal.SIGINT)


def test_a_reason_to_stop_survives_an_interruption():
    with pytest.raises(Interrupted):
        train(StopAndInterrupt(interrupt=True))
    resumed = train(StopAndInterrupt(interrupt=False), resume=True)
    assert (resumed.status, resumed.stop_reason, len(resumed.epochs)) == ("stopped", "three steps", 1)


@pytest.mark.slow
def test_a_stopped_run_goes_on_when_it_is_resumed():
    train(StopAndInterrupt(interrupt=False))
    resumed = train(Recorder(), resume=True)
    assert (resumed.status, len(resumed.epochs)) == ("completed", 2)


class InterruptOnce(Callback):
    """Requests an interrupt from another thread in a step."""

    def step_end(self, state: TrainState) -> None:
        if state.global_step == 8:
            thread = Thread(target=state.interrupt)
            thread.start()
            thread.join()


def test_a_callback_interrupts_a_run_that_resumes_to_the_last_bit():
    with pytest.raises(Interrupted, match="after 1 of 2 epochs and 3 steps"):
        train(InterruptOnce(), name="cut")
    assert json.loads(Path("runs/cut/result.json").read_text("utf-8"))["status"] == "interrupted"
    train(name="cut", resume=True)
    train(name="whole")
    weights = [Path("runs", name, "model", "model.safetensors").read_bytes() for name in ("cut", "whole")]
    assert weights[0] == weights[1]
