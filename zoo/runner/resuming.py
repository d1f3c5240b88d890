"""What a training is kept as, and how it goes on from there."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.bundle import WEIGHTS, copied_weights, write_weights
from zoo.data.open import TRAIN
from zoo.errors import RequestError
from zoo.runner.checkpoint import BEST_SHA256, random_states, restore_random_states

if TYPE_CHECKING:
    from zoo.runner.training import Training

SCHEDULED = ("lr", "initial_lr", "max_lr", "min_lr", "momentum", "betas")
"""What schedules change of an optimizer's groups, or read of them."""


@dataclass
class Best:
    """The epoch whose weights are kept."""

    epoch: int
    metric: str
    value: float


@dataclass
class Position:
    """How far an epoch is that isn't finished.

    Args:
        lr: that it began with.
        steps: that are done.
        seconds: that they took.
        totals: their sums.
        random: the random states when all steps were done, and what remains is to evaluate.
    """

    epoch: int
    lr: float
    steps: int = 0
    seconds: float = 0.0
    totals: dict[str, Any] | None = None
    random: dict[str, Any] | None = None


def state_of(training: Training) -> dict[str, Any]:
    """All that it takes to go on as if nothing had happened."""
    position, best = training.position, training.best
    done = None if position is None else position.random
    return {
        "history": training.history,
        "best": vars(best) if best else None,
        "timing": training.timing,
        "accumulate": training.accumulate,
        "notices": training.notices,
        "parts": {name: part.state_dict() for name, part in training.parts.stateful().items()},
        "position": vars(position) if position else None,
        "random": training.ranks.all(done or random_states()),
    }


def restore(training: Training, state: Mapping[str, Any]) -> None:
    """Go on from the state of the same job, or of one that had ``planned`` another number of epochs."""
    training.history = state["history"]
    training.best = Best(**state["best"]) if state["best"] else None
    training.keeper.best, training.keeper.sha256 = training.best, state.get(BEST_SHA256)
    training.position = Position(**state["position"]) if state.get("position") else None
    training.timing.update({k: v for k, v in state["timing"].items() if k != "setup_s"})
    training.accumulate = state.get("accumulate", training.accumulate)
    training.notices = state.get("notices", [])
    planned = state.get("planned", training.job.train.epochs)
    rates = _rates_by_now(training) if planned != training.job.train.epochs else None
    for name, part in training.parts.stateful().items():
        if rates is None or name != "schedule" or hasattr(part, "epoch_ended"):
            part.load_state_dict(state["parts"][name])
    if rates is not None:
        _stretch(training, rates, planned)
    training.parts.gather()
    drawn = state["random"]
    if len(drawn) == training.ranks.size:
        restore_random_states(drawn[training.ranks.rank])
    else:
        _others(training, len(drawn))
    if training.best is not None and training.ranks.told(training.keeper.intact()) is False:
        _bring_back_best(training, training.best)


def _bring_back_best(training: Training, best: Best) -> None:
    """The best weights are not on the disk: write them anew where the state has them, or look for better ones.

    Raises:
        RequestError: nothing is left to be trained.
    """
    job, keeper, done = training.job.train, training.keeper, len(training.history)
    if best.epoch == done and training.position is None:
        if training.ranks.first:
            keeper.bundle.mkdir(exist_ok=True)
            keeper.sha256 = write_weights(keeper.bundle, copied_weights(training.parts.learner.final))
        return
    lost = (
        f"{keeper.bundle / WEIGHTS} no longer holds the best weights, those of epoch {best.epoch} "
        f"({best.metric} {best.value:.4g}): it is damaged, or was replaced."
    )
    if done >= job.last_epoch:
        raise RequestError(
            f"{lost} Bring the file back, train further with --epochs {done + 1}, or start afresh with --overwrite."
        )
    text = f"{lost} The best of the epochs from {done + 1} on is kept in its place."
    training.notices = [*training.notices, text]
    training.observer.notice(text)
    training.best = keeper.best = keeper.sha256 = None


def _others(training: Training, before: int) -> None:
    """There are more processes than before, or fewer: each draws anew."""
    position = training.position
    if position and position.steps and position.random is None and training.parts.splits[TRAIN].shards is not None:
        training.observer.notice(
            f"{before} processes trained a part of epoch {position.epoch}, and now it is {training.ranks.size}: shards "
            "are dealt otherwise, so some of its images are seen twice and some not. Later epochs are whole again."
        )


def _rates_by_now(training: Training) -> list[dict[str, Any]]:
    """What the job's schedule would have made of each group by now, had it been this one from the start."""
    parts, position = training.parts, training.position
    steps = len(training.history) * len(parts.train_batches) + (position.steps if position else 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch wants the optimizer to step between
        for _ in range(steps):
            parts.schedule.step()
    return [{k: group[k] for k in SCHEDULED if k in group} for group in parts.optimizer.param_groups]


def _stretch(training: Training, rates: list[dict[str, Any]], planned: int) -> None:
    """A schedule has a length: that of a longer training is another, and is told."""
    groups, train = training.parts.optimizer.param_groups, training.job.train
    old = max(group["lr"] for group in groups)
    for group, own in zip(groups, rates, strict=True):
        group.update(own)
    new = max(group["lr"] for group in groups)
    training.observer.notice(
        f"Trained on to epoch {train.epochs}, where {planned} were planned: the {train.schedule.name} schedule is laid "
        f"out over {train.epochs}, so the learning rate goes on from {new:.3g} in place of {old:.3g}, and so does all "
        "else that goes by the number of epochs. It is not what a run of that length would be from the start."
    )
