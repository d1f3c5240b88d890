"""The task of a job, and what fits it: the dataset's labels, losses, metrics, samplers and class weights."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zoo.data.task_words import MULTI_LABEL, ORDINAL, READABLE_AS, REGRESSION, SINGLE_LABEL
from zoo.errors import RequestError
from zoo.job.schema import AUTO
from zoo.plugin import TASKS
from zoo.registry.entry import PYTHON, Entry
from zoo.registry.registry import Registry
from zoo.registry.signature import accepts
from zoo.registry.suggest import listing

__all__ = [
    "RECIPES",
    "asked_task",
    "numbers_notice",
    "problem_of_class_weights",
    "problem_of_component",
    "problem_of_labels",
    "supports",
]

RECIPES = {MULTI_LABEL: "multi_label", REGRESSION: "regression", ORDINAL: "ordinal"}
"""Recipe that overrides any other for the jobs of a task."""
_LABELS = {
    SINGLE_LABEL: "whose images have one class each",
    ORDINAL: "whose images have one class each",
    MULTI_LABEL: "whose images may have several labels each",
    REGRESSION: "whose labels are numbers",
}
_IN_WORDS = {
    SINGLE_LABEL: "single-label datasets",
    MULTI_LABEL: "multi-label datasets",
    REGRESSION: "regression",
    ORDINAL: "ordered classes",
}


_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
_MANY = 50
"""Number of different whole numbers from which on they may be amounts; of fewer, if they are a tenth of the images."""


def asked_task(values: Mapping[str, Any]) -> str | None:
    """Task that the dotted values of a job name; None for ``auto`` and for a word that the schema refuses."""
    word = values.get("task", AUTO)
    return str(word) if word in TASKS else None


def problem_of_labels(asked: str, dataset: str, own: str) -> str:
    """Problem of a task that the labels of a dataset can't be read for; empty where they can.

    Args:
        asked: the job's task.
        dataset: name of the dataset.
        own: task that the dataset states.
    """
    if asked in READABLE_AS[own]:
        return ""
    others = [word for word in READABLE_AS[own] if word != own]
    more = f", or --task {' or --task '.join(others)}" if others else ""
    return (
        f"--task {asked} does not fit the dataset {dataset!r}, {_LABELS[own]} ({own}). Leave out --task{more}. The "
        f"parameters of the dataset, which may read its labels in another way: zoo info {dataset}"
    )


def numbers_notice(asked: str, classes: Sequence[str], images: int, name: str = "") -> str | None:
    """Notice for class names that may be amounts or ranks: many different whole numbers; None for any others.

    Args:
        asked: the job's ``task``; the notice is for ``auto``.
        classes: names of the classes.
        images: number of training images.
        name: the dataset's ``target_name``.
    """
    different = len(classes)
    many = different > _MANY or different > max(_MANY // 5, images / 10)
    if asked != AUTO or not many or not all(_WHOLE.fullmatch(each) for each in classes):
        return None
    return (
        f"The classes are {different:,} different whole numbers{f' ({name})' if name else ''}. If they are amounts or "
        "ranks rather than names, type: --task regression, or --task ordinal"
    )


def supports(entry: Entry, factory: Callable[..., Any], task: str) -> bool:
    """Check that a loss, metric or sampler supports a task; a component from Python without ``tasks`` is trusted."""
    if entry.kind == "sampler":
        needs_classes = task == REGRESSION and accepts(factory, "labels") and not accepts(factory, "regression")
        return not needs_classes or entry.origin.plugin == PYTHON
    tasks = getattr(entry.component, "tasks", ())
    if task in tasks or (task == ORDINAL and SINGLE_LABEL in tasks):
        return True
    if task == MULTI_LABEL:
        return accepts(factory, "multilabel")
    if task == REGRESSION:
        return accepts(factory, "regression") or (not tasks and entry.origin.plugin == PYTHON)
    return not tasks


def problem_of_component(entry: Entry, factory: Callable[..., Any], task: str | None, registry: Registry) -> list[str]:
    """Problem of a loss, metric or sampler that does not support the task; empty where it does.

    Args:
        task: the job's task; None where unknown.
    """
    if task is None or entry.kind not in ("loss", "metric", "sampler") or supports(entry, factory, task):
        return []
    fitting = set()
    for name in registry.names(entry.kind):
        with contextlib.suppress(RequestError):
            other = registry.find(entry.kind, name)
            if supports(other, other.factory(), task):
                fitting.add(other.component.name)
    known = f" Those that do: {listing(sorted(fitting))}." if fitting else ""
    return [f"{entry.kind} {entry.component.name!r} does not support {_IN_WORDS[task]}.{known}{_advice(entry, task)}"]


def _advice(entry: Entry, task: str) -> str:
    """Sentence on a component for another task, or one that may lack a declaration; empty for any other."""
    tasks: tuple[str, ...] = getattr(entry.component, "tasks", ())
    if len(tasks) == 1 and task in (SINGLE_LABEL, ORDINAL, REGRESSION) and tasks[0] != MULTI_LABEL:
        return f" It is for another task. Type: --task {tasks[0]}"
    if task == REGRESSION and not tasks and entry.kind != "sampler" and not entry.origin.bundled:
        return ' If it takes numbers, declare it: tasks=("regression",), or tasks: [regression] in registry.yaml.'
    return ""


def problem_of_class_weights(values: Mapping[str, Any], task: str | None) -> list[str]:
    """Problem of class weights in a job without classes; empty without them."""
    weights = values.get("train.class_weights", "none")
    if task != REGRESSION or weights in ("none", None):
        return []
    return [
        f"train.class_weights={weights} needs classes, and a regression has none. Type: --set train.class_weights=none"
    ]
