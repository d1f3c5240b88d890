"""The metrics of a server in Prometheus' format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

REGRESSION = "regression"
__all__ = ["CONTENT_TYPE", "Figures"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_DEVIATIONS = (-3, -2, -1, 0, 1, 2, 3)
_IMAGES = (1, 2, 4, 8, 16, 32, 64)


def _count(card: Mapping[str, Any]) -> str:
    return str(len(card["classes"]))


class _Values:
    """Histograms of a regression's values, in standard deviations from the mean of the training values."""

    def __init__(self, card: Mapping[str, Any], registry: CollectorRegistry):
        scale = card["outputs"]
        self.scales = dict(zip(card["classes"], zip(scale["mean"], scale["std"], strict=True), strict=True))
        about = "Predicted values, in standard deviations from the mean of the training values"
        self.seen = Histogram("zoo_values", about, ["output"], buckets=_DEVIATIONS, registry=registry)

    def observe(self, answers: list[dict[str, Any]]) -> None:
        for answer in answers:
            only = next(iter(self.scales))
            for name, value in (answer.get("values") or {only: answer["value"]}).items():
                mean, std = self.scales[name]
                self.seen.labels(name).observe((value - mean) / std)


class Figures:
    """Counters and histograms of one server.

    Args:
        card: the model's card.
        waiting: returns the number of waiting images.
    """

    def __init__(self, card: dict[str, Any], waiting: Callable[[], float]):
        disable_created_metrics()  # type: ignore[no-untyped-call]  # else each counter has a second series
        own = self.registry = CollectorRegistry()
        self.requests = Counter("zoo_requests", "Requests by status", ["path", "status"], registry=own)
        self.seconds = Histogram(
            "zoo_request_seconds",
            "Time from request to response",
            ["path"],
            buckets=_SECONDS,
            registry=own,
        )
        self.batches = Histogram("zoo_batch_images", "Batch size", buckets=_IMAGES, registry=own)
        self.computing = Histogram("zoo_batch_seconds", "Inference time of a batch", buckets=_SECONDS, registry=own)
        self.values = _Values(card, own) if card.get("task") == REGRESSION else None
        by_class = [] if self.values else ["label"]
        what = "Images with a prediction" if self.values else "Images by predicted class"
        self.answers = Counter("zoo_answers", what, by_class, registry=own)
        self.unsure = Counter("zoo_not_sure", "Images with a confidence below the threshold", registry=own)
        self.unfamiliar = Counter("zoo_unfamiliar", "Images unlike the training images", registry=own)
        Gauge("zoo_waiting_images", "Pending images", registry=own).set_function(waiting)
        about = {"architecture": card["architecture"]["id"], "values" if self.values else "classes": _count(card)}
        Info("zoo_model", "Served model", registry=own).info(about)

    def count(self, answers: list[dict[str, Any]]) -> None:
        """Count the answers to a batch by class, confidence and familiarity; or by value."""
        if self.values is not None:
            self.answers.inc(len(answers))
            self.values.observe(answers)
            return
        for answer in answers:
            for label in answer.get("labels", (answer.get("label"),)):
                self.answers.labels(str(label)).inc()
            if not answer.get("sure", True):
                self.unsure.inc()
            if not answer.get("familiar", True):
                self.unfamiliar.inc()

    def page(self) -> bytes:
        """Format the metrics for Prometheus."""
        return generate_latest(self.registry)
