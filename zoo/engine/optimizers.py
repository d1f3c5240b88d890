"""Optimizers of other forms: those that compute the gradients themselves, and those with two sets of weights."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["has_two_weights", "needs_closure", "to_evaluation_weights", "to_training_weights"]


def needs_closure(optimizer: Any) -> bool:
    """Check for an optimizer that computes the gradients of a step more than once, such as LBFGS and SAM.

    Its ``step`` requires its ``closure``, or its class declares ``needs_closure = True``.
    """
    declared = getattr(type(optimizer), "needs_closure", None)
    if declared is not None:
        return bool(declared)
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    return closure is not None and closure.default is closure.empty


def has_two_weights(optimizer: Any) -> bool:
    """Check for an optimizer with separate training and evaluation weights, such as the schedule-free ones."""
    return all(callable(getattr(optimizer, name, None)) for name in ("train", "eval"))


def to_training_weights(optimizer: Any) -> None:
    """Put the training weights of an optimizer with two sets of weights into the network."""
    if has_two_weights(optimizer):
        optimizer.train()


def to_evaluation_weights(optimizer: Any) -> None:
    """Put the evaluation weights of an optimizer with two sets of weights into the network."""
    if has_two_weights(optimizer):
        optimizer.eval()
