"""The model behind the page: features of the pool, a head that is refitted in the background, and its choices."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from zoo.api.running import Observer
from zoo.errors import ZooError
from zoo_label.audit import Audit, Stability, audit_of
from zoo_label.choice import COLD, choose_next
from zoo_label.features import Extractor
from zoo_label.head import BaseLogits, Probs, fit_head, standardised
from zoo_label.pool import Pool

__all__ = ["Fitted", "Model", "Snapshot"]

EVERY = 5
"""Number of new answers after which the head is refitted; a twentieth of the labels where that is more."""
BATCH = 10
"""Number of pictures that are chosen at once."""


@dataclass(frozen=True)
class Snapshot:
    """What a head is fitted on.

    Args:
        labels: class of each labelled picture.
        drawn: labelled pictures that were drawn at random, in the order of their labels.
        candidates: indices of the pictures to choose from.
        version: number of the changes so far.
    """

    labels: Mapping[int, str]
    drawn: Sequence[int]
    candidates: NDArray[np.int64]
    version: int


@dataclass(frozen=True)
class Fitted:
    """A fitted head.

    Args:
        classes: names of its K classes.
        probs: (N, K), of the whole pool.
        labels: number of labels that it was fitted on.
        seconds: duration of the fit.
        audit: its accuracy on pictures drawn at random; None before there are five.
    """

    classes: tuple[str, ...]
    probs: Probs
    labels: int
    seconds: float
    audit: Audit | None = None

    @cached_property
    def best(self) -> list[str]:
        """The most probable class of each picture."""
        return [self.classes[place] for place in self.probs.argmax(axis=1)]

    def guess(self, index: int) -> str:
        """The most probable class of a picture."""
        return self.best[index]

    def top(self, index: int, most: int = 3) -> list[tuple[str, float]]:
        """The most probable classes of a picture, with their probabilities."""
        order = np.argsort(-self.probs[index], kind="stable")[:most]
        return [(self.classes[place], float(self.probs[index, place])) for place in order]


class _Told(Observer):
    """Keeps the progress of computing the features."""

    def __init__(self) -> None:
        self.text = ""

    def preparing(self, what: str, done: int, total: int) -> None:
        self.text = f"{what}: {done:,} of {total:,}"


@dataclass
class Model:
    """Computes features and fits heads in a thread of its own.

    Args:
        pool: the pictures.
        extractor: computes their features.
        snapshot: gives the present answers; called by the thread.
        seed: seed of the clusters.
    """

    pool: Pool
    extractor: Extractor
    snapshot: Callable[[], Snapshot]
    seed: int = 0
    fitted: Fitted | None = None
    queue: list[int] = field(default_factory=list)
    """The next pictures, best first."""
    unreadable: frozenset[int] = frozenset()
    failure: str = ""
    """Message of an error that ended the thread; pictures then come at random."""

    def __post_init__(self) -> None:
        self.stability = Stability()
        self._told, self._features = _Told(), np.zeros((0, 0), np.float32)
        self._reference: BaseLogits | None = None
        self._changed, self._closed = threading.Condition(), False
        self._wanted, self._done = 0, -EVERY
        self._thread = threading.Thread(target=self._run, name="zoo-label-model", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread after the present computation."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def notify(self, version: int, *, empty: bool = False) -> None:
        """Announce new answers; the head is refitted after a few, or at once where the queue is empty."""
        with self._changed:
            self._wanted = max(self._wanted, version, self._done + self._step if empty else 0)
            self._changed.notify_all()

    @property
    def status(self) -> str:
        """What the thread does, for the page; empty where it waits."""
        if self.failure:
            return self.failure
        return "" if self.ready else self._told.text or "reading pictures"

    @property
    def ready(self) -> bool:
        """True once the features are there."""
        return len(self._features) > 0

    def _run(self) -> None:
        try:
            self._compute_features()
            while self._wait():
                self._refit()
        except ZooError as error:
            self.failure = str(error)
        except Exception as error:
            self.failure = f"The model stopped: {type(error).__name__}: {error}"

    def _wait(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._wanted - self._done >= self._step)
            return not self._closed

    @property
    def _step(self) -> int:
        return max(EVERY, (self.fitted.labels if self.fitted else 0) // 20)

    def _compute_features(self) -> None:
        found = self.extractor.of(self.pool, self._told)
        values = standardised(found.values)
        features = np.zeros((len(self.pool), values.shape[1]), np.float32)
        features[found.rows] = values
        if found.reference is not None:
            logits = np.zeros((len(self.pool), len(found.reference.classes)), np.float32)
            logits[found.rows] = found.reference.logits
            self._reference = BaseLogits(found.reference.classes, logits)
        self.unreadable = frozenset(range(len(self.pool))) - frozenset(found.rows.tolist())
        self._features = features

    def _refit(self) -> None:
        now = self.snapshot()
        begin = time.perf_counter()
        fitted = self._fit(now, begin)
        queue = self._choose(now, fitted)
        if fitted is not None:
            self.stability.add(fitted.labels, fitted.classes, fitted.probs.argmax(axis=1))
        with self._changed:
            self.fitted, self.queue, self._done = fitted, queue, now.version

    def _choose(self, now: Snapshot, fitted: Fitted | None) -> list[int]:
        """The next pictures; up to 20 labels those of clusters that were found before, as long as there are any."""
        kept = now.candidates[~np.isin(now.candidates, list(self.unreadable))]
        labels = COLD if self._reference is not None else len(now.labels)
        left = np.intersect1d(self.queue, kept)
        if labels < COLD and len(left):
            return [index for index in self.queue if index in left]
        return choose_next(None if fitted is None else fitted.probs, labels, self._features, kept, BATCH, self.seed)

    def _fit(self, now: Snapshot, begin: float) -> Fitted | None:
        """Fit a head on the readable labelled pictures; None before two classes have labels, or a trained model."""
        labels = {index: name for index, name in now.labels.items() if index not in self.unreadable}
        classes = tuple(sorted(set(labels.values())))
        fixed = None
        if self._reference is not None and set(classes) <= set(self._reference.classes):
            classes = self._reference.classes
            fixed = self._reference.of(classes)
        if len(classes) < 2:
            return None
        targets = {index: classes.index(name) for index, name in labels.items()}
        probs = fit_head(self._features, targets, len(classes), fixed)
        seconds = time.perf_counter() - begin
        drawn = [index for index in now.drawn if index in targets]
        return Fitted(
            classes, probs, len(labels), seconds, audit_of(self._features, targets, drawn, len(classes), fixed)
        )
