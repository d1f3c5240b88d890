"""Facts about a dataset that a job's defaults depend on, from its factory or its training split.

Each fact is determined when a rule or a recipe needs it, so that a job with all values chosen opens nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from zoo.data.picture_formats import value_suffixes
from zoo.errors import ContractError, ZooError
from zoo.job.rules import on_ladder
from zoo.plugin import TASKS
from zoo.registry.entry import Entry
from zoo.registry.suggest import did_you_mean, listing

SAMPLE = 48
"""Number of images whose size is measured, evenly spread over the training split."""


def peek(factory: Callable[..., Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Call ``factory.peek(**params)`` where defined, and complete the result.

    Returns:
        ``task`` (one of :data:`zoo.plugin.TASKS`) and ``multilabel`` (bool) of the same meaning; ``in_chans`` (int),
        also from the image whose path is ``first``; ``source`` (str); ``provisional`` (str).

    Raises:
        ZooError: raised by the dataset, or it states an unknown task.
    """
    ask = getattr(factory, "peek", None)
    found = dict(ask(**params)) if callable(ask) else {}
    found["task"] = stated_task(found.get("task"), found.get("multilabel")) or stated_task_of(factory) or TASKS[0]
    found["multilabel"] = found["task"] == "multi-label"
    first = found.pop("first", None)
    if found.get("in_chans") is None and first is not None and Path(first).suffix.lower() in value_suffixes():
        found["in_chans"] = _channels(Path(first))  # others are greyscale or colour, and need not be opened
    return found


def stated_task(task: Any, multilabel: Any) -> str | None:
    """The task that a dataset states by its word or, in the older way, by ``multilabel``; None where it states none.

    Raises:
        ContractError: there is no such task.
    """
    if task is None:
        return None if multilabel is None else TASKS[1 if multilabel is True else 0]
    if task not in TASKS:
        raise ContractError(
            f"the dataset states the task {task!r}.{did_you_mean(str(task), TASKS)} Valid are: {listing(TASKS)}."
        )
    return str(task)


def stated_task_of(dataset: Any) -> str | None:
    """The task that a dataset or its factory states by its attributes ``task`` and ``multilabel``.

    Raises:
        ContractError: there is no such task.
    """
    several = True if getattr(dataset, "multilabel", None) is True else None
    return stated_task(getattr(dataset, "task", None), several)


class DatasetFacts:
    """Facts about one dataset with its parameters, each determined once.

    A fact that can't be determined is None; the run reports the error when it opens the dataset.

    Args:
        entry: registry entry of the dataset.
        params: checked parameters of the factory.
    """

    def __init__(self, entry: Entry, params: Mapping[str, Any]):
        self.entry, self.params = entry, dict(params)
        self._opened: Any = None

    @cached_property
    def peeked(self) -> Mapping[str, Any]:
        """Result of :func:`peek`; empty where it fails."""
        with contextlib.suppress(ZooError):
            return peek(self.entry.factory(), self.params)
        return {}

    @property
    def opened_task(self) -> str | None:
        """Task that the opened training split states; None where it states none or can't be opened."""
        with contextlib.suppress(Exception):  # a plugin's dataset may raise anything; the run reports it
            return stated_task_of(self._train())
        return None

    @property
    def in_chans(self) -> int | None:
        """Number of channels, from the images or as the component declares."""
        return self.peeked.get("in_chans") or getattr(self.entry.component, "in_chans", None)

    @property
    def own_size(self) -> float | None:
        """Side of the images in pixels as declared, else the median of the shorter sides of a sample."""
        return getattr(self.entry.component, "input_size", None) or self.measured.get("own_size")

    @property
    def declared_symmetries(self) -> tuple[str, ...] | None:
        """Symmetries as the component declares."""
        declared: tuple[str, ...] | None = getattr(self.entry.component, "symmetries", None)
        return declared

    @cached_property
    def symmetries(self) -> tuple[str, ...] | None:
        """Symmetries as the component declares, else from a mirror test on some images."""
        declared = self.declared_symmetries
        if declared is not None or not self.measured:
            return declared
        from zoo.data.symmetry import keeps_class_when_mirrored

        kept = keeps_class_when_mirrored(self._train())
        return {True: ("horizontal_flip",), False: (), None: None}[kept]

    def _train(self) -> Any:
        """Training split, opened on first use."""
        if self._opened is None:
            self._opened = self.entry.make(split="train", **self.params)
        return self._opened

    def images(self, val_fraction: float, folds: int | None) -> int | None:
        """Number of training images after holding out the validation part."""
        count: int | None = self.measured.get("images")
        if count is None or (self.measured["has_val"] and not folds):
            return count
        return round(count * (1 - 1 / folds if folds else 1 - val_fraction))

    @cached_property
    def measured(self) -> Mapping[str, Any]:
        """``images``, ``classes``, ``has_val`` and ``own_size`` of the training split; empty if it can't be opened."""
        from zoo.data.decode import side_of
        from zoo.data.splits import available

        with contextlib.suppress(Exception):  # a plugin's dataset may raise anything; the run reports it
            factory = self.entry.factory()
            splits = available(factory, getattr(self.entry.component, "splits", ("train", "val")), self.params)
            dataset = self._train()
            sides = [] if getattr(self.entry.component, "input_size", None) else self._sides(dataset, side_of)
            own = {"own_size": median(sides)} if sides else {}
            return {"images": len(dataset), "classes": len(dataset.classes), "has_val": "val" in splits, **own}
        return {}

    def _sides(self, dataset: Any, side_of: Callable[[Any], int]) -> list[int]:
        """Shorter sides in pixels of a sample of images; images that can't be opened are left out."""
        count = len(dataset)
        sides = []
        for index in sorted({round(i * (count - 1) / (SAMPLE - 1)) for i in range(SAMPLE)}):
            with contextlib.suppress(Exception):
                sides.append(side_of(dataset[index][0]))
        return sides

    def take_opened(self) -> Any:
        """Return the opened training split once; None where it was not opened or was taken before."""
        opened, self._opened = self._opened, None
        return opened


@dataclass(frozen=True)
class JobFacts:
    """Facts about a job's images, as :class:`zoo.job.rules.FactSource` defines them.

    Args:
        dataset: facts about the dataset; None where the job has no valid dataset.
        image_size: side in pixels of the job's images, where known.
        input_size: side in pixels that the network was designed for.
        val_fraction, folds: part of the training split that is held out.
        task: the job's task; None for the dataset's own.
    """

    dataset: DatasetFacts | None
    image_size: int | None = None
    input_size: int | None = None
    task: str | None = None
    val_fraction: float = 0.2
    folds: int | None = None

    def number(self, name: str) -> float | None:
        """Look up one of :data:`zoo.job.rules.NUMBERS`."""
        if name == "image_size":
            return self.image_size
        if self.dataset is None:
            return None
        if name in ("classes", "images_per_class") and self._of_values:
            return None
        if name == "images_per_class":
            images, classes = self.number("images"), self.number("classes")
            return images / classes if images and classes else None
        if name == "images":
            return self.dataset.images(self.val_fraction, self.folds)
        return self.dataset.measured.get("classes") if name == "classes" else getattr(self.dataset, name)

    @property
    def provisional(self) -> str | None:
        """Sentence that explains why a run may find other data than these; None where it won't."""
        return self.dataset.peeked.get("provisional") if self.dataset is not None else None

    def take_opened(self) -> Any:
        """See :meth:`DatasetFacts.take_opened`."""
        return self.dataset.take_opened() if self.dataset is not None else None

    @property
    def symmetries(self) -> tuple[str, ...] | None:
        """Symmetries of the dataset; None where unknown, as for values, unless the dataset declares them."""
        if self.dataset is None:
            return None
        return self.dataset.declared_symmetries if self._of_values else self.dataset.symmetries

    @property
    def _of_values(self) -> bool:
        """The images have values instead of classes."""
        own = self.dataset.peeked.get("task") if self.dataset is not None else None
        return (self.task or own) == "regression"

    def condition(self, name: str) -> Any:
        """Look up a fact for a recipe's ``when``; the image size is the job's, else estimated from the images."""
        if self.dataset is None:
            return None
        if name == "source":
            return self.dataset.peeked.get("source")
        if name == "image_size":
            return self.image_size or (on_ladder(self.dataset.own_size) if self.dataset.own_size else None)
        return self.number(name)


def _channels(path: Path) -> int | None:
    """Number of channels of an image that is neither greyscale nor colour; None otherwise or where it can't be read."""
    from zoo.data.decode import channels_of, decode_errors, open_image

    try:
        image = open_image(path)
        with image if hasattr(image, "close") else contextlib.nullcontext():
            return channels_of(image)
    except decode_errors():
        return None
