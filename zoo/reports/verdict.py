"""The verdict on a training: overfitting or underfitting, its reliability, and the next steps.

Every judgement is a rule of thumb, its threshold named here or in ``zoo.reports.trends``; none proves anything.
"""

from __future__ import annotations

import math
from dataclasses import replace

from zoo.reports import advice, causes, reading, trends
from zoo.reports import value_verdict as on_values
from zoo.reports.judgement import Verdict
from zoo.reports.words import clean, percent
from zoo.runner.run_result import RunResult

__all__ = ["Verdict", "diagnose", "has_wide_interval", "interval_sentence"]

OVERFIT_GAP = 0.10
"""Training accuracy above validation accuracy by this much at the end."""
COLLAPSE_SHARE = 0.95
"""This share of all predictions names one class, …"""
COLLAPSE_EXCESS = 0.10
"""… and that class is rarer than so by this much."""
LOW_ACCURACY = 0.85
"""Neither training nor validation accuracy comes up to this: the network has not fitted its data."""
WIDE_INTERVAL = 0.05
"""Half of the 95 % interval of the accuracy: beyond this, a comparison of two runs means little."""


def diagnose(result: RunResult) -> Verdict:
    """Judge a result. Figures that it lacks are not judged."""
    values = result.has_values
    rules, otherwise, leaking = (VALUE_RULES, on_values.good, on_values.leaking) if values else CLASS_RULES
    verdict = next(filter(None, (rule(result) for rule in rules)), None) or otherwise(result)
    verdict = _beside_leakage(verdict, leaking(result))
    verdict = replace(verdict, evidence=[*verdict.evidence, *_stopped(result), *_reliability(result)])
    return _about_drawings(verdict, result) if reading.is_drawn(result) else verdict


def _beside_leakage(verdict: Verdict, leakage: Verdict | None) -> Verdict:
    """The cause or the leakage, whichever costs more accuracy, with the other as evidence."""
    if leakage is None or verdict.kind in ("unscored", "interrupted", "failed"):
        return verdict
    main, other = (leakage, verdict) if leakage.cost >= verdict.cost else (verdict, leakage)
    if other.kind in ("good", "scored"):
        return main
    evidence = [*main.evidence, f"Also: {other.headline}", *other.evidence]
    return replace(main, evidence=evidence, advice=list(dict.fromkeys([*main.advice, *other.advice])))


def _unfinished(result: RunResult) -> Verdict | None:
    status, done, planned = result.status, len(result.epochs), result.job.train.epochs
    if status not in ("interrupted", "failed"):
        return None
    reached = (
        f"after epoch {done}{f' of {planned}' if planned else ''}" if done else "before the end of the first epoch"
    )
    return Verdict(status, f"{status.capitalize()} {reached}.", advice=[f"resume the run: {advice.resume(result)}"])


def _unscored(result: RunResult) -> Verdict | None:
    if reading.main_value(result, reading.main_split(result)) is not None:
        return None
    return Verdict("unscored", "No images were evaluated.")


def _silent(result: RunResult) -> Verdict | None:
    counts = reading.label_counts(result, reading.main_split(result))
    if not counts or any(cells[0][1] or cells[1][1] for cells in counts):
        return None
    evidence = "No label is predicted for any image: every probability is below 0.5."
    longer = [advice.train_longer(result)] if result.epochs else []
    tries = [*longer, *advice.not_learning(result)]
    return Verdict("collapsed", "Collapsed: no label is ever predicted.", [evidence], tries)


def _collapsed(result: RunResult) -> Verdict | None:
    matrix = _matrix(result)
    total = sum(map(sum, matrix))
    if len(matrix) < 2 or not total:
        return None
    predicted = [sum(column) / total for column in zip(*matrix, strict=True)]
    top = max(range(len(matrix)), key=predicted.__getitem__)
    real = sum(matrix[top]) / total
    if predicted[top] < COLLAPSE_SHARE or predicted[top] - real < COLLAPSE_EXCESS:
        return None
    name = _class(result, top)
    evidence = f"{percent(predicted[top])} of the predictions are {name}, but only {percent(real)} of the images."
    learned = trends.tail_accuracy(result, "train")
    if learned >= _commonest(result) + OVERFIT_GAP:
        more = f"Training accuracy in the last epochs is {percent(learned)}."
        headline = f"Overfitting: training images are memorised, and nearly all others are predicted as {name}."
        return Verdict("overfitting", headline, [evidence, more], advice.against_overfitting(result))
    headline = f"Collapsed: nearly all predictions are {name}."
    return Verdict("collapsed", headline, [evidence], advice.not_learning(result))


def _commonest(result: RunResult) -> float:
    """The commonest class's share of the training images: what always giving the same answer gets; 1 if unknown."""
    counts = result.images_of("train").per_class.values()
    return max(counts) / sum(counts) if sum(counts) else 1.0


def _baseline(result: RunResult) -> Verdict | None:
    matrix, interval = _matrix(result), reading.interval_of(result, reading.main_split(result))
    supports = [sum(row) for row in matrix]
    if interval is None or sum(n > 0 for n in supports) < 2:  # with one class alone, one answer is the right one
        return None
    majority = max(range(len(matrix)), key=supports.__getitem__)
    share = supports[majority] / sum(supports)
    right = result.metrics_of(reading.main_split(result)).accuracy or 0.0
    if interval[0] > share or (right > share and causes.few(result)):
        return None
    evidence = f"Always predicting {_class(result, majority)} has an accuracy of {percent(share)}."
    headline = "Not significantly better than always predicting the same class."
    return Verdict("baseline", headline, [evidence], advice.not_learning(result))


def _scored(result: RunResult) -> Verdict | None:
    if result.epochs:
        return None
    split = reading.main_split(result)
    accuracy = result.metrics_of(split).accuracy
    right = "have all labels predicted right" if result.several_labels else "are right"
    return Verdict("scored", f"{percent(accuracy)} of the {split} images {right}.", cost=0.0)


def _overfitting(result: RunResult) -> Verdict | None:
    evidence, rise, headline = [], trends.loss_rise(result), "Overfitting: validation loss rose after its minimum."
    if trends.gap(result) >= OVERFIT_GAP:
        headline = "Overfitting: training accuracy is higher than validation accuracy."
        train, val = (percent(trends.tail_accuracy(result, split)) for split in ("train", "val"))
        evidence.append(f"In the last epochs, training accuracy is {train} and validation accuracy {val}.")
    if rise >= trends.LOSS_RISE:
        evidence.append(f"Validation loss rose to {rise:.2f} times its lowest, while training loss kept falling.")
    if not evidence:
        return None
    if best := result.best_epoch:
        evidence.append(f"The weights of epoch {best} are kept, the best ones.")
    return Verdict("overfitting", headline, evidence, advice.against_overfitting(result), max(0.0, trends.gap(result)))


def _underfitting(result: RunResult) -> Verdict | None:
    train, val = trends.tail_accuracy(result, "train"), trends.tail_accuracy(result, "val")
    if math.isnan(train) or math.isnan(val) or max(train, val) >= LOW_ACCURACY:
        return None
    if result.several_labels and not trends.rising(result):
        return None  # to have all labels of an image right is too much to ask for a rule of thumb
    evidence = f"Training accuracy in the last epochs is only {percent(train)}."
    if trends.rising(result):
        headline = "Underfitting: accuracy was still rising at the end of the training."
        return Verdict("underfitting", headline, [evidence], [advice.train_longer(result)], 1 - val)
    headline = "Underfitting: accuracy stopped rising before the training images were learned."
    tries = [advice.other_lr(result, 3.0), advice.larger_network(result)]
    return Verdict("underfitting", headline, [evidence], tries, 1 - val)


def _good(result: RunResult) -> Verdict:
    evidence, apart = [], trends.gap(result)
    if not math.isnan(apart):
        where = "above" if apart > 0 else "below"
        evidence.append(f"Training accuracy ends {100 * abs(apart):.1f} points {where} validation accuracy.")
    if trends.rising(result):
        headline = "Good fit so far: validation accuracy was still rising when the training ended."
        return Verdict("good", headline, evidence, [advice.train_longer(result)], cost=0.0)
    return Verdict("good", "Good fit: no sign of overfitting or underfitting.", evidence, cost=0.0)


def _about_drawings(verdict: Verdict, result: RunResult) -> Verdict:
    name = reading.metric_in(result).name if result.has_values else "accuracy"
    headline = f"{verdict.headline} The images are drawings: the {name} says nothing about photos."
    return replace(verdict, headline=headline, advice=[advice.on_photos(result), *verdict.advice])


def _stopped(result: RunResult) -> list[str]:
    reason = clean(result.stop_reason or "").rstrip(".")
    return [f"Training ended early: {reason}."] if reason else []


def _reliability(result: RunResult) -> list[str]:
    interval = reading.interval_of(result, reading.main_split(result))
    return [] if interval is None else [interval_sentence(result), *_against_recipe(result, interval)]


def interval_sentence(result: RunResult) -> str:
    """The 95 % interval of the main metric in words, with a remark where it is wide; empty where there is none."""
    split = reading.main_split(result)
    interval, images = reading.interval_of(result, split), reading.images_in(result, split)
    if interval is None:
        return ""
    few = "With few images, on" if has_wide_interval(result) else "On"
    metric = reading.metric_in(result)
    name, span = metric.name if result.has_values else "accuracy", " and ".join(map(metric.text, interval))
    return f"{few} {images:,} {split} images, the {name} is between {span} (95% confidence interval)."


def has_wide_interval(result: RunResult) -> bool:
    """Check whether the interval of the main metric is too wide to compare runs."""
    if result.has_values:
        return on_values.is_wide(result)
    interval = reading.interval_of(result, reading.main_split(result))
    return interval is not None and interval[1] - interval[0] > 2 * WIDE_INTERVAL


def _against_recipe(result: RunResult, interval: tuple[float, float]) -> list[str]:
    recipe = result.recipe
    if result.has_values or recipe is None or recipe.expect is None or recipe.expect.metric != "val/accuracy":
        return []
    value, count = recipe.expect.value, recipe.expect.photos
    if value is None or reading.is_drawn(result) or interval[0] <= value <= interval[1]:
        return []
    side = "above" if interval[0] > value else "below"
    photos = f" with {count:,} images" if isinstance(count, int) else ""
    return [f"This is {side} the {percent(value)} measured for the recipe {clean(recipe.name)}{photos}."]


RULES = (
    causes.normalisation,
    causes.rate_too_high,
    _unfinished,
    _unscored,
    _silent,
    _collapsed,
    causes.rate_too_low,
    _baseline,
    _scored,
    causes.imbalanced,
    causes.noisy,
    causes.few,
    _overfitting,
    _underfitting,
)
"""The first that has something to say is the verdict: what makes all other figures worthless comes before them. Beside
it stands a leakage, which is the verdict where it costs more."""
CLASS_RULES = (RULES, _good, causes.leaking)
VALUE_RULES = (
    causes.normalisation,
    on_values.rate_too_high,
    _unfinished,
    _unscored,
    on_values.baseline,
    on_values.scored,
    on_values.few,
    on_values.overfitting,
    on_values.underfitting,
)
"""Those for a regression."""


def _matrix(result: RunResult) -> list[list[int]]:
    return reading.confusion_of(result, reading.main_split(result))


def _class(result: RunResult, index: int) -> str:
    classes = result.classes
    return clean(classes[index]) if index < len(classes) else f"class {index}"
