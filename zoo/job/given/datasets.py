"""Datasets given from Python: torch's, torchvision's and Hugging Face's, as map-style objects with class names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from zoo.errors import RequestError
from zoo.job.given.factory import Given, class_of, described, titled, torch_class
from zoo.job.given.items import Items, TableItems, class_names, has_floats, inherited, is_rows
from zoo.job.given.values import value_names

_SPLITS = {"validation": "val", "valid": "val", "eval": "val", "testing": "test", "training": "train"}
"""Names of splits elsewhere, and here."""
CLASSES = 'classes=["cat", "dog"]'


class GivenDataset(NamedTuple):
    """A map-style object, and the names of its classes or values."""

    dataset: Any
    names: list[str]
    of_values: bool = False


def is_splits(value: Any) -> bool:
    """Check for a mapping of split names to datasets, such as Hugging Face's ``DatasetDict``."""
    return isinstance(value, Mapping) and any(_SPLITS.get(name, name) == "train" for name in value)


def adapt(value: Any, classes: Sequence[str] | None = None, task: str | None = None) -> Given:
    """Make a factory ``f(split)`` of a dataset, or of datasets by split; a class or function is a factory already.

    Args:
        value: a map-style object, a mapping, or a factory.
        classes: names of the classes, in the order of the labels, or of the values, for an object that has none.
        task: the job's task, where the caller gives one.

    Raises:
        RequestError: it is not a dataset, or its classes have no names.
    """
    if isinstance(value, type) or (callable(value) and not hasattr(value, "__getitem__")):
        if classes is not None:
            raise RequestError(f"classes names those of a dataset's object, and {described(value)} makes its own.")
        return Given(value, class_of(value))
    given = dict(value) if isinstance(value, Mapping) else {"train": value}
    splits = {_SPLITS.get(name, name): _checked(one, classes, task) for name, one in given.items()}
    return Given(_factory(splits), class_of(next(iter(given.values()))))


def _factory(splits: Mapping[str, GivenDataset]) -> Callable[..., Any]:
    def given(split: str) -> Any:
        dataset, names, of_values = splits[split]
        if _fits(dataset, names) and (not of_values or inherited(dataset, "task")):
            return dataset
        return Items(dataset, names, of_values)

    several = any(inherited(each.dataset, "multilabel") for each in splits.values())
    words = [inherited(each.dataset, "task") for each in splits.values()]
    task = "regression" if any(each.of_values for each in splits.values()) else next(filter(None, words), None)
    given.available_splits = lambda: tuple(splits)  # type: ignore[attr-defined]
    given.peek = lambda: {"multilabel": several, "task": task}  # type: ignore[attr-defined]
    return given


def _checked(dataset: Any, classes: Sequence[str] | None, task: str | None) -> GivenDataset:
    """A map-style object, and the names of its classes.

    Raises:
        RequestError: it can't be read by index, or its classes have no names.
    """
    loader = torch_class("utils.data.DataLoader")
    if loader is not None and isinstance(dataset, loader):
        raise RequestError("A DataLoader was given as dataset, and a run makes its own batches. Give: loader.dataset")
    if isinstance(dataset, tuple | list) or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise RequestError(
            f"{titled('dataset', dataset)} has no len() and [i] -> (image, label). Give an object that has, or "
            '{"train": …, "val": …} of such objects: dataset=torch.utils.data.TensorDataset(images, labels), '
            f"{CLASSES}"
        )
    found = TableItems(dataset) if is_rows(dataset) else dataset
    if (values := value_names(found, class_names(found), classes, task)) is not None:
        return GivenDataset(found, values, True)
    names = class_names(found) if classes is None else [str(name) for name in classes]
    if names is None:
        raise RequestError(
            f"{titled('dataset', dataset)} has no names of its classes. Give them in the order of the labels: "
            f"zoo.run(…, {CLASSES})"
        )
    return GivenDataset(found, names)


def _fits(dataset: Any, names: Sequence[str]) -> bool:
    """Check that a dataset needs no wrapper: it has these classes, no list of files, and images that aren't floats."""
    if isinstance(dataset, TableItems) or not hasattr(dataset, "classes") or hasattr(dataset, "samples"):
        return False
    return [str(name) for name in dataset.classes] == list(names) and not has_floats(dataset)
