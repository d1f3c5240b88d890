"""The state of a session as the page shows it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo_label.labelling import Labelling
from zoo_label.model import Model

__all__ = ["Progress", "advice", "status_of", "training_command"]


@dataclass(frozen=True)
class Progress:
    """What a session knows beside its answers and its model.

    Args:
        left: number of pictures without an answer.
        review: a given list is shown, also pictures with a label.
        guessed: number of pictures without an answer by guessed class.
        others: people at other browsers, and how many answers they gave.
    """

    left: int
    review: bool
    guessed: Mapping[str, int]
    others: Sequence[Mapping[str, Any]]


def status_of(labelling: Labelling, model: Model, progress: Progress) -> dict[str, Any]:
    """Progress, classes, model and audit."""
    events, per_class = labelling.counts(), Counter(labelling.labels().values())
    audit = model.fitted.audit if model.fitted else None
    return {
        "pool": str(labelling.pool.source),
        "file": str(labelling.journal.path),
        "pictures": len(labelling.pool),
        "classes": [{"name": name, "count": per_class[name]} for name in labelling.classes],
        "labelled": events["label"],
        "none": events["none"],
        "skipped": events["skip"],
        "left": progress.left,
        "unreadable": len(model.unreadable),
        "review": progress.review,
        "others": list(progress.others),
        "model": _model(model, progress),
        "audit": None
        if audit is None
        else {"right": audit.right, "count": audit.count, "low": round(audit.low, 4), "high": round(audit.high, 4)},
        "advice": advice(labelling, model, progress.left),
        "next": training_command(labelling, model),
    }


def training_command(labelling: Labelling, model: Model) -> str:
    """The command that trains a network on the labels."""
    architecture, *more = model.extractor.network
    return shlex.join(["zoo", "run", architecture, str(labelling.journal.path), *more])


def _model(model: Model, progress: Progress) -> dict[str, Any]:
    fitted = model.fitted
    return {
        "source": model.extractor.words,
        "status": model.status,
        "failed": bool(model.failure),
        "labels": None if fitted is None else fitted.labels,
        "seconds": None if fitted is None else round(fitted.seconds, 2),
        "guessed": dict(progress.guessed),
    }


def advice(labelling: Labelling, model: Model, left: int) -> str:
    """A sentence on what to do next; empty where that is to label."""
    if not left:
        return "Every picture has an answer. Train a network on them:"
    if len(set(labelling.labels().values())) < 2:
        return "Label pictures of two classes or more: then the model begins to guess."
    if model.stability.reached:
        return (
            "The model's predictions have hardly changed for 30 labels: more labels will hardly pay. If the estimated "
            "accuracy is enough, train a network:"
        )
    return ""
