"""A few training samples as the network receives them: decoded, and in several random augmentations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.api.images import (
    TRAIN,
    VAL,
    Batches,
    Labels,
    Normalize,
    Opener,
    Pixels,
    Shape,
    Split,
    build_list,
    build_opener,
    depth_notices,
    groups_of,
    hold_out,
    hold_out_fold,
    is_multilabel,
    label_indices,
    label_map,
    labels_of,
    loses_values,
    mostly_8_bits,
    name_of,
    open_training,
    opened,
    pixels_of,
    read_item,
    renumbered,
    resolve_window,
    seed_everything,
    to_pixels,
    viewable,
)
from zoo.api.jobs import Job, Resolved, listing
from zoo.errors import BadImage, DataError, RequestError

Shares = dict[str, float]
TRIES = 20
"""Maximum number of undecodable images that are skipped per image shown."""


@dataclass(frozen=True)
class Samples:
    """Decoded images, and their augmentations.

    Args:
        classes: the job's classes.
        names: names of the n images in the dataset.
        labels: class of each image; of a multi-label task, comma-separated names.
        decoded: uint8 (n, H, W, C).
        drawn: float32 (n, draws, C, H, W): the network's input with normalisation undone, in 0..1 unless the
            augmentation exceeds it.
        shares: class -> share of the target, for each image and draw.
        skipped: ``{"name", "reason"}`` of each undecodable image.
        notices: what decoding loses, and the window of images that keep their values.
    """

    classes: list[str]
    names: list[str]
    labels: list[str]
    decoded: Pixels
    drawn: NDArray[np.float32]
    shares: list[list[Shares]]
    skipped: list[dict[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def draw_samples(resolved: Resolved, *, split: str = TRAIN, count: int = 6, draws: int = 5) -> Samples:
    """Decode ``count`` images of a split, evenly over the classes, and augment each ``draws`` times.

    Only these images are decoded. They pass through the training pipeline as one batch of ``count * draws``, so that
    random values shared by a batch are visible as such.

    Raises:
        ZooError: the dataset, split or augmentation is invalid.
    """
    job = resolved.job
    seed_everything(job)
    opener = build_opener(resolved)
    train, classes = open_training(opener)
    dataset, candidates = _candidates(opener, train, split, job)
    order = list(candidates)
    chosen, skipped, depths = _decode(dataset, order, opener.shape, count)
    narrow = sum(pixels.dtype == np.uint8 for _, pixels, _ in chosen)
    if job.data.window == "auto" and mostly_8_bits(narrow, len(chosen)):
        chosen, skipped, depths = _decode(dataset, order, opener.shape._replace(values="8-bit"), count)
    if not chosen:
        raise DataError(
            f"None of the first {len(skipped)} images of {split} can be decoded: "
            f"{skipped[0]['name']} ({skipped[0]['reason']})."
        )
    chosen.sort(key=lambda item: item[2])
    mapping = label_map(dataset.classes, classes, split)
    labels = renumbered(labels_of(dataset, [label for _, _, label in chosen]), mapping, len(classes))
    decoded = np.stack([pixels for _, pixels, _ in chosen])
    window, notices = _window(job, decoded, labels)
    drawn, targets = _augmented(resolved, decoded, labels, classes, draws, window)
    return Samples(
        classes=classes,
        names=[name_of(dataset, index) for index, _, _ in chosen],
        labels=[_label_words(label, classes) for label in labels],
        decoded=viewable(decoded, window),
        drawn=drawn,
        shares=[[_shares(target, classes) for target in row] for row in targets],
        skipped=skipped,
        notices=[*depth_notices(depths, len(chosen), "images"), *notices],
    )


def _window(job: Job, decoded: Pixels, labels: Labels) -> tuple[Any, list[str]]:
    """Window of the images as a run would have it, and a notice where only these images give its numbers."""
    shown = Split("shown", decoded, labels, [""] * len(decoded))
    if (found := resolve_window(job.data.window, shown)) is None:
        return job.data.scale, []
    (low, high), _ = found
    return (low, high), [
        f"the window is of these images, {low:,.6g} to {high:,.6g}; a run resolves it from all training images"
    ]


def _candidates(opener: Opener, train: Any, split: str, job: Job) -> tuple[Any, Iterator[int]]:
    """Dataset object that contains the split, and an iterator over its items in random order."""
    names, data = opener.splits(), job.data
    valid = [*names, *([VAL] if VAL not in names else [])]
    if split not in valid:
        raise RequestError(f"There is no split {split!r}; there are: {listing(valid)}.")
    held_out = split in (TRAIN, VAL) and (VAL not in names or data.fold is not None)
    dataset = train if held_out or split == TRAIN else opener.open(split)
    labels, items = _labels(dataset), np.arange(len(dataset))
    if held_out and labels is None and split == VAL:
        raise RequestError(
            "The dataset has no val split, and its labels are unknown without decoding all images: leave out "
            "--split to see training images."
        )
    if held_out and labels is not None:
        groups = groups_of(dataset)
        if data.folds is not None and data.fold is not None:
            kept, held = hold_out_fold(labels, data.folds, data.fold, job.seed, dataset.classes, groups)
        else:
            kept, held = hold_out(labels, data.val_fraction, job.seed, groups)
        items = held if split == VAL else kept
    return dataset, _evenly(items, labels, np.random.default_rng(job.seed))


def _labels(dataset: Any) -> Labels | None:
    """Labels of all items, where they are known without decoding; else None."""
    targets = getattr(dataset, "targets", None)
    if targets is not None and is_multilabel(dataset):
        count = len(dataset.classes)
        return labels_of(dataset, [label_indices(target, count) for target in targets])
    return labels_of(dataset, targets) if targets is not None and np.ndim(targets) == 1 else None


def _evenly(items: NDArray[np.int64], labels: Labels | None, generator: np.random.Generator) -> Iterator[int]:
    """Yield each item once, in random order, cycling over the classes.

    Multi-label items are yielded in random order only.
    """
    items = generator.permutation(items)
    if labels is None or labels.ndim == 2:
        yield from map(int, items)
        return
    rows = [list(items[labels[items] == label]) for label in generator.permutation(np.unique(labels[items]))]
    for place in range(max(map(len, rows), default=0)):
        yield from (int(row[place]) for row in rows if place < len(row))


def _decode(
    dataset: Any, candidates: Iterable[int], shape: Shape, count: int
) -> tuple[list[tuple[int, Pixels, Any]], list[dict[str, str]], Counter[str]]:
    """Decode the first ``count`` decodable items.

    Returns:
        Index, pixels and label of each item; undecodable items; and counts of depths of which something is lost.
    """
    depths: Counter[str] = Counter()
    chosen: list[tuple[int, Pixels, Any]] = []
    skipped: list[dict[str, str]] = []
    for index in candidates:
        try:
            item, label = read_item(dataset, index)
            item = opened(item) if isinstance(item, Path) else item
            depth = loses_values(item, shape.values)
            chosen.append((index, to_pixels(item, *shape), label))
            depths.update(filter(None, [depth]))
        except BadImage as error:
            skipped.append({"name": name_of(dataset, index), "reason": str(error)})
        if len(chosen) == count or len(skipped) == count * TRIES:
            break
    return chosen, skipped, depths


def _augmented(
    resolved: Resolved, decoded: Pixels, labels: Labels, classes: Sequence[str], draws: int, window: Any
) -> tuple[NDArray[np.float32], list[Tensor]]:
    """Network input (n, draws, C, H, W) with normalisation undone, and the targets of each image's draws."""
    job, count = resolved.job, len(decoded)
    size = job.train.train_size
    given = {"num_classes": len(classes), "classes": list(classes)}
    augment = build_list(resolved, "augment", job.augment, size, **given)
    normalize = Normalize(job.data.mean, job.data.std, torch.device("cpu"), window)
    shown = Split("shown", decoded, labels, [""] * count)
    batches = Batches(shown, count * draws, normalize, augment=augment)
    batches.size, batches.room = size, 1 / job.train.size_fraction
    images, targets = batches.prepare(
        pixels_of(list(decoded)).repeat_interleave(draws, 0), torch.from_numpy(labels).repeat_interleave(draws, 0)
    )
    unit = normalize.undone(images).float()
    return unit.view(count, draws, *unit.shape[1:]).numpy(), list(targets.view(count, draws, *targets.shape[1:]))


def _label_words(label: Any, classes: Sequence[str]) -> str:
    """Names of a label: ``cat``; of a multi-label item ``cat, dog``, or ``none``."""
    if np.ndim(label) == 0:
        return classes[int(label)]
    return ", ".join(name for name, has in zip(classes, label, strict=True) if has) or "none"


def _shares(target: Tensor, classes: Sequence[str]) -> Shares:
    """Convert a target, () int64 or (K,) soft, to class -> share, the largest first."""
    if target.ndim == 0:
        return {classes[int(target)]: 1.0}
    found = {name: float(share) for name, share in zip(classes, target, strict=True) if float(share) > 0}
    return dict(sorted(found.items(), key=lambda item: -item[1]))
