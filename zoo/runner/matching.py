"""Match the images of several runs by name, with their images and classes in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.errors import RequestError
from zoo.registry.suggest import listing
from zoo.runner.predictions import Predictions

__all__ = ["matched"]


def matched(kept: Mapping[str, Predictions], split: str, *, shared: bool = False) -> dict[str, Predictions]:
    """Align the runs' predictions on the same images, in the first run's order of images and classes.

    A run with further classes can be compared with one without them; the logit of a class that a run lacks is -inf.

    Args:
        kept: predictions by run.
        split: name of the split, for messages.
        shared: restrict all runs to their common images, where they differ.

    Raises:
        RequestError: the images, their labels or the classes differ; the message counts the common images.
    """
    (first, one), *others = kept.items()
    _check_unique(first, one)
    common = set(one.names)
    for name, other in others:
        _check_unique(name, other)
        if not _comparable(one, other):
            raise RequestError(
                f"{first} and {name} have different classes: those of {first} are {listing(one.classes, most=4)}, "
                f"those of {name} {listing(other.classes, most=4)}. Only runs with the same classes can be compared."
            )
        common &= set(other.names)
    counts = ", ".join(f"{name} {len(each.names):,}" for name, each in kept.items())
    if not common or (not shared and any(len(each.names) != len(common) for each in kept.values())):
        how = "" if not common else " To compare on the shared images only, add --shared."
        raise RequestError(
            f"These runs were not evaluated on the same {split} images: {len(common):,} are shared (of {counts}). "
            "Without a val split, each seed holds out a different part of train: use one --seed for all runs, or a "
            f"val folder.{how}"
        )
    order = [name for name in one.names if name in common]
    classes = list(dict.fromkeys(label for each in kept.values() for label in each.classes))
    found = {name: _ordered(each, order, classes) for name, each in kept.items()}
    for name, each in list(found.items())[1:]:
        differ = each.targets != (own := found[first].targets)
        if each.has_values:  # float32 targets of two runs, standardised by other training images, differ in rounding
            differ = ~np.isclose(each.targets, own, rtol=1e-4, atol=1e-6 + 1e-5 * own.std(axis=0))
        wrong = np.flatnonzero(differ.any(axis=1) if differ.ndim == 2 else differ)
        if len(wrong):
            raise RequestError(
                f"{first} and {name} have different labels: {len(wrong):,} of {len(order):,} images differ, such as "
                f"{order[wrong[0]]}. Evaluate both again: zoo evaluate RUN --split {split} --keep"
            )
    return found


def _comparable(one: Predictions, other: Predictions) -> bool:
    """Check that two runs have the same task and classes, or a single-label one has all classes of the other."""
    few, many = sorted((set(one.classes), set(other.classes)), key=len)
    same_form = other.targets.dtype.kind == one.targets.dtype.kind
    return same_form and (few == many or (few < many and one.targets.ndim == 1))


def _check_unique(name: str, kept: Predictions) -> None:
    if len(set(kept.names)) < len(kept.names):
        raise RequestError(f"Images of {name} have the same name, so they can't be matched with those of another run.")


def _ordered(kept: Predictions, order: Sequence[str], classes: list[str]) -> Predictions:
    place = {name: i for i, name in enumerate(kept.names)}
    chosen = kept.part(np.array([place[name] for name in order], np.int64))
    if chosen.classes == classes:
        return chosen
    if chosen.targets.ndim == 2:
        columns = [chosen.classes.index(name) for name in classes]
        targets, predicted, values = (each[:, columns] for each in (chosen.targets, chosen.predicted, chosen.logits))
        return Predictions(chosen.names, classes, targets, predicted, values, chosen.temperature, chosen.columns)
    new = np.array([classes.index(name) for name in chosen.classes])
    logits = np.full((len(chosen.names), len(classes)), -np.inf, np.float32)
    logits[:, new] = chosen.logits
    targets, predicted = new[chosen.targets], new[chosen.predicted]
    return Predictions(chosen.names, classes, targets, predicted, logits, chosen.temperature, chosen.columns)
