"""The tasks by name, by a bundle's card, and by the form of a split's targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.engine.classification import MultiLabel, SingleLabel
from zoo.engine.ordinal import OrdinalTask
from zoo.engine.regression import RegressionTask
from zoo.engine.task_protocol import Mistakes, Task

__all__ = [
    "MULTI_LABEL",
    "REGRESSION",
    "SINGLE_LABEL",
    "Mistakes",
    "Task",
    "new_task",
    "task_named",
    "task_of",
    "task_of_card",
]

SINGLE_LABEL: Task = SingleLabel()
MULTI_LABEL: Task = MultiLabel()
REGRESSION = "regression"
DETAILS = "outputs"
"""Key of a bundle's card that has :meth:`Task.card`."""


def new_task(name: str, link: Mapping[str, Any] | None = None) -> Task:
    """Create the task of a run; a regression gets its scale by :meth:`Task.fitted`.

    Args:
        name: ``single-label``, ``multi-label``, ``ordinal`` or ``regression``.
        link: how the loss has the outputs read, as plain data; see :mod:`zoo.engine.links`.
    """
    return task_named(name, {DETAILS: {} if link is None else {"link": link}})


def task_named(name: str, card: Mapping[str, Any] | None = None) -> Task:
    """Look a task up by its name in a bundle.

    Args:
        card: content of the bundle's zoo.json, with the scale of a regression.
    """
    known: Mapping[str, Any] = (card or {}).get(DETAILS) or {}
    if name == "ordinal":
        return OrdinalTask(**known)
    if name == REGRESSION:
        return RegressionTask(**known)
    return MULTI_LABEL if name == MULTI_LABEL.name else SINGLE_LABEL


def task_of_card(card: Mapping[str, Any]) -> Task:
    """The task of a bundle; a card without one is single-label."""
    return task_named(card.get("task", ""), card)


def task_of(labels: Any) -> Task:
    """Task of plain targets: (N,) are class indices, (N, K) are binary labels of every class."""
    return MULTI_LABEL if labels.ndim == 2 else SINGLE_LABEL
