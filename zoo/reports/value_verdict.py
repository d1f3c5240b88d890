"""The verdict on a regression: its rules, by the mean absolute error (MAE) and that of always the median.

Each rule gives a verdict, or None. Thresholds are rules of thumb.
"""

from __future__ import annotations

import math

from zoo.reports import advice, causes, reading, trends
from zoo.reports.judgement import Verdict
from zoo.reports.words import value_text
from zoo.runner.run_result import RunResult

__all__ = ["baseline", "few", "good", "leaking", "overfitting", "rate_too_high", "scored", "underfitting"]

FAR_BELOW, FAR_SHARE = 1.5, 0.10
"""Validation MAE at the end as a multiple of the training MAE, and their difference as a share of the median's MAE."""
LEARNED = 0.5
"""Share of the median's MAE below which something was learned."""
STILL_FALLING = 0.01
"""An MAE counts as falling when its last eighth is below the eighth before by this share of the median's MAE."""
WIDE = 0.25
"""Half of the 95 % interval of the MAE, as a share of the MAE: beyond this, a comparison of two runs means little."""


def leaking(result: RunResult) -> Verdict | None:
    """Images that are trained on as well as validated by."""
    shared, images = result.signs.shared_with_train, reading.images_in(result, "val")
    if not shared or not images or shared / images < causes.LEAKED:
        return None
    verb = "is" if shared == 1 else "are"
    evidence = f"{shared:,} of the {images:,} validation images {verb} also in the training set, pixel for pixel."
    headline = "Leakage: validation images are in the training set, so the MAE is too low."
    return Verdict("leakage", headline, [evidence], [advice.clean_data(result)], cost=shared / images)


def rate_too_high(result: RunResult) -> Verdict | None:
    """Diagnose a loss that explodes, oscillates or is NaN, unless the values were learned all the same."""
    learned = trends.tail_of(result, "train", "mae") <= LEARNED * _least(result)
    return None if learned else causes.rate_too_high(result)


def baseline(result: RunResult) -> Verdict | None:
    """Diagnose answers that are no better than the median."""
    split = reading.main_split(result)
    least, interval = result.metrics_of(split).baseline, reading.interval_of(result, split)
    value = reading.main_value(result, split)
    if least.mae is None or value is None or (interval[1] if interval else value) < least.mae:
        return None
    evidence = f"Always answering the median has an MAE of {value_text(least.mae)}."
    lower = [advice.other_lr(result, 0.1)] if result.epochs else []
    tries = [*lower, "check the values of some images"]
    return Verdict("baseline", "Not significantly better than always answering the median.", [evidence], tries)


def scored(result: RunResult) -> Verdict | None:
    """Describe an evaluation: there was no training to judge."""
    if result.epochs:
        return None
    split = reading.main_split(result)
    words = f"MAE {value_text(reading.main_value(result, split))} {reading.on_images(split or 'all')}."
    return Verdict("scored", words, cost=0.0)


def few(result: RunResult) -> Verdict | None:
    """Diagnose an MAE that chance could have made almost anything."""
    if not is_wide(result):
        return None
    images = reading.images_in(result, reading.main_split(result)) or 0
    evidence = f"There are {images:,} validation images, and the interval of the MAE is wider than half of it."
    headline = "Too few validation images for a reliable MAE."
    tries = [advice.more_folds(result), "more images would help most"]
    return Verdict("few", headline, [evidence], tries, cost=WIDE)


def is_wide(result: RunResult) -> bool:
    """Check whether the interval of the MAE is too wide to compare runs."""
    split = reading.main_split(result)
    interval, value = reading.interval_of(result, split), reading.main_value(result, split)
    return interval is not None and value is not None and interval[1] - interval[0] > 2 * WIDE * value


def overfitting(result: RunResult) -> Verdict | None:
    """Diagnose a validation loss that rises, and a training MAE far below the validation MAE."""
    train, val = (trends.tail_of(result, split, "mae") for split in ("train", "val"))
    evidence, rise, headline = [], trends.loss_rise(result), "Overfitting: validation loss rose after its minimum."
    if val >= FAR_BELOW * train and val - train >= FAR_SHARE * _least(result):
        headline = "Overfitting: training MAE is far below validation MAE."
        evidence.append(
            f"In the last epochs, training MAE is {value_text(train)} and validation MAE {value_text(val)}."
        )
    if rise >= trends.LOSS_RISE:
        evidence.append(f"Validation loss rose to {rise:.2f} times its lowest, while training loss kept falling.")
    if not evidence:
        return None
    if best := result.best_epoch:
        evidence.append(f"The weights of epoch {best} are kept, the best ones.")
    return Verdict("overfitting", headline, evidence, advice.against_overfitting(result), cost=0.0)


def underfitting(result: RunResult) -> Verdict | None:
    """Diagnose values that were not learned, neither of training nor of validation images."""
    train, val = (trends.tail_of(result, split, "mae") for split in ("train", "val"))
    low = LEARNED * _least(result)
    if not (math.isfinite(low) and min(train, val) > low):
        return None
    evidence = f"Training MAE in the last epochs is still {value_text(train)}."
    if falling(result):
        headline = "Underfitting: MAE was still falling at the end of the training."
        return Verdict("underfitting", headline, [evidence], [advice.train_longer(result)])
    headline = "Underfitting: MAE stopped falling before the training images were learned."
    return Verdict("underfitting", headline, [evidence], [advice.other_lr(result, 3.0), advice.larger_network(result)])


def good(result: RunResult) -> Verdict:
    """Judge what no other rule has a word on."""
    evidence = []
    train, val = (trends.tail_of(result, split, "mae") for split in ("train", "val"))
    if math.isfinite(train) and math.isfinite(val):
        where = "above" if train > val else "below"
        evidence.append(f"Training MAE ends {value_text(abs(train - val))} {where} validation MAE.")
    if falling(result):
        headline = "Good fit so far: validation MAE was still falling when the training ended."
        return Verdict("good", headline, evidence, [advice.train_longer(result)], cost=0.0)
    return Verdict("good", "Good fit: no sign of overfitting or underfitting.", evidence, cost=0.0)


def falling(result: RunResult) -> bool:
    """Tell a validation MAE that still went down when the training ended."""
    least = _least(result)
    errors = [-error / least for error in reading.curve(result, "val", "mae")] if least > 0 else []
    return trends.still_rising(errors, STILL_FALLING)


def _least(result: RunResult) -> float:
    """MAE of always the median; NaN where it is unknown."""
    least = result.metrics_of(reading.main_split(result)).baseline.mae
    return math.nan if least is None else least
