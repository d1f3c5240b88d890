"""Checks of datasets: images, valid labels, determinism, and use in worker processes."""

from __future__ import annotations

import pickle
from typing import Any

from zoo.data.decode import to_pixels
from zoo.data.labels import is_multilabel, label_index, label_indices
from zoo.data.open import TRAIN
from zoo.errors import ContractError, DataError
from zoo.plugin import Dataset
from zoo.registry.suggest import listing
from zoo.testing.checking import contract
from zoo.testing.outcome import fail, need, skip
from zoo.testing.splits import SIDE, equal, in_a_worker, indices, known_label, open_all, opened, pixels_of, root_for
from zoo.testing.subject import Subject, first_line

KIND = "dataset"
KNOWN_SPLITS = ("train", "val", "test", "all")


@contract(KIND, "can be opened", "Take root and split, and need no network access with the component's example.")
def _can_beopened(subject: Subject) -> None:
    subject.factory()
    with root_for(subject) as root:
        try:
            splits = open_all(subject, root)
        except DataError as error:
            skip(f"it needs data; give parameters for a test in the component's example: {error}")
    need(TRAIN in splits, f"it has no train split, only {listing(splits)}.")
    need(set(splits) <= set(KNOWN_SPLITS), f"its splits are {listing(splits)}; there are: {listing(KNOWN_SPLITS)}.")
    for name, dataset in splits.items():
        missing = [n for n in ("__len__", "__getitem__", "classes") if not hasattr(dataset, n)]
        need(not missing, f"its {name} split is a {type(dataset).__name__}, which has no {listing(missing)}.")
        need(len(dataset) > 0, f"its {name} split is empty.")


@contract(KIND, "class names", "Set .classes to a list of unique names; train must have all of them.")
def _names_its_classes(subject: Subject) -> None:
    with opened(subject) as splits:
        for name, dataset in splits.items():
            classes = list(dataset.classes)
            odd = [c for c in classes if not isinstance(c, str) or not c.strip()]
            need(not odd, f"a class of its {name} split is named {odd[:1]}, which is not a string.")
            twice = sorted({c for c in classes if classes.count(c) > 1})
            need(not twice, f"its {name} split has two classes named {listing(twice)}.")
            unknown = [c for c in classes if c not in splits[TRAIN].classes]
            need(not unknown, f"its {name} split has classes missing from training: {listing(unknown)}.")
        need(len(splits[TRAIN].classes) >= 2, "it has fewer than two classes.")


@contract(KIND, "label range", "Return labels as indices into .classes, starting at 0.")
def _labels_areindices(subject: Subject) -> None:
    with opened(subject) as splits:
        for name, dataset in splits.items():
            count = len(dataset.classes)
            for index in indices(dataset):
                label = dataset[index][1]
                if is_multilabel(dataset):
                    _are_indices(label, count, f"item {index} of its {name} split")
                    continue
                found = _index(label, f"item {index} of its {name} split")
                need(
                    0 <= found < count, f"item {index} of its {name} split has the label {found} with {count} classes."
                )


def _index(label: Any, item: str) -> int:
    """Convert the label of an image in a single-label dataset."""
    try:
        return label_index(label)
    except ContractError:
        fail(f"{item} has the label {label!r}, which is not an integer.")


def _are_indices(label: Any, count: int, item: str) -> None:
    """Check the label of an image in a multi-label dataset."""
    try:
        label_indices(label, count)
    except ContractError as error:
        fail(f"{item}: {error}.")


@contract(KIND, "images", "Return a PIL image, or a tensor of numbers (C, H, W), with the component's in_chans.")
def _items_are_images(subject: Subject) -> None:
    chans = subject.component.in_chans if isinstance(subject.component, Dataset) else 3
    with opened(subject) as splits:
        for name, dataset in splits.items():
            for index in indices(dataset):
                try:
                    to_pixels(dataset[index][0], SIDE, chans)
                except (ContractError, DataError) as error:
                    fail(f"item {index} of its {name} split: {error}.")


@contract(KIND, "determinism", "Use no random numbers, or a seed for each item; sort listings of folders.")
def _is_the_same_each_time(subject: Subject) -> None:
    with opened(subject) as splits, opened(subject) as again:
        for name, dataset in splits.items():
            other = again[name]
            need(len(dataset) == len(other), f"its {name} split has {len(dataset)} items, then {len(other)}.")
            need(list(dataset.classes) == list(other.classes), f"opened twice, its {name} split has different classes.")
            first = pixels_of(dataset)
            need(equal(first, pixels_of(dataset)), f"an item of its {name} split differs when read twice.")
            need(equal(first, pixels_of(other)), f"opened twice, its {name} split has different items.")


@contract(KIND, "targets", "Set .targets to the labels of the items, in their order.")
def _targets_agree(subject: Subject) -> None:
    with opened(subject) as splits:
        if not any(hasattr(dataset, "targets") for dataset in splits.values()):
            skip("it has no .targets, which give the labels without decoding.")
        for name, dataset in splits.items():
            targets = [known_label(dataset, target) for target in getattr(dataset, "targets", ())]
            need(len(targets) == len(dataset), f"its {name} split has {len(targets)} targets, {len(dataset)} items.")
            for index in indices(dataset):
                label = known_label(dataset, dataset[index][1])
                agrees = targets[index] == label
                need(agrees, f"item {index} of its {name} split is labelled {label}, its target is {targets[index]}.")


@contract(KIND, "ends", "Raise IndexError for an index past the end: Python's iteration relies on it.")
def _ends(subject: Subject) -> None:
    with opened(subject) as splits:
        for name, dataset in splits.items():
            try:
                dataset[len(dataset)]
            except IndexError:
                continue
            fail(f"its {name} split has {len(dataset)} items, but returns one more.")


@contract(KIND, "spawned workers", "Keep no open files, locks or lambdas in the object; define its class in a module.")
def _goes_to_workers(subject: Subject) -> None:
    with opened(subject) as splits:
        expected = {name: pixels_of(dataset, 2) for name, dataset in splits.items()}
        if not all(equal(pixels, pixels_of(splits[name], 2)) for name, pixels in expected.items()):
            skip("it differs each time.")
        try:
            sent = pickle.dumps(splits)
        except Exception as error:
            fail(f"it can't be pickled: {first_line(error)}.")
        there = in_a_worker(sent)
    for name, pixels in expected.items():
        need(equal(pixels, there[name]), f"its {name} split has different items in a worker.")
