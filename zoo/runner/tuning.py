"""Resolve the open values of a job before its run: the batch size by memory, the learning rate by a range test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from zoo.engine.ranks import ALONE, Ranks
from zoo.errors import RequestError
from zoo.job.recipes import BASE
from zoo.job.resolve import Resolved
from zoo.job.rules import decide, is_rule
from zoo.job.schema import AUTO, EXECUTED
from zoo.runner.batch_size import find_batch
from zoo.runner.budget import fit
from zoo.runner.components import RunComponents, build_components
from zoo.runner.lr_find import find_lr
from zoo.runner.observer import Observer
from zoo.runner.result_parts import TuningAccount
from zoo.runner.time_budget import Budget
from zoo.storage.safe_yaml import read_mapping

RANGE_TEST, MEMORY = "range test", "by memory"
_LAST = {"batch_size": 32, "lr": 1e-3}  # for an ``auto`` in the base recipe itself


def build_parts(
    resolved: Resolved, observer: Observer, ranks: Ranks = ALONE, budget: Budget | None = None
) -> tuple[RunComponents, TuningAccount]:
    """Build the components of a run, with every ``auto`` resolved to a number, and fitted to a budget.

    Returns:
        The components, and an account of the searches: ``batch_size`` and ``lr``, where they were searched; ``budget``.

    Raises:
        ZooError: as :func:`zoo.runner.components.build_components`; or no number can be found.
    """
    autos = resolved.job.train.autos()
    if budget is not None:
        _refuse_with_budget(autos, ranks)
        fitted, spent_on = fit(resolved, budget, observer)
        return build_components(fitted, Observer(), ranks), TuningAccount(budget=spent_on)
    if not autos:
        return build_components(resolved, observer, ranks), TuningAccount()
    started = perf_counter()
    found, account = find_autos(resolved, observer, ranks)
    spent = perf_counter() - started
    parts = build_components(found, Observer())  # its notices and its progress were shown before
    parts.setup_s += spent
    return parts, account


def find_autos(resolved: Resolved, observer: Observer, ranks: Ranks = ALONE) -> tuple[Resolved, TuningAccount]:
    """Find a number for each ``auto`` of the job's training: the batch size by memory, then the learning rate.

    Each search has components of its own, so that a run that found 0.003 equals one whose job said 0.003.

    Returns:
        The job without ``auto`` in its training, and an account of each search: ``batch_size``, ``lr``.

    Raises:
        RequestError: several processes share the run.
        ZooError: as :func:`zoo.runner.components.build_components`; or no number can be found.
    """
    autos = resolved.job.train.autos()
    if ranks.size > 1:
        raise RequestError(
            f"train.{autos[0]}=auto is not supported with several processes. Find it first with zoo lr-find, or "
            "leave out --nproc."
        )
    found, account, shown = with_recipes(resolved), TuningAccount(), observer
    for name, find in (("batch_size", _find_batch), ("lr", _find_lr)):
        if name in autos:
            found, values = find(build_components(found, shown), observer)
            account = account.changed(**{name: values})
            shown = Observer()  # its notices and its progress were shown before
    return found, account


def _refuse_with_budget(autos: Sequence[str], ranks: Ranks) -> None:
    if ranks.size > 1:
        raise RequestError(
            "--budget is not supported with several processes. Leave out --nproc, then repeat the job.yaml with it."
        )
    if autos:
        raise RequestError(
            f"train.{autos[0]}=auto and --budget can't be combined: find the value first (zoo lr-find), then set it."
        )


def trial_parts(resolved: Resolved, observer: Observer) -> RunComponents:
    """Build components for learning-rate tests: the batch size is searched, the learning rate is the recipe's."""
    train = with_recipes(resolved).job.train
    return build_parts(_with_train_values(resolved, {"lr": train.lr}, "recipe"), observer)[0]


def with_recipes(resolved: Resolved) -> Resolved:
    """Replace each ``auto`` by the recipe's own number."""
    recipes = (resolved.registry.recipes.by_name.get(BASE, {}), resolved.recipe)
    values = dict(_LAST)
    for recipe in recipes:
        train = recipe.get("train") or {}
        said = {k: decide(v, resolved.facts).value if is_rule(v) else v for k, v in train.items() if k in _LAST}
        values.update({k: v for k, v in said.items() if v != AUTO})
    return _with_train_values(resolved, {name: values[name] for name in resolved.job.train.autos()}, "recipe")


def recorded_job(job_file: Path) -> Mapping[str, Any]:
    """The job of an earlier run; versions without ``data.window`` reduced every image to 8 bits."""
    job = read_mapping(job_file)
    return {**job, "data": {"window": "8-bit", **(job.get("data") or {})}}


def as_recorded(resolved: Resolved, job_file: Path) -> Resolved:
    """Replace each ``auto`` by the value that an earlier run determined, as its job file records it."""
    autos = resolved.job.train.autos()
    job = recorded_job(job_file)
    executed = {name: job[name] for name in EXECUTED if getattr(resolved.job, name) == AUTO and name in job}
    before = job.get("train") or {}
    found = {name: before[name] for name in autos if name in before}
    if "batch_size" in found:
        found["accumulate"] = before.get("accumulate", 1)
    if "lr" in found and before.get("head_lr") is not None:
        found["head_lr"] = before["head_lr"]
    if resolved.job.data.window in ("auto", "percentile"):
        executed["data.window"] = job["data"]["window"]
    return _with_train_values(resolved, found, job_file.name).decided(executed, job_file.name)


def _with_train_values(resolved: Resolved, values: Mapping[str, Any], source: str) -> Resolved:
    """Replace values of the job's ``train`` section."""
    return resolved.decided({f"train.{name}": value for name, value in values.items()}, source)


def _find_batch(parts: RunComponents, observer: Observer) -> tuple[Resolved, dict[str, Any]]:
    plan, train = find_batch(parts), parts.job.train
    pieces = max(plan.accumulate, train.accumulate)
    how = "" if pieces == 1 else f", computed in {pieces} pieces, since {plan.fits} images fit"
    observer.notice(f"Batch size {plan.batch_size} by memory{how} (the recipe's is {train.batch_size}).")
    values = {"batch_size": plan.batch_size, "accumulate": pieces}
    return _with_train_values(parts.resolved, values, MEMORY), {**values, "fits": plan.fits, "recipe": train.batch_size}


def _find_lr(parts: RunComponents, observer: Observer) -> tuple[Resolved, dict[str, Any]]:
    test = find_lr(parts, on_step=partial(observer.preparing, "trying learning rates"))
    train = parts.job.train
    account = {**test.as_dict(), "recipe": train.lr}
    if test.lr is None:
        observer.notice(
            f"The loss did not fall in the range test: the learning rate of the recipe is kept, {train.lr:g}."
        )
        return _with_train_values(parts.resolved, {}, RANGE_TEST), account
    observer.notice(f"Learning rate {test.lr:g} by a range test (the recipe's is {train.lr:g}).")
    values = {"lr": test.lr}
    if train.head_lr is not None:
        values["head_lr"] = train.head_lr * test.lr / train.lr  # the ratio of the two rates is kept, as in the test
    return _with_train_values(parts.resolved, values, RANGE_TEST), account
