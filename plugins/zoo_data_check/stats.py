"""Statistics of a dataset: images by split and class, sizes, formats and colours."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from zoo.api.images import class_counts
from zoo_data_check.scan import Scan


def split_facts(seen: Scan) -> dict[str, dict[str, Any]]:
    """Number of images of each split: in total, readable, and per class."""
    found = {}
    for number, name in enumerate(seen.splits):
        labels = seen.labels[seen.split == number]
        classes = [] if seen.regression else seen.classes
        counts = class_counts(labels, len(classes)).tolist() if classes else []
        bad = sum(item["split"] == name for item in seen.bad)
        found[name] = {
            "images": len(labels) + bad,
            "readable": len(labels),
            "per_class": dict(zip(classes, counts, strict=True)),
        }
    return found


def statistics(seen: Scan, name: str) -> dict[str, Any]:
    """Compute the statistics of ``zoo data stats``.

    Args:
        seen: all decoded images.
        name: name of the dataset, as the user gave it.

    Returns:
        Sizes in pixels, ``aspect`` as width by height, and ``mean`` and ``std`` of pixels in 0..1 per channel, as for a
        job's ``data.mean`` and ``data.std``.
    """
    sizes = seen.sizes
    return {
        "schema": 1,
        "dataset": name,
        "source": getattr(next(iter(seen.datasets.values())), "source", None),
        "classes": seen.classes,
        "splits": split_facts(seen),
        **({"values": _values(seen)} if seen.regression else {}),
        "width": _spread(sizes[:, 0]),
        "height": _spread(sizes[:, 1]),
        "aspect": _spread(sizes[:, 0] / sizes[:, 1]),
        "forms": dict(Counter(facts.form for facts in seen.facts).most_common()),
        "modes": dict(Counter(facts.mode for facts in seen.facts).most_common()),
        "grey": sum(facts.grey for facts in seen.facts),
        "turned": sum(facts.orientation != 1 for facts in seen.facts),
        **_colours(seen),
        "unreadable": seen.bad,
    }


def _values(seen: Scan) -> dict[str, dict[str, dict[str, float]]]:
    """Spread of each value of a regression, by split."""
    splits = {name: seen.labels[seen.split == number] for number, name in enumerate(seen.splits)}
    return {
        value: {name: _spread(labels[:, k]) for name, labels in splits.items()} for k, value in enumerate(seen.classes)
    }


def _spread(values: Any) -> dict[str, float]:
    names = ("least", "tenth", "median", "ninetieth", "most")
    return {name: float(v) for name, v in zip(names, np.percentile(values, (0, 10, 50, 90, 100)), strict=True)}


def _colours(seen: Scan) -> dict[str, list[float] | None]:
    """Mean and standard deviation of each channel, with equal weight per image; grey images count in every channel."""
    channels = max(len(facts.mean) for facts in seen.facts)
    if any(len(facts.mean) not in (1, channels) for facts in seen.facts):
        return {"mean": None, "std": None}
    mean, square = (
        np.mean([np.broadcast_to(getattr(facts, which), channels) for facts in seen.facts], axis=0)
        for which in ("mean", "square")
    )
    return {"mean": mean.tolist(), "std": np.sqrt(np.maximum(square - mean**2, 0)).tolist()}
