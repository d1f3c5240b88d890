"""Callbacks that break one check each."""

from __future__ import annotations

from typing import Any

from zoo.api.running import Callback, TrainState


class Good(Callback):
    """Count steps, and restore the count."""

    def __init__(self) -> None:
        self.count = 0

    def step_end(self, state: TrainState) -> None:
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        self.count = kept["count"]


class NotMade(Callback):
    """Raise an exception."""

    def __init__(self) -> None:
        raise RuntimeError("no such callback")


class Duck:
    """Has the methods of a callback and is none."""

    def train_start(self, state: TrainState) -> None: ...

    epoch_start = batch_start = step_end = train_start

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, kept: dict[str, Any]) -> None: ...


class Failing(Callback):
    """Raise an exception in a step."""

    def step_end(self, state: TrainState) -> None:
        raise ValueError("no such step")


class Forgetful(Good):
    """Return a state that it does not take."""

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        self.count = kept["total"]
