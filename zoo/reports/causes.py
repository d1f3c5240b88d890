"""Causes visible in a result: leakage, normalisation, learning rate, labels, imbalance, too few images.

Each rule gives a verdict, or None. Thresholds are rules of thumb, chosen on trainings whose cause is known
(tests/reports/test_known_causes.py).
"""

from __future__ import annotations

import math
from itertools import pairwise

from zoo.reports import advice, reading, trends
from zoo.reports.judgement import Verdict
from zoo.reports.words import clean, percent
from zoo.runner.run_result import RunResult

__all__ = ["few", "imbalanced", "leaking", "noisy", "normalisation", "rate_too_high", "rate_too_low"]

LEAKED = 0.01
"""Share of the validation images that are also trained on."""
STD_TOO_SMALL, STD_TOO_LARGE, MEAN_TOO_FAR = 0.1, 4.0, 3.0
"""Of what the network is given; normalised images have a standard deviation near 1 and a mean near 0."""
LEARNED = 0.85
"""An accuracy beyond which something was learned, whatever the learning rate."""
BURST = 1.5
"""A training loss beyond this multiple of a guess's is worse than knowing nothing."""
STUCK = 0.05
"""A training loss so near to a guess's, relatively, that nothing was learned."""
ROUGH_RISE, ROUGH_SHARE = 0.05, 0.34
"""Rises of the training loss by more than this, in more than this share of the epochs."""
SLOW_FALL, SLOW_STEADY, SMOOTH = 0.3, 0.5, 0.8
"""A validation loss that fell by less than this in all, for its
learning rate in the second half by this share of the first's at least, and in so many of the epochs."""
AS_SURE_WRONG = 0.70
"""How often a right answer is surer than a wrong one: by chance half of the time, and more than 0.75 as a rule."""
SUREST_WRONG = 0.47
"""Share of mistakes among the surest tenth of the answers, as a multiple of theirs among all. Networks that are merely
weak (68 to 82 % right of two classes) had up to 0.41, those with 15 to 35 % wrong labels 0.53 and more."""
LOPSIDED, LEFT_OUT = 4.0, 0.6
"""The largest class as a multiple of the smallest, and the rare classes' recall as a share of the others'."""
TOO_WIDE = 0.075
"""Half of the accuracy's 95 % interval."""


def leaking(result: RunResult) -> Verdict | None:
    """Images that are trained on as well as validated by."""
    shared, images = result.signs.shared_with_train, reading.images_in(result, "val")
    if not shared or not images or shared / images < LEAKED:
        return None
    accuracy = result.metrics_of("val").accuracy or 0.0
    others = max(0.0, accuracy * images - shared) / (images - shared) if images > shared else 0.0
    verb = "is" if shared == 1 else "are"
    evidence = [f"{shared:,} of the {images:,} validation images {verb} also in the training set, pixel for pixel."]
    if images > shared:
        evidence.append(f"Accuracy is at least {percent(others)} on the others, and {percent(accuracy)} on all.")
    headline = "Leakage: validation images are in the training set, so the accuracy is too high."
    return Verdict("leakage", headline, evidence, [advice.clean_data(result)], cost=accuracy - others)


def normalisation(result: RunResult) -> Verdict | None:
    """Input far from mean 0 and standard deviation 1."""
    mean, std = result.signs.input.mean, result.signs.input.std
    if mean is None or std is None or (STD_TOO_SMALL <= std <= STD_TOO_LARGE and abs(mean) <= MEAN_TOO_FAR):
        return None
    data = result.job.data
    evidence = (
        f"The input has mean {mean:.3g} and standard deviation {std:.3g}; 0 and 1 are usual. data.mean is "
        f"{data.mean} and data.std {data.std}, for pixels in 0..1."
    )
    headline = "Wrong normalisation: the input is far from mean 0 and standard deviation 1."
    return Verdict("normalisation", headline, [evidence], [advice.usual_normalisation(result)])


def rate_too_high(result: RunResult) -> Verdict | None:
    """Diagnose a loss that explodes, oscillates or is NaN."""
    evidence, broke = [], "loss became" in (result.stop_reason or "")
    if result.status in ("failed", "interrupted") and not broke:
        return None
    if broke:
        evidence.append(clean((result.stop_reason or "").partition(". Try")[0]) + ".")
    losses, guess = _losses(result), _guess(result)
    if guess and losses and max(losses) > BURST * guess and trends.tail_accuracy(result, "val") < LEARNED:
        evidence.append(
            f"Training loss was up to {max(losses):.3g}; uniform predictions have {guess:.2f} for that many classes."
        )
    rises = sum(after > before * (1 + ROUGH_RISE) for before, after in pairwise(losses))
    learned = trends.tail_accuracy(result, "train") >= LEARNED
    if len(losses) > 3 and rises > ROUGH_SHARE * (len(losses) - 1) and not learned:
        evidence.append(f"Training loss rose in {rises} of {len(losses) - 1} epochs, by more than 5% each time.")
    if guess and len(losses) > 3 and _one_answer(result) and all(abs(x / guess - 1) < STUCK for x in losses[-3:]):
        evidence.append(
            f"Training loss stays at {losses[-1]:.2f}, that of uniform predictions ({guess:.2f}), and all "
            "predictions are the same class: too large steps can destroy a network."
        )
    if not evidence:
        return None
    headline = "Learning rate too high: training diverges."
    return Verdict("rate-too-high", headline, evidence, [advice.other_lr(result, 0.1), advice.find_lr(result)])


def rate_too_low(result: RunResult) -> Verdict | None:
    """Diagnose a loss that falls steadily, but slowly."""
    losses = [loss for loss in reading.curve(result, "val", "loss") if math.isfinite(loss)]  # no chance in it
    if len(losses) < 4 or not trends.tail_accuracy(result, "train") < LEARNED or losses[0] <= 0:
        return None
    fall, middle = 1 - losses[-1] / losses[0], len(losses) // 2
    first, last = _fall_by_rate(result, losses, 0, middle), _fall_by_rate(result, losses, middle, len(losses) - 1)
    steady = 0 < SLOW_STEADY * first <= last
    smooth = sum(after < before for before, after in pairwise(losses)) >= SMOOTH * (len(losses) - 1)
    if not (steady and smooth and 0 < fall < SLOW_FALL):
        return None
    evidence = (
        f"Validation loss fell in nearly every epoch, from {losses[0]:.3f} to {losses[-1]:.3f} in {len(losses)}, "
        "and relative to the learning rate about as fast at the end as at the beginning."
    )
    headline = "Learning rate too low: training progresses very slowly."
    return Verdict("rate-too-low", headline, [evidence], [advice.other_lr(result, 10.0), advice.find_lr(result)])


def _fall_by_rate(result: RunResult, losses: list[float], start: int, end: int) -> float:
    """How much a loss fell after one epoch and up to another, for the learning rates that it had there."""
    rates = [record.lr or 1.0 for record in result.epochs[start + 1 : end + 1]]
    return (losses[start] - losses[end]) / max(sum(rates), 1e-30)


def noisy(result: RunResult) -> Verdict | None:
    """Mistakes that are made as surely as right answers are given."""
    sure, surest = result.signs.confidence_in_mistakes, result.signs.wrong_among_the_surest
    interval, early = reading.interval_of(result, "val"), trends.rising(result)
    if sure is None or sure >= AS_SURE_WRONG or surest is None or surest < SUREST_WRONG:
        return None
    if early or interval is None or interval[0] <= _majority(result):  # what has learned little is sure of nothing
        return None
    evidence = [
        f"Confidence hardly separates right from wrong predictions: AUROC {percent(sure)}, where 50% is chance and "
        "75% or more is usual.",
        f"Among the most confident tenth of the predictions, mistakes are {percent(surest)} as frequent as among all.",
    ]
    headline = "Label noise: predictions contradict some labels with high confidence."
    tries = [advice.clean_data(result), *advice.softer_labels(result)]
    return Verdict("label-noise", headline, evidence, tries, cost=reading.error_of(result, "val"))


def imbalanced(result: RunResult) -> Verdict | None:
    """Rare classes that are overlooked."""
    if result.several_labels:
        return None
    rows = [
        (row.name, row.trained, row.scores.recall or 0.0)
        for row in reading.per_class(result, "val")
        if row.scores.support and row.trained
    ]
    if len(rows) < 2:
        return None
    counts = [trained for _, trained, _ in rows]
    if max(counts) < LOPSIDED * min(counts):
        return None
    bound = math.sqrt(max(counts) * min(counts))
    rare = [row for row in rows if row[1] < bound]
    usual = [recall for _, trained, recall in rows if trained >= bound]
    seldom = [recall for _, _, recall in rare]
    if not rare or not usual or sum(seldom) / len(seldom) >= LEFT_OUT * sum(usual) / len(usual):
        return None
    lost = (sum(usual) / len(usual) - sum(seldom) / len(seldom)) * len(rare) / len(rows)  # of the mean recall
    name, trained, recall = min(rare, key=lambda row: row[2])
    evidence = (
        f"{clean(name)} has {trained:,} training images and the largest class {max(counts):,}; its recall is "
        f"{percent(recall)}, that of the common classes {percent(sum(usual) / len(usual))}."
    )
    headline = "Class imbalance: rare classes have low recall."
    return Verdict("imbalance", headline, [evidence], advice.for_rare_classes(result), cost=lost)


def few(result: RunResult) -> Verdict | None:
    """An accuracy that chance could have made almost anything."""
    interval, images = reading.interval_of(result, "val"), reading.images_in(result, "val")
    if interval is None or not images or (interval[1] - interval[0]) / 2 <= TOO_WIDE:
        return None
    evidence = f"With {images:,} validation images, a single one changes the accuracy by {percent(1 / images)}."
    headline = "Too few validation images for a reliable accuracy."
    cost = (interval[1] - interval[0]) / 2
    return Verdict("few", headline, [evidence], [advice.more_folds(result), advice.MORE_IMAGES], cost=cost)


def _one_answer(result: RunResult) -> bool:
    answers = [sum(column) for column in zip(*reading.confusion_of(result, "val"), strict=True)]
    return bool(answers) and max(answers) > 0.99 * sum(answers)


def _losses(result: RunResult) -> list[float]:
    return [loss for loss in reading.curve(result, "train", "loss") if math.isfinite(loss)]


def _guess(result: RunResult) -> float | None:
    """The loss of giving each class the same probability, where the loss is a cross-entropy."""
    name, classes = result.job.loss.short_name, len(result.classes)
    return math.log(classes) if name in ("cross_entropy", "binary_cross_entropy") and classes > 1 else None


def _majority(result: RunResult) -> float:
    supports = [sum(row) for row in reading.confusion_of(result, "val")]
    return max(supports) / sum(supports) if sum(supports) else 1.0
