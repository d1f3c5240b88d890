"""Fit detectors on a run's training images, compare them on foreign pictures, and keep the best with the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np

from zoo.api.compute import conformal_quantile
from zoo.api.jobs import Entry, summary_of
from zoo.api.models import Attachment
from zoo.errors import RequestError, ZooError
from zoo_detectors.fitted import FittedDetector, KnownImages
from zoo_detectors.foreign import GENERATED, ForeignKind
from zoo_detectors.measure import ImageRate, Separation, rate_of, separation
from zoo_detectors.outputs import ModelOutputs, RunImages, scored

__all__ = ["NAME", "DetectorComparison", "DetectorFigures", "FoundDetector", "attachment_of", "compare_detectors"]

NAME = "detector"
"""Name of the attachment."""
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
Halves = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@dataclass(frozen=True)
class DetectorFigures:
    """A detector, measured on the halves of the pictures that did not choose it.

    Args:
        id: full id of the component.
        threshold: score above which a picture is foreign.
        chosen_by: mean over the kinds of the AUROC on the choosing halves.
        all: separation of all foreign pictures together.
        kinds: separation of each kind.
        found: rate of the foreign pictures above the threshold.
        found_by_kind: the same for each kind.
        false_alarms: rate of validation images above a threshold that was set on the other half of them; None where a
            half is too small for the rate.
    """

    id: str
    threshold: float
    chosen_by: float
    all: Separation
    kinds: dict[str, Separation]
    found: ImageRate
    found_by_kind: dict[str, ImageRate]
    false_alarms: ImageRate | None


@dataclass(frozen=True)
class FoundDetector:
    """A fitted detector with its figures."""

    entry: Entry
    module: FittedDetector
    figures: DetectorFigures


@dataclass(frozen=True)
class DetectorComparison:
    """Fitted detectors by name, the best first, and notices."""

    found: dict[str, FoundDetector]
    notices: list[str]

    @property
    def best(self) -> str:
        return next(iter(self.found))


def compare_detectors(
    images: RunImages, kinds: Sequence[ForeignKind], entries: Sequence[Entry], false_alarms: float, progress: Progress
) -> DetectorComparison:
    """Compute the outputs of all images once, then fit and measure each detector.

    Args:
        images: images and model of the run.
        kinds: foreign pictures.
        entries: the detectors.
        false_alarms: rate of known images that may be called foreign, 0..1.
        progress: makes the context of a progress bar, from what is done and the number of images.

    Raises:
        RequestError: no detector can be fitted, or there are too few validation images for the rate.
    """
    train, val = images.splits()
    _check_rate(false_alarms, len(val))
    names = ["training", "validation", *(kind.name for kind in kinds)]
    counts = [len(train), len(val), *(len(kind.pictures) for kind in kinds)]
    with progress(f"computing features of {', '.join(names)} images", sum(counts)) as advance:
        known = images.known(train, images.of_split(train, advance))
        held_out = images.of_split(val, advance)
        foreign = {kind.name: images.of_foreign(kind, advance) for kind in kinds}
    trial = _Trial(known, held_out, foreign, false_alarms)
    found: dict[str, FoundDetector] = {}
    for entry in entries:
        detector = entry.make()
        if detector.needs_embeddings and not images.has_embeddings:
            continue
        try:
            figures = trial.measure(entry, detector)
        except ZooError:
            raise
        except Exception as error:
            images.notices.append(f"{entry.title_of_fault} was left out: {summary_of(error)}{entry.place_in(error)}")
            continue
        found[entry.component.name] = FoundDetector(entry, detector, figures)
    if not found:
        raise RequestError(" ".join(images.notices) or "No detector is left. See: zoo list detector")
    # To a tenth of a point: smaller differences are noise, and would let the processor choose among equals.
    ordered = sorted(found.items(), key=lambda item: (-round(item[1].figures.chosen_by, 3), item[0]))
    return DetectorComparison(dict(ordered), images.notices)


@dataclass(frozen=True)
class _Trial:
    """Outputs of known and foreign images, by which each detector is fitted, chosen and measured."""

    known: KnownImages
    held_out: ModelOutputs
    foreign: Mapping[str, ModelOutputs]
    false_alarms: float

    def measure(self, entry: Entry, detector: FittedDetector) -> DetectorFigures:
        """Fit a detector, and measure it; the first half of each kind's scores chooses, the second measures."""
        detector.fit(self.known)
        detector.eval()
        own, others = self._scores(detector, self.held_out), self._foreign(detector)
        choosing, measuring = _halves(own)
        both = {name: _halves(scores) for name, scores in others.items()}
        threshold = _threshold(own, self.false_alarms)
        second = {name: later for name, (_, later) in both.items()}
        pooled = np.concatenate(list(second.values()))
        return DetectorFigures(
            id=entry.id,
            threshold=threshold,
            chosen_by=fmean(separation(choosing, first).auroc for first, _ in both.values()),
            all=separation(measuring, pooled),
            kinds={name: separation(measuring, later) for name, later in second.items()},
            found=rate_of(pooled > threshold),
            found_by_kind={name: rate_of(later > threshold) for name, later in second.items()},
            false_alarms=self._measured_alarms(choosing, measuring),
        )

    def _measured_alarms(self, choosing: np.ndarray[Any, Any], measuring: np.ndarray[Any, Any]) -> ImageRate | None:
        if len(choosing) < _fewest(self.false_alarms):
            return None
        return rate_of(measuring > _threshold(choosing, self.false_alarms))

    def _foreign(self, detector: FittedDetector) -> dict[str, Any]:
        return {name: self._scores(detector, outputs) for name, outputs in self.foreign.items()}

    def _scores(self, detector: FittedDetector, outputs: ModelOutputs) -> np.ndarray[Any, Any]:
        found = scored(detector, outputs)
        if not np.isfinite(found).all():
            raise ValueError("its scores are not finite")
        return found


def _fewest(false_alarms: float) -> int:
    """Smallest number of known images for a rate."""
    return math.ceil((1 - false_alarms) / false_alarms * (1 - 1e-9))


def _check_rate(false_alarms: float, images: int) -> None:
    """Check that there are enough validation images for a rate of false alarms.

    Raises:
        RequestError: there are too few; the message says how many are needed.
    """
    if images < (need := _fewest(false_alarms)):
        least = math.ceil(1000 / (images + 1)) / 1000
        raise RequestError(
            f"A rate of {false_alarms:g} false alarms needs at least {need:,} validation images, and the run has "
            f"{images:,}. Ask for at least {least:g}: --false-alarms {least:g}"
        )


def _threshold(known: np.ndarray[Any, Any], false_alarms: float) -> float:
    """Threshold that a new known image exceeds with at most this probability.

    It lies between two scores, so that no image's decision depends on rounding.
    """
    least = conformal_quantile(known, 1 - false_alarms)
    above = known[known > least]
    return float((least + above.min()) / 2) if len(above) else least


def _halves(scores: np.ndarray[Any, Any]) -> Halves:
    order = np.random.default_rng(0).permutation(len(scores))
    return scores[order[: len(order) // 2]], scores[order[len(order) // 2 :]]


def attachment_of(found: FoundDetector, kinds: Sequence[ForeignKind], false_alarms: float) -> Attachment:
    """The attachment that keeps a detector with the model."""
    figures, provenance = found.figures, found.entry.provenance()
    facts = {
        "prediction_field": "detectors/detector",
        "by": {key: provenance[key] for key in ("distribution", "version")},
        "detector": {"id": found.entry.id, "params": {}},
        "needs_embeddings": found.module.needs_embeddings,
        "threshold": figures.threshold,
        "false_alarms": false_alarms,
        "foreign": {kind.name: len(kind.pictures) for kind in kinds},
        "generated": all(kind.source == GENERATED for kind in kinds),
        "measured": {name: asdict(each) for name, each in {"all": figures.all, **figures.kinds}.items()},
    }
    return Attachment(NAME, facts, found.module.learned())
