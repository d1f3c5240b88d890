"""Save the state of a run, and resume from it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from zoo.data.open import TRAIN
from zoo.engine.sharding import Stateful
from zoo.errors import RequestError
from zoo.model.bundle import WEIGHTS, copied_weights, write_weights
from zoo.runner.checkpoint import BEST_SHA256, CheckpointState, Keeper, random_states, restore_random_states
from zoo.runner.components import RunComponents
from zoo.runner.measurements import BestEpoch
from zoo.runner.observer import Observer
from zoo.runner.run_state import RunState
from zoo.runner.train_state import KeptState

SCHEDULED = ("lr", "initial_lr", "max_lr", "min_lr", "momentum", "betas")
"""The entries of an optimizer's groups that schedules read or change."""


def checkpoint_of(state: RunState, parts: RunComponents, **callbacks: KeptState) -> CheckpointState:
    """Collect the state that a bit-identical continuation needs, with that of the callbacks."""
    done = None if state.position is None else state.position.random
    return {
        **state.as_dict(),
        **callbacks,
        "parts": {name: part.state_dict() for name, part in parts.stateful().items()},
        "random": parts.ranks.all(done or random_states()),
    }


def resume(state: RunState, parts: RunComponents, keeper: Keeper, observer: Observer, kept: Mapping[str, Any]) -> None:
    """Continue from a checkpoint of the same job, or of one that had ``planned`` another number of epochs.

    Args:
        state, parts, keeper: of the run that continues; they are changed in place.
        observer: receives the notices.
        kept: the checkpoint, as :func:`checkpoint_of` made it.

    Raises:
        RequestError: the best weights are lost, and no epoch is left to train.
    """
    state.restore(kept)
    keeper.best, keeper.sha256 = state.best, kept.get(BEST_SHA256)
    train = parts.job.train
    if state.accumulate > train.accumulate and parts.scoring.reason_against_cuts():
        state.accumulate = train.accumulate  # cut by an earlier version, after it was out of memory
    planned = kept.get("planned", train.epochs)
    rates = _scheduled_now(state, parts) if planned != train.epochs else None
    for name, part in parts.stateful().items():
        if name == "loss" and name not in kept["parts"]:
            continue  # saved before losses had weights
        if rates is None or name != "schedule" or hasattr(part, "epoch_ended"):
            _load(part, kept["parts"][name], name)
    if rates is not None:
        observer.notice(_rescale_schedule(parts, rates, planned))
    parts.gather()
    drawn = kept["random"]
    if len(drawn) == parts.ranks.size:
        restore_random_states(drawn[parts.ranks.rank])
    elif _redistributes_shards(state, parts):
        observer.notice(_process_count_notice(state, parts, len(drawn)))
    if state.best is not None and parts.ranks.broadcast(keeper.intact()) is False:
        _restore_best(state, state.best, parts, keeper, observer)


def _load(part: Stateful, kept: Any, name: str) -> None:
    """Load a part's state.

    Raises:
        RequestError: it doesn't fit: the run began with another network, optimizer or schedule of the same name.
    """
    try:
        part.load_state_dict(kept)
    except (RuntimeError, ValueError, KeyError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        reason = next((line.strip().rstrip(".") for line in lines if not line.endswith(":")), lines[0])
        raise RequestError(
            f"The checkpoint does not fit the {name} ({reason}): the run began with another one of the same name. "
            "Resume it with the same objects and files, or start over with --overwrite."
        ) from error


def _restore_best(state: RunState, best: BestEpoch, parts: RunComponents, keeper: Keeper, observer: Observer) -> None:
    """Replace best weights that are no longer on the disk: from the state, or by those of a later epoch.

    Raises:
        RequestError: no epoch is left to train.
    """
    job, done = parts.job.train, len(state.history)
    if best.epoch == done and state.position is None:
        if parts.ranks.first:
            keeper.bundle.mkdir(exist_ok=True)
            keeper.sha256 = write_weights(keeper.bundle, copied_weights(parts.learner.final))
        return
    lost = (
        f"{keeper.bundle / WEIGHTS} no longer contains the best weights, of epoch {best.epoch} ({best.metric} "
        f"{best.value:.4g}): it is damaged, or was replaced."
    )
    if done >= job.last_epoch:
        raise RequestError(
            f"{lost} Restore the file, train further with --epochs {done + 1}, or start over with --overwrite."
        )
    text = f"{lost} The best of the epochs from {done + 1} on is kept instead."
    state.notices = [*state.notices, text]
    observer.notice(text)
    state.best = keeper.best = keeper.sha256 = None


def _redistributes_shards(state: RunState, parts: RunComponents) -> bool:
    """Check for an unfinished epoch whose shards are already distributed over another number of processes."""
    position = state.position
    unfinished = position is not None and position.steps > 0 and position.random is None
    return unfinished and parts.splits[TRAIN].shards is not None


def _process_count_notice(state: RunState, parts: RunComponents, before: int) -> str:
    assert state.position is not None
    return (
        f"{before} processes trained a part of epoch {state.position.epoch}, and now there are {parts.ranks.size}: "
        "in this epoch some images are seen twice and some not at all. Later epochs are not affected."
    )


def _scheduled_now(state: RunState, parts: RunComponents) -> list[dict[str, Any]]:
    """Scheduled values of each group at this step, as if the schedule had had its new length from the start."""
    position = state.position
    steps = len(state.history) * len(parts.train_batches) + (position.steps if position else 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns where no optimizer step lies between
        for _ in range(steps):
            parts.schedule.step()
    return [{k: group[k] for k in SCHEDULED if k in group} for group in parts.optimizer.param_groups]


def _rescale_schedule(parts: RunComponents, rates: list[dict[str, Any]], planned: int) -> str:
    """Apply the values of a schedule of another length, and describe the change."""
    groups, train = parts.optimizer.param_groups, parts.job.train
    old = max(group["lr"] for group in groups)
    for group, own in zip(groups, rates, strict=True):
        group.update(own)
    new = max(group["lr"] for group in groups)
    return (
        f"Training is extended from {planned} to {train.epochs} epochs: the {train.schedule.name} schedule now "
        f"spans {train.epochs}, so the learning rate continues at {new:.3g} instead of {old:.3g}, and so do all "
        "other values that depend on the number of epochs. The result differs from that of a run of that length "
        "from the start."
    )
