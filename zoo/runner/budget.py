"""``--budget``: fit a job to a time limit, using speeds measured on this machine before training."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from zoo.data.open import TEST, VAL
from zoo.errors import RequestError, ZooError
from zoo.job.budget import Length, Variant, best_variant, fit_length
from zoo.job.dataset_facts import JobFacts
from zoo.job.reconcile import unchosen
from zoo.job.resolve import Resolved
from zoo.job.schema import Choice
from zoo.plugin import Dataset
from zoo.registry.entry import PYTHON, Entry, Origin
from zoo.runner.components import RunComponents, build_components
from zoo.runner.noise import noise
from zoo.runner.observer import Observer
from zoo.runner.result_parts import BudgetAccount
from zoo.runner.speed import Speed, measure_speed
from zoo.runner.time_budget import Budget, TooShort, span

__all__ = ["fit", "on_noise"]

SOURCE = "budget"
TARGET = 0.96
"""Fraction of the budget that is planned for."""
REPORT_S = 0.35
"""Seconds for the end of a run (report, plots, exit) per second of its setup."""
EARLY = 0.8
"""A run whose training takes less than this fraction of its time is announced to end early."""
SURE_S = 3.0
"""Seconds of a preparation after which its end is extrapolated."""
TRIAL = 0.02
"""Fraction of the budget for which each phase of the training is timed."""


def fit(resolved: Resolved, budget: Budget, observer: Observer) -> tuple[Resolved, BudgetAccount]:
    """Choose the variant, the number of epochs and the images per epoch that fill the budget.

    Returns:
        The job, and an account: ``budget_s``, ``variant`` (index among the recipe's variants, or None), ``seconds``
            planned for the epochs, ``train_images_per_second`` and ``inference_images_per_second``.

    Raises:
        TooShort: the budget is too small to show every image once; the message gives a sufficient one.
        ZooError: as :func:`zoo.runner.components.build_components`.
    """
    place, chosen = _choose_variant(resolved, budget)
    parts = build_components(chosen, _Preparation(observer, budget))
    again_s = parts.setup_s + min(parts.data_s, 1.0)
    speed = measure_speed(parts, max(0.6, TRIAL * budget.seconds))
    if speed is None:
        raise RequestError("--budget can't time the steps of this network. Give --epochs instead.")
    end_s = REPORT_S * (parts.setup_s + 2.0) + _final_s(parts, speed)
    left_s = TARGET * budget.seconds - budget.spent_s - again_s - end_s
    train, val = parts.images_per_epoch, len(parts.splits[VAL])
    step_s = speed.step_s[speed.phases[-1]]
    account = BudgetAccount(
        budget_s=budget.seconds,
        variant=place,
        train_images_per_second=int(chosen.job.train.batch_size) / step_s,
        inference_images_per_second=val / speed.evaluate_s,
    )
    length = _length(chosen, parts, speed, left_s)
    if length is None:
        least_s = 1.1 * (budget.seconds - left_s + _seconds(chosen, speed, 1, train)) / TARGET
        raise TooShort(
            f"A budget of {span(budget.seconds)} is too short for an epoch of {train:,} images on this machine. The "
            f"minimum is about --budget {span(least_s, up=True)}.",
            account,
            least_s,
        )
    seconds = _seconds(chosen, speed, length.epochs, length.images_per_epoch)
    if seconds < EARLY * left_s:
        observer.notice(
            f"The run will end before its budget of {span(budget.seconds)}: {length.epochs} epochs are the "
            "requested number, or ten times that of the recipe."
        )
    every = None if length.images_per_epoch == train else length.images_per_epoch
    decided = {"train.epochs": length.epochs, "train.images_per_epoch": every}
    return chosen.decided(decided, SOURCE, f"fills --budget {span(budget.seconds)}"), account.changed(seconds=seconds)


class _Preparation(Observer):
    """Aborts a preparation (decoding, computing features) that would use up the budget before training begins.

    Args:
        shown: observer that receives the progress as well.
    """

    def __init__(self, shown: Observer, budget: Budget):
        self.notice = shown.notice  # type: ignore[method-assign]
        self._shown, self._budget, self._what, self._since = shown, budget, "", 0.0

    def preparing(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._what, self._since = what, monotonic()
        self._shown.preparing(what, done, total)
        took = monotonic() - self._since
        if took < SURE_S or not 0 < done < total:
            return
        left_s = took * (total - done) / done
        if self._budget.spent_s + left_s > self._budget.seconds:
            least_s = 1.2 * (self._budget.spent_s + left_s)
            raise TooShort(
                f"{what[:1].upper()}{what[1:]} alone takes about {took + left_s:.0f} s on this machine, and the budget "
                f"is {span(self._budget.seconds)}. Try --budget {span(least_s, up=True)}",
                BudgetAccount(),
                least_s,
            )


def _length(chosen: Resolved, parts: RunComponents, speed: Speed, left_s: float) -> Length | None:
    train = chosen.job.train
    fixed = None if unchosen(chosen.sources.get("train.epochs")) else train.epochs
    images, batch = parts.images_per_epoch, int(train.batch_size)
    return fit_length(
        left_s,
        images,
        batch,
        lambda epochs, each: _seconds(chosen, speed, epochs, each),
        speed.evaluate_s,
        train.epochs,
        fixed,
    )


def _seconds(resolved: Resolved, speed: Speed, epochs: int, images: int) -> float:
    """Estimated seconds of ``epochs`` epochs of ``images`` images, small ones first where the job asks for it."""
    train = resolved.job.train
    steps = -(-images // int(train.batch_size))
    small = round(epochs * train.start_fraction) if train.start_size is not None else 0
    first_s, last_s = speed.step_s[speed.phases[0]], speed.step_s[speed.phases[-1]]
    return epochs * speed.evaluate_s + steps * (small * first_s + (epochs - small) * last_s)


def _final_s(parts: RunComponents, speed: Speed) -> float:
    """Estimated seconds of the final evaluation."""
    val, test = (len(parts.splits[name]) if name in parts.splits else 0 for name in (VAL, TEST))
    return speed.evaluate_s * (1 + test / max(val, 1))


def _choose_variant(resolved: Resolved, budget: Budget) -> tuple[int | None, Resolved]:
    """Choose the recipe's best variant for the budget by its speed on noise; the job itself where there are none.

    Returns:
        The variant's index or None, and the job.
    """
    fragments: Sequence[Mapping[str, Any]] = resolved.recipe.get("budget") or ()
    images = resolved.facts.number("images")
    if not fragments or images is None or resolved.vary is None:
        return None, resolved
    jobs = [resolved.vary(fragment) for fragment in fragments]
    different = [i for i, job in enumerate(jobs) if job.job not in [other.job for other in jobs[:i]]]
    timed: list[tuple[int, Variant]] = []
    for i in different:
        with contextlib.suppress(ZooError):  # a variant that can't be trained on noise is skipped
            timed.append((i, _timed(jobs[i], images)))
        if timed and timed[-1][1].images * timed[-1][1].image_s > budget.seconds:
            break  # the remaining, more expensive variants would take longer still
    if not timed:
        return None, resolved
    place = timed[best_variant(TARGET * budget.seconds - budget.spent_s, [variant for _, variant in timed])][0]
    return place, jobs[place]


def _timed(job: Resolved, images: float) -> Variant:
    parts = build_components(on_noise(job), Observer())
    speed = measure_speed(parts, 0.3)
    if speed is None:
        raise RequestError("its training steps can't be timed")
    epochs, batch = job.job.train.epochs, int(job.job.train.batch_size)
    steps_s = sum(speed.step_s[phase] for phase in speed.phases)
    return Variant(steps_s / epochs / batch, epochs * images)


def on_noise(resolved: Resolved) -> Resolved:
    """Replace the dataset by two classes of random noise that fill a few batches."""
    job = resolved.job
    made = noise(int(job.train.batch_size), job.data.in_chans)
    entry = Entry(Dataset("noise", "zoo.runner.noise:noise"), Origin(PYTHON), given=made)
    data = job.data.model_copy(update={"folds": None, "fold": None})
    on_it = job.model_copy(update={"dataset": Choice(name="noise"), "data": data})
    return replace(resolved, job=on_it, entries={**resolved.entries, "dataset": entry}, facts=JobFacts(None))
