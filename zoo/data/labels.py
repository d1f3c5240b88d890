"""Labels of a dataset's items: class indices, sets of them for multi-label datasets, and values of a regression."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from zoo.data.item_names import name_of
from zoo.data.task_words import MULTI_LABEL, REGRESSION, dataset_task
from zoo.errors import ContractError


class ItemValues(tuple[float, ...]):
    """The K values of an item of a regression dataset."""


Label = int | tuple[int, ...] | ItemValues


def is_multilabel(dataset: Any) -> bool:
    """Check that the dataset is multi-label."""
    return dataset_task(dataset) == MULTI_LABEL


def label_of(dataset: Any, index: int, label: Any, whose: str = "") -> Label:
    """Convert the label of a dataset's item to a class index, a sorted tuple of them, or values, by the dataset's task.

    Args:
        whose: the origin of the label where it is not the item itself, as in ``".targets: "``.

    Raises:
        ContractError: the label is invalid; the message names the item.
    """
    try:
        if (task := dataset_task(dataset)) == REGRESSION:
            return label_values(label, len(dataset.classes))
        return label_indices(label, len(dataset.classes)) if task == MULTI_LABEL else label_index(label)
    except ContractError as error:
        own = hasattr(dataset, "name_of")
        raise ContractError(f"item {index}{f' ({name_of(dataset, index)})' if own else ''}: {whose}{error}") from error


def label_values(label: Any, count: int) -> ItemValues:
    """Convert one item's values to floats.

    Args:
        label: a number where there is one value; else a sequence, array or tensor (K,) of numbers.
        count: K, the number of values.

    Raises:
        ContractError: the label has neither form, or a value is NaN or infinite.
    """
    try:
        array = np.asarray(label, np.float64)
        if array.size == count and array.ndim <= 1 and np.isfinite(array).all():
            return ItemValues(array.reshape(-1).tolist())
    except (TypeError, ValueError, RuntimeError):
        pass  # not numbers: reported below
    what = "a finite number" if count == 1 else f"{count} finite numbers"
    raise ContractError(f"the label of a regression must be {what}, not {label!r}")


def number_of(name: str) -> float | None:
    """Read the name of a class as a finite number; None where it is none."""
    try:
        value = float(name)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def label_index(label: Any) -> int:
    """Convert an integer of any type, such as a NumPy scalar or a tensor of one element, to an index.

    Floats and booleans are refused, whole numbers too: a regression target must not become a class unnoticed.

    Raises:
        ContractError: the label is not an integer.
    """
    if type(label) is int:
        return label
    if isinstance(label, np.ndarray) and label.size == 1 and label.dtype.kind in "iu":
        return int(label.item())
    try:
        if not _is_bool(label):
            return operator.index(label)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of several elements
        pass
    raise ContractError(
        f"a label must be an integer, an index into .classes; it is {label!r} ({_type_name(label)}).{_advice(label)}"
    )


def label_indices(label: Any, count: int) -> tuple[int, ...]:
    """Convert one item's labels to indices, sorted and without duplicates.

    Args:
        label: a list, tuple or set of indices, or an array or tensor (K,) of 0 and 1.
        count: K, the number of classes.

    Raises:
        ContractError: the label has neither form.
    """
    try:
        if isinstance(label, list | tuple | set | frozenset):
            found = [label_index(each) for each in label]
            if set(found) <= set(range(count)) and not _is_multi_hot(found, count):
                return tuple(sorted(set(found)))
        elif (array := np.asarray(label)).shape == (count,) and np.isin(array, (0, 1)).all():
            return tuple(int(i) for i in np.flatnonzero(array))
    except (ContractError, TypeError):
        pass  # a value is not an index: reported below
    raise ContractError(
        f"a multi-label target must be a list of indices into its {count} classes, or an array ({count},) of 0 and "
        f"1, not {label!r}"
    )


def _is_multi_hot(found: list[int], count: int) -> bool:
    """Check for a list of 0 and 1 for each class, which would be read as the indices 0 and 1."""
    return len(found) == count > len(set(found)) and set(found) <= {0, 1}


def _is_bool(label: Any) -> bool:
    return isinstance(label, bool) or str(getattr(label, "dtype", "")).endswith("bool")


def _type_name(label: Any) -> str:
    """Type of a label for messages, such as ``float`` or ``Tensor of float32``."""
    name, dtype = type(label).__name__, str(getattr(label, "dtype", "")).removeprefix("torch.")
    return name if dtype in ("", name) else f"{name} of {dtype}"


def _advice(label: Any) -> str:
    """Sentence on the conversion of a label that is not an integer; empty where there is none."""
    try:
        whole = float(label)
    except (TypeError, ValueError, RuntimeError):
        return " Convert it in the dataset: self.classes.index(label)" if isinstance(label, str) else ""
    return f" {'Convert it in the dataset: int(label)' if whole.is_integer() else 'Map it to a class in the dataset'}"
