"""Learning-rate schedules given from Python: torch's classes, which are stepped once an epoch, and factories."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from zoo.errors import RequestError
from zoo.job.given.factory import Given, around, class_of, is_plain, makes_objects, parameters_of, titled

_RUNNER = ("optimizer", "total_steps", "last_epoch", "verbose")


class PerEpoch:
    """A scheduler of torch that is stepped after each epoch, as in torch's own training loops.

    Args:
        scheduler: ``step()``, or ``step(value)`` as of ``ReduceLROnPlateau``.
    """

    def __init__(self, scheduler: Any):
        self.scheduler = scheduler
        self._watches = list(inspect.signature(scheduler.step).parameters)[:1] == ["metrics"]

    def step(self) -> None:
        """The end of an optimizer step, which changes nothing."""

    def epoch_ended(self, value: float, higher_is_better: bool) -> None:
        """Step the scheduler, with the monitored value where it takes one."""
        if not self._watches:
            self.scheduler.step()
            return
        mode = "max" if higher_is_better else "min"
        if getattr(self.scheduler, "mode", mode) != mode:  # of ReduceLROnPlateau, for the number that the job monitors
            kept = self.scheduler.threshold, self.scheduler.threshold_mode
            self.scheduler._init_is_better(mode, *kept)
            self.scheduler.best = self.scheduler.mode_worse
        self.scheduler.step(value)

    def state_dict(self) -> Mapping[str, Any]:
        """State of the scheduler."""
        state: Mapping[str, Any] = self.scheduler.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore :meth:`state_dict`."""
        self.scheduler.load_state_dict(state)


def adapt(value: Any) -> Given:
    """Make a factory of a schedule.

    Raises:
        RequestError: it is an object, which belongs to another optimizer, or can't be called with an optimizer.
    """
    if hasattr(value, "step") and not makes_objects(value):
        raise RequestError(_refusal(value))
    names = [one.name for one in parameters_of(value)] if callable(value) else []
    if "optimizer" not in names[:1]:
        raise RequestError(
            f"{titled('schedule', value)} is neither a name nor a class of torch.optim.lr_scheduler: "
            "schedule=functools.partial(torch.optim.lr_scheduler.StepLR, step_size=2)"
        )
    if names[1:2] == ["total_steps"]:
        return Given(value, class_of(value))
    own = [one for one in parameters_of(value) if one.name not in (*_RUNNER, "max_lr")]
    build = functools.partial(_build, value, names)
    return Given(around(build, class_of(value), ("optimizer", "total_steps"), own), class_of(value))


def _build(factory: Any, names: list[str], optimizer: Any, total_steps: int, **params: Any) -> Any:
    """Make a scheduler: stepped at each step where it takes their number, else at each epoch."""
    if "max_lr" in names:
        params["max_lr"] = [group["lr"] for group in optimizer.param_groups]
    if "total_steps" in names:
        return factory(optimizer, total_steps=total_steps, **params)
    return PerEpoch(factory(optimizer, **params))


def _refusal(scheduler: Any) -> str:
    name = type(scheduler).__name__
    known = [one.name for one in parameters_of(type(scheduler)) if one.name not in _RUNNER]
    said = {key: getattr(scheduler, key, None) for key in known}
    shown = "".join(f", {key}={value!r}" for key, value in said.items() if value is not None and is_plain(value))
    return (
        f"The schedule {name} can't be used: it belongs to an optimizer, and the run makes its own. Give the class: "
        f"schedule=functools.partial(torch.optim.lr_scheduler.{name}{shown})"
    )
