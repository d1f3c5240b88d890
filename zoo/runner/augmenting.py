"""The augmentations of a run, with their results checked: a wrong target would train a wrong model silently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.errors import ContractError
from zoo.job.resolve import Resolved
from zoo.registry.entry import Entry
from zoo.runner.build import build_list


def build_augment(resolved: Resolved, size: int, classes: Sequence[str]) -> list[CheckedAugment]:
    """Build the job's augmentations for images of a size in pixels."""
    count, names = len(classes), list(classes)
    found = build_list(resolved, "augment", resolved.job.augment, size, num_classes=count, classes=names)
    entries = [resolved.entry(f"augment.{i}") for i in range(len(found))]
    return [CheckedAugment(*pair, count) for pair in zip(entries, found, strict=True)]


class CheckedAugment:
    """An augmentation whose images and targets are checked by type, shape and dtype.

    Args:
        entry: the component, for messages.
        augment: its object.
        num_classes: number of columns of soft targets.

    Raises:
        ContractError: from a call, the result is invalid.
    """

    def __init__(self, entry: Entry, augment: Any, num_classes: int):
        self.entry, self.augment, self.num_classes = entry, augment, num_classes

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        count, soft = len(images), targets.ndim == 2
        result = self.augment(images, targets)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise self._wrong(f"{type(result).__name__}, not (images, targets)")
        images, targets = result
        if not isinstance(images, Tensor) or not images.is_floating_point() or images.shape[:1] != (count,):
            raise self._wrong(f"images {_form(images)}; for {count} images it must return ({count}, C, H, W) float")
        if images.ndim != 4:
            raise self._wrong(f"images {_form(images)}; they must stay ({count}, C, H, W) float")
        self._check_targets(targets, count, soft)
        return images, targets

    def _check_targets(self, targets: Any, count: int, soft: bool) -> None:
        """Check targets: class weights, or labels where the batch had labels."""
        form = (targets.dtype, *targets.shape) if isinstance(targets, Tensor) else ()
        if form[1:] == (count, self.num_classes) and targets.is_floating_point():
            return
        labels = "" if soft else f"labels ({count},) int64, or "
        if soft or form != (torch.int64, count):
            raise self._wrong(
                f"targets {_form(targets)}; it must return {labels}class weights ({count}, {self.num_classes}) float"
            )
        if count and targets.device.type == "cpu":  # elsewhere it would be a sync point
            low, high = map(int, targets.aminmax())
            if low < 0 or high >= self.num_classes:
                wrong = low if low < 0 else high
                raise self._wrong(f"the target {wrong}; a label is an index into {self.num_classes} classes")

    def _wrong(self, what: str) -> ContractError:
        return ContractError(f"{self.entry.title} returned {what}.")


def _form(value: Any) -> str:
    """Shape and dtype of a tensor; the type of anything else."""
    if not isinstance(value, Tensor):
        return f"of type {type(value).__name__}"
    return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
