"""Metrics given from Python: an object or class with torchmetrics' methods, or a function of logits and targets."""

from __future__ import annotations

from functools import partial
from typing import Any

from zoo.errors import RequestError
from zoo.job.given.factory import Given, around, class_of, makes_objects, own_copy, required, titled

METHODS = ("update", "compute", "reset")
RUNNER = ("num_classes", "multilabel")


class Collected:
    """A function of all logits (N, K) and targets (N,), as a metric.

    Args:
        function: returns a number.
    """

    def __init__(self, function: Any):
        self.function = function
        self.reset()

    def update(self, logits: Any, targets: Any) -> None:
        """Keep a batch's logits and targets."""
        self.batches.append((logits.detach().cpu(), targets.cpu()))

    def compute(self) -> Any:
        """The function's value over all batches since the reset."""
        import torch

        logits, targets = (torch.cat(parts) for parts in zip(*self.batches, strict=True))
        return self.function(logits, targets)

    def reset(self) -> None:
        """Forget all batches."""
        self.batches: list[tuple[Any, Any]] = []


def adapt(value: Any) -> Given:
    """Make a factory of a metric.

    Raises:
        RequestError: it has neither a metric's methods nor the parameters logits and targets.
    """
    better = getattr(class_of(value) if makes_objects(value) else value, "higher_is_better", None)
    fields = {} if better is None or callable(better) else {"higher_is_better": bool(better)}
    if makes_objects(value):
        return Given(value, class_of(value), fields)
    if all(callable(getattr(value, name, None)) for name in METHODS):
        return Given(_factory(value), type(value), fields)
    needed = required(value) if callable(value) else []
    if needed[:1] == ["num_classes"]:
        return Given(value, class_of(value), fields)
    if len(needed) == 2:
        return Given(_collecting(value), class_of(value), fields)
    raise RequestError(
        f"{titled('metric', value)} is neither a name, nor an object with {', '.join(METHODS)}, nor a function of "
        "logits and targets. These work: metrics=[torchmetrics.classification.MulticlassF1Score(10)], "
        "metrics=[lambda logits, targets: (logits.argmax(1) == targets).float().mean()]"
    )


def _factory(metric: Any) -> Any:
    def build(num_classes: int, multilabel: bool = False) -> Any:
        own = getattr(metric, "num_classes", None)
        if isinstance(own, int) and own != num_classes:
            name = type(metric).__name__
            raise RequestError(
                f"The metric {name} is for {own} classes, and the data have {num_classes}. Give the class, which gets "
                f"their number: metrics=[{name}]"
            )
        copied = own_copy(metric, "metric")
        copied.reset()
        return copied

    return around(build, type(metric), ("num_classes",), multilabel=False)


def _collecting(function: Any) -> Any:
    return around(
        lambda num_classes, multilabel=False: Collected(function),
        class_of(function.func if isinstance(function, partial) else function),
        ("num_classes",),
        multilabel=False,
    )
