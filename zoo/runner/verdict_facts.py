"""Facts about a run, measured at its end, for the verdict on its training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.open import TRAIN, VAL
from zoo.data.split import Split
from zoo.engine.diagnostics import confidence_in_mistakes, input_figures, shared_images, wrong_among_the_surest
from zoo.runner.result_parts import VerdictFacts

if TYPE_CHECKING:
    from zoo.runner.training import Training

_MOST = 1 << 30
"""Limit, in bytes of pixels, for the search of images in both splits; a larger search is too slow for every run."""
_BLOCK = 256


def signs_of(training: Training) -> VerdictFacts:
    """Measure statistics of the input, images in both splits, and the confidence of mistakes.

    Facts that can't be measured are left out. Images that are decoded for each batch, or exceed 1 GiB, are not
    searched for duplicates: ``zoo data check`` does that.
    """
    parts = training.parts
    train, val = parts.splits[TRAIN], parts.splits[VAL]
    images, _ = next(iter(parts.data.images(train, dealt=False)))
    found: dict[str, Any] = {"input": input_figures(images)}
    if all(isinstance(split.images, np.ndarray) for split in (train, val)) and _pixels(train) + _pixels(val) <= _MOST:
        found["shared_with_train"] = shared_images(train.gather, len(train), _blocks(val))
    if training.best_answers is not None and parts.task.classifies and not parts.task.multilabel:
        logits, targets, _ = training.best_answers
        found["confidence_in_mistakes"] = confidence_in_mistakes(parts.task.read(logits), targets)
        found["wrong_among_the_surest"] = wrong_among_the_surest(parts.task.read(logits), targets)
    return VerdictFacts.read(found)


def _pixels(split: Split) -> int:
    """Size of a split's decoded images in bytes."""
    return len(split) * int(np.prod(split.images.shape[1:]))


def _blocks(split: Split) -> Any:
    return (split.gather(np.arange(i, min(i + _BLOCK, len(split)))) for i in range(0, len(split), _BLOCK))
