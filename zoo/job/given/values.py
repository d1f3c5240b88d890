"""Datasets given from Python whose labels are values of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.errors import RequestError
from zoo.job.given.factory import titled, torch_class
from zoo.job.given.items import inherited, targets_of
from zoo.job.schema import AUTO

TASK = 'task="regression"'


def value_names(
    dataset: Any, own: Sequence[str] | None, classes: Sequence[str] | None, task: str | None
) -> list[str] | None:
    """Names of the values of a regression dataset; None for a dataset of classes.

    The labels are values if the object says so, or if the caller does and they are no indices into class names; else if
    they are floats, at least one of them not whole, for which there are no class names.

    Args:
        dataset: a map-style object.
        own: names of the object's classes or values; None where it has none.
        classes: names that the caller gives.
        task: the job's task, where the caller gives one.

    Raises:
        RequestError: the caller names another number of values than a label has, or the labels are whole floats
            and nothing says what they mean.
    """
    stated, asked = inherited(dataset, "task"), None if task == AUTO else task
    if inherited(dataset, "multilabel") or (asked or stated or "regression") != "regression":
        return None
    label, named = _first_label(dataset), own if classes is None else classes
    count, floats = _count(label), _holds_floats(label)
    if count is None or (stated is None and not floats and (named is not None or asked is None)):
        return None
    if stated is None and asked is None and not _must_be_values(dataset, label, named, count):
        return None
    if classes is not None and len(classes) != count:
        raise RequestError(
            f"classes has {len(classes)} names, and a label of the dataset has {count} value{'s' * (count > 1)}. Give "
            f"a name for each, or leave out classes: zoo.run(…, {TASK})"
        )
    return _names(count, named, str(getattr(dataset, "label", "value")))


def _names(count: int, named: Sequence[str] | None, one: str) -> list[str]:
    if named is not None and len(named) == count:
        return [str(name) for name in named]
    return [one] if count == 1 else [f"{one} {i + 1}" for i in range(count)]


def _must_be_values(dataset: Any, label: Any, named: Sequence[str] | None, count: int) -> bool:
    """Check for floats that can't be indices of classes.

    Raises:
        RequestError: they may be either.
    """
    if named is not None and len(named) != count:
        return False  # a run refuses them as indices
    if _any_decimal(dataset, label):
        return True
    if named is not None:
        return False
    raise RequestError(
        f"{titled('dataset', dataset)} has labels that are floats. If they are values, say so: zoo.run(…, {TASK}); "
        "if they are classes, give integers and their names."
    )


def _first_label(dataset: Any) -> Any:
    try:
        targets = targets_of(dataset)
        return dataset[0][1] if targets is None else targets[0]
    except Exception:  # the dataset's own error is reported where its images are decoded
        return None


def _count(label: Any) -> int | None:
    """Number of values of a label; None where it holds no numbers."""
    if isinstance(label, list | tuple):
        return len(label) if label and all(_count(each) == 1 for each in label) else None
    if isinstance(label, bool) or label is None or isinstance(label, str | bytes):
        return None
    shape: Sequence[int] = getattr(label, "shape", ())
    if len(shape) == 1:
        return int(shape[0])
    try:
        float(label)
    except (TypeError, ValueError, RuntimeError):
        return None
    return 1


def _holds_floats(label: Any) -> bool:
    if isinstance(label, list | tuple):
        return any(map(_holds_floats, label))
    tensor = torch_class("Tensor")
    if tensor is not None and isinstance(label, tensor):
        return bool(label.is_floating_point())
    return isinstance(label, float) or getattr(getattr(label, "dtype", None), "kind", "") == "f"


def _any_decimal(dataset: Any, first: Any) -> bool:
    """Check for a number that is not whole, among all labels where they are known without decoding."""
    return any(not float(each).is_integer() for label in targets_of(dataset) or [first] for each in _numbers(label))


def _numbers(label: Any) -> Sequence[Any]:
    if isinstance(label, list | tuple):
        return label
    return list(label.reshape(-1).tolist()) if hasattr(label, "reshape") else [label]
