"""What would probably do better than the job that was asked for, with the command to type."""

from __future__ import annotations

import os
from collections.abc import Iterable

from zoo.data.open import TRAIN
from zoo.runner.components import RunComponents

__all__ = ["hints_of"]

FEW_PER_CLASS = 2000
"""Images of a class, below which trained weights are worth far more than a network from scratch can learn."""
LEAST_PX = 64
"""Smaller images show trained networks too little."""


def hints_of(parts: RunComponents) -> list[str]:
    """Hints for a run, a sentence or two each."""
    return list(_backbone(parts))


def _backbone(parts: RunComponents) -> Iterable[str]:
    """A pretrained network in the place of one from scratch, where the recipe names one and images are few."""
    job, known = parts.job, parts.resolved.recipe.get("backbone")
    images = len(parts.splits[TRAIN])
    if not known or job.pretrained or job.weights or job.train.image_size < LEAST_PX:
        return
    if images / len(parts.classes) > FEW_PER_CLASS:
        return
    offline = os.environ.get("ZOO_OFFLINE", "").lower() not in ("", "0", "false")
    begin = "--weights FILE" if offline else "--pretrained"
    reached = f": {known['reached']}" if known.get("reached") else ""
    yield (
        f"{images:,} images are few for a network from scratch. A pretrained one would probably do better{reached}. "
        f"Type: zoo run {known['architecture']} {_data(parts)} {begin} --freeze backbone"
    )


def _data(parts: RunComponents) -> str:
    """The dataset as one types it: a folder by its path."""
    dataset, component = parts.job.dataset, parts.resolved.entry("dataset").component
    root = dataset.params.get("root")
    if not root:
        return dataset.name
    return str(root) if getattr(component, "opens", ()) else f"{dataset.name} --data {root}"
