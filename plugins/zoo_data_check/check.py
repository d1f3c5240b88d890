"""``zoo data check``: analyse a dataset, and report its defects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.compute import Execution
from zoo.api.images import Opener, open_training
from zoo.api.running import Observer
from zoo_data_check.backbone import Backbone, backbone_features
from zoo_data_check.candidates import EXACT
from zoo_data_check.cross_validation import CrossValidation, JudgedImages, trained_probabilities
from zoo_data_check.duplicates import Twins, find_twins
from zoo_data_check.findings import all_findings
from zoo_data_check.labels import Judged, out_of_fold, reduced, suspicion
from zoo_data_check.outliers import NEIGHBOURS_AMONG, strangeness
from zoo_data_check.plain_features import plain_features
from zoo_data_check.scan import Scan, scan
from zoo_data_check.stats import split_facts

SCHEMA = 1
PLAIN = "small image patches (no trained network)"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Checked:
    """The result of a check, with its intermediate data.

    Args:
        scan: all decoded images.
        twins: groups of duplicates.
        judged: assessment of the labels.
        strange: (n,), distance of each image from all others in robust standard deviations.
        document: content of the JSON output.
    """

    scan: Scan
    twins: Twins
    judged: Judged
    strange: Floats
    document: dict[str, Any]


def check_dataset(
    opener: Opener,
    name: str,
    observer: Observer,
    make_backbone: Callable[[int], Backbone] | None = None,
    execution: Execution | None = None,
    folds: int = 5,
    seed: int = 0,
    training: CrossValidation | None = None,
) -> Checked:
    """Check every image of every split.

    Args:
        opener: opens the dataset's splits.
        name: name of the dataset, as the user gave it.
        observer: receives the progress.
        make_backbone: returns a trained network for a number of classes; without it, plain features are used.
        execution: device and precision of the network.
        folds: number of folds; each is judged by a classifier trained on the others.
        seed: seed of the folds and of plain features.
        training: trains networks on the images themselves, which then judge the labels in place of features.

    Raises:
        ZooError: the dataset is invalid, or the network can't be used.
    """
    begun = perf_counter()
    _, classes = open_training(opener)
    backbone = None if make_backbone is None else make_backbone(len(classes))
    seen = scan(opener, classes, observer.preparing)
    twins = find_twins([f.digest for f in seen.facts], seen.thumbs, observer.preparing)
    if backbone is None or execution is None:
        observer.preparing("describing images", 0, len(seen))
        blocks = plain_features(seen.colours, seed)
    else:
        blocks = backbone_features(backbone, seen, execution, observer).__getitem__
    features = reduced(blocks, len(seen), seed, lambda done: observer.preparing("describing images", done, len(seen)))
    judged = judge(seen, twins, training or features, folds, seed, observer)
    strange = strangeness(features, lambda done: observer.preparing("measuring distances", done, len(seen)))
    document = {
        "schema": SCHEMA,
        "dataset": name,
        "source": getattr(next(iter(seen.datasets.values())), "source", None),
        "classes": seen.classes,
        "splits": split_facts(seen),
        "features": _account(backbone, training),
        "findings": all_findings(seen, twins, judged, strange, trained=backbone is not None or training is not None),
        "notices": [*seen.notices, *_scale_notices(len(seen))],
        "seconds": perf_counter() - begun,
    }
    return Checked(seen, twins, judged, strange, document)


def _scale_notices(count: int) -> list[str]:
    """Notice about methods that are approximate for many images."""
    if count <= min(EXACT, NEIGHBOURS_AMONG):
        return []
    far = f", and outliers by distances to {NEIGHBOURS_AMONG:,} of them" if count > NEIGHBOURS_AMONG else ""
    return [f"Of {count:,} images, near duplicates are found by an index, which may miss a few{far}."]


def _account(backbone: Backbone | None, training: CrossValidation | None) -> dict[str, Any]:
    """Describe what judged the labels."""
    if training is not None:
        minutes = f"{training.seconds / 60:.3g} min"
        words = f"{training.folds} networks {training.architecture}, trained on the other folds in {minutes}"
        return {"from": words, "trained": True}
    return {"from": PLAIN if backbone is None else backbone.words, "trained": backbone is not None}


def judge(seen: Scan, twins: Twins, by: Floats | CrossValidation, folds: int, seed: int, observer: Observer) -> Judged:
    """Judge the labels of all classes with enough images.

    Args:
        by: features (n, D) for a logistic regression, or networks to be trained.
    """
    nothing = np.zeros(0, np.int64)
    if seen.regression:
        return Judged(nothing, None, nothing, "Label errors are checked in classes, and this dataset has values.")
    if seen.multilabel:
        return Judged(nothing, None, nothing, "Label errors are not checked in multi-label datasets.")
    _, first = np.unique(twins.group, return_index=True)  # duplicates share a fold, so they count once
    counts = np.bincount(seen.labels[first], minlength=len(seen.classes))
    chosen = np.flatnonzero(counts >= folds)
    few = [seen.classes[k] for k in np.flatnonzero(counts < folds)]
    why_not = f"Not judged, with fewer than {folds} distinct images: {', '.join(few[:5])}." if few else ""
    if len(chosen) < 2:
        return Judged(nothing, None, nothing, why_not)
    # A group may have several labels, of which the first may belong to an excluded class.
    rows = np.flatnonzero(np.isin(seen.labels, chosen) & np.isin(seen.labels[first][_rank(twins.group)], chosen))
    labels = np.searchsorted(chosen, seen.labels[rows])
    if isinstance(by, CrossValidation):
        names = [seen.classes[k] for k in chosen]
        probs = trained_probabilities(JudgedImages(seen, rows, labels, twins.group[rows], names), by, observer)
    else:
        told = lambda done: observer.preparing("judging labels", done, folds)  # noqa: E731
        probs = out_of_fold(by[rows], labels, twins.group[rows], folds, seed, told)
    return Judged(rows, suspicion(probs, labels), chosen, why_not)


def _rank(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(numbers, return_inverse=True)[1]
