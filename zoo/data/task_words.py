"""The tasks by name, and for which of them the labels of a dataset can be read; imports neither torch nor numpy."""

from __future__ import annotations

from typing import Any

from zoo.plugin import TASKS

__all__ = ["MULTI_LABEL", "ORDINAL", "READABLE_AS", "REGRESSION", "SINGLE_LABEL", "dataset_task"]

SINGLE_LABEL, MULTI_LABEL, REGRESSION, ORDINAL = TASKS
READABLE_AS = {
    SINGLE_LABEL: (SINGLE_LABEL, REGRESSION, ORDINAL),
    ORDINAL: (ORDINAL, SINGLE_LABEL, REGRESSION),
    MULTI_LABEL: (MULTI_LABEL,),
    REGRESSION: (REGRESSION,),
}
"""Tasks that the labels of a dataset of each task can be read for, its own first."""


def dataset_task(dataset: Any) -> str:
    """Task that a dataset declares by ``.task``, or multi-label by ``.multilabel``; single-label where it says none."""
    word = getattr(dataset, "task", None)
    if word in TASKS[1:]:
        return str(word)
    return MULTI_LABEL if getattr(dataset, "multilabel", False) else SINGLE_LABEL
