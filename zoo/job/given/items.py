"""Map-style objects of other libraries, read as the zoo reads its own datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ContractError, RequestError
from zoo.job.given.factory import described, torch_class
from zoo.registry.suggest import listing

_IMAGES, _LABELS = (
    ("image", "img", "pixel_values", "picture"),
    ("label", "labels", "fine_label", "target", "class", "value"),
)
"""Names of columns, where their types say nothing."""


class Items:
    """A dataset with the names of its classes, and images as the zoo decodes them.

    Args:
        dataset: has ``len`` and ``[i] -> (image, label)``.
        classes: names of the classes, in the order of the labels, or of the values.
        of_values: the labels are values of a regression.
    """

    def __init__(self, dataset: Any, classes: Sequence[str], of_values: bool = False):
        self.dataset, self.classes = dataset, list(classes)
        if (targets := targets_of(dataset)) is not None:
            self.targets = targets
        if (key := _fingerprint(dataset)) is not None:
            self.fingerprint = f"{key} {self.classes}{' values' * of_values}"
        for name in ("multilabel", "task", "groups", "attributes", "source", "notices"):
            if (value := inherited(dataset, name)) is not None:
                setattr(self, name, value)
        if of_values:
            self.task = "regression"
        if _path_of(dataset, 0) is not None:
            self.name_of = lambda index: _path_of(dataset, index)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        item = self.dataset[index]
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise ContractError(
                f"item {index} of the dataset {type(self.dataset).__name__} must be (image, label), not "
                f"{described(item)}"
            )
        return image_of(item[0]), item[1]


class TableItems:
    """A dataset whose items are mappings, such as Hugging Face's, as a map-style object.

    Args:
        rows: has ``len`` and ``[i] -> {column: value}``.

    Raises:
        RequestError: no column is the image's or the label's.
    """

    def __init__(self, rows: Any):
        self.rows = rows
        features = getattr(rows, "features", None) or {}
        columns = list(features) or list(rows[0])
        kinds = {name: type(kind).__name__ for name, kind in dict(features).items()}
        self.image = _column("image", columns, _IMAGES, [name for name in columns if kinds.get(name) == "Image"])
        labels = [name for name in columns if kinds.get(name) == "ClassLabel"]
        self.label = _column("label", columns, _LABELS, labels)
        kind = dict(features).get(self.label)
        names = getattr(kind, "names", None)
        if names is None and (names := getattr(getattr(kind, "feature", None), "names", None)) is not None:
            self.multilabel = True  # a list of labels for each image
        self._words: dict[str, int] = {}
        if names is None and isinstance(rows[0][self.label], str):
            names = sorted(set(self._column(self.label)))
            self._words = {name: index for index, name in enumerate(names)}
        if names is not None:
            self.classes = list(names)
        if (key := getattr(rows, "_fingerprint", None)) is not None:
            self.fingerprint = str(key)

    @property
    def targets(self) -> list[Any]:
        """All labels, without decoding an image."""
        return [self._words.get(label, label) for label in self._column(self.label)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        row = self.rows[index]
        return row[self.image], self._words.get(row[self.label], row[self.label])

    def _column(self, name: str) -> list[Any]:
        if hasattr(self.rows, "column_names"):
            return list(self.rows[name])
        return [self.rows[index][name] for index in range(len(self.rows))]


def is_rows(dataset: Any) -> bool:
    """Check for a dataset whose items are mappings."""
    if getattr(dataset, "column_names", None):
        return True
    try:
        return not hasattr(dataset, "classes") and isinstance(dataset[0], Mapping)
    except Exception:  # the dataset's own error is reported where it is opened
        return False


def _column(what: str, columns: Sequence[str], usual: Sequence[str], typed: Sequence[str]) -> str:
    found = [name for name in usual if name in typed] or [*typed] or [name for name in usual if name in columns]
    if not found:
        raise RequestError(
            f"The dataset has no column of {what}s; its columns are {listing(columns)}. Rename one: "
            f'dataset.rename_column("{columns[0]}", "{what}")'
        )
    return found[0]


def class_names(dataset: Any) -> list[str] | None:
    """Names of a dataset's classes, also of the one that a subset is a part of; None where there are none."""
    names = inherited(dataset, "classes")
    if names is None and (parts := getattr(dataset, "datasets", None)):
        names = class_names(parts[0])
    return None if names is None or isinstance(names, Mapping) else [str(name) for name in names]


def inherited(dataset: Any, name: str) -> Any:
    """An attribute of a dataset, or of the one that a subset is a part of: with its items in the subset's order."""
    if (own := getattr(dataset, name, None)) is not None:
        return own
    if not _is_part(dataset):
        return None
    value = inherited(dataset.dataset, name)
    if value is None or name not in ("groups", "attributes"):
        return value
    if isinstance(value, Mapping):
        return {key: [values[int(i)] for i in dataset.indices] for key, values in value.items()}
    return [value[int(i)] for i in dataset.indices]


def _is_part(dataset: Any) -> bool:
    return hasattr(dataset, "dataset") and hasattr(dataset, "indices")


def targets_of(dataset: Any) -> list[Any] | None:
    """All labels of a dataset without decoding its images; None where they aren't known."""
    tensors, cls = getattr(dataset, "tensors", None), torch_class("utils.data.TensorDataset")
    if cls is not None and isinstance(dataset, cls) and tensors is not None and len(tensors) == 2:
        return list(tensors[1].tolist())
    if getattr(dataset, "target_transform", None) is not None:
        return None
    if (own := getattr(dataset, "targets", None)) is not None and len(own) == len(dataset):
        return list(own.tolist()) if hasattr(own, "tolist") else list(own)
    if _is_part(dataset) and (whole := targets_of(dataset.dataset)) is not None:
        return [whole[int(index)] for index in dataset.indices]
    return None


def _fingerprint(dataset: Any) -> str | None:
    """Key of a dataset's content where its library has one; of a subset with its indices."""
    if (own := getattr(dataset, "fingerprint", None)) is not None:
        return str(own)
    if _is_part(dataset) and (whole := _fingerprint(dataset.dataset)) is not None:
        return f"{whole} {[int(index) for index in dataset.indices]}"
    return None


def _path_of(dataset: Any, index: int) -> str | None:
    """Path of an item's file, of a dataset that lists its ``samples`` as torchvision's folders do."""
    if _is_part(dataset):
        return _path_of(dataset.dataset, int(dataset.indices[index])) if len(dataset) else None
    samples = getattr(dataset, "samples", None)
    if callable(own := getattr(dataset, "name_of", None)):
        return str(own(index))
    if isinstance(samples, list) and samples and isinstance(samples[0], tuple | list):
        first = samples[index][0]
        return str(first) if isinstance(first, str | Path) else None
    return None


def has_floats(dataset: Any) -> bool:
    """Check that a dataset's images are tensors of floats, by the first one."""
    try:
        image = dataset[0][0]
    except Exception:  # the dataset's own error is reported where its images are decoded
        return False
    tensor = torch_class("Tensor")
    return tensor is not None and isinstance(image, tensor) and image.is_floating_point()


def image_of(image: Any) -> Any:
    """An image as the zoo decodes it: floats in 0..1, as of ``ToTensor``, as bytes.

    Raises:
        ContractError: a float is outside of 0..1, as of normalised images.
    """
    tensor = torch_class("Tensor")
    if tensor is None or not isinstance(image, tensor) or not image.is_floating_point():
        return image
    low, high = float(image.min()), float(image.max())
    if not (low >= 0 and high <= 1):
        raise ContractError(
            f"an image of the dataset has floats in {low:.3g}..{high:.3g}, not in 0..1 or bytes. A run normalises the "
            "images itself: leave out Normalize in the dataset's transform"
        )
    return (image * 255).round().byte()
