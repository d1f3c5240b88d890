"""What every dataset owes: images, labels within its classes, the same ones each time. Those that need no network."""

from __future__ import annotations

import csv
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.data.decode import to_pixels
from zoo.data.open import Opener, training_splits
from zoo.data.splits import available, fixed_classes
from zoo.entry import Entry
from zoo.errors import DataError
from zoo.registry import Registry, open_registry
from zoo.signature import check

ENTRIES = {entry.id: entry for entry in open_registry().entries("dataset") if entry.origin.bundled}
LAYOUT = {"train/red": 5, "train/blue": 4, "val/red": 3, "val/blue": 2, "test/blue": 2}


def as_table(root: Path) -> Path:
    """The same images as a CSV file lists them."""
    with (root / "table.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "label", "split"])
        for path in sorted(root.rglob("*.png")):
            split, label, _ = path.relative_to(root).parts
            lines.writerow([path.relative_to(root), label, split])
    return root / "table.csv"


@pytest.fixture(params=ENTRIES, ids=str)
def opened(request: pytest.FixtureRequest, make_folder: Callable[..., Path]) -> tuple[Entry, dict[str, Any]]:
    """Each dataset with parameters with which it needs no network."""
    given: dict[str, Callable[[], dict[str, Any]]] = {
        "images/cats_dogs": lambda: {"source": "drawn", "drawn_images": 16},
        "images/digits": dict,
        "images/image_folder": lambda: {"root": make_folder(LAYOUT)},
        "images/image_csv": lambda: {"root": as_table(make_folder(LAYOUT))},
    }
    if request.param not in given:
        pytest.skip(f"say in this test with which parameters {request.param} needs no network")
    entry = ENTRIES[request.param]
    factory = entry.factory()
    values, problems = check("dataset", factory, given[request.param](), "dataset")
    assert problems == []
    return entry, {"root": None, **values}


def splits_of(entry: Entry, params: dict[str, Any]) -> tuple[str, ...]:
    return available(entry.factory(), entry.component.splits, params)  # type: ignore[attr-defined]


def every_split(entry: Entry, params: dict[str, Any]) -> dict[str, Any]:
    return {split: entry.factory()(split=split, **params) for split in splits_of(entry, params)}


def pixels(dataset: Any, chans: int, most: int = 8) -> np.ndarray:
    return np.stack([to_pixels(dataset[i][0], 16, chans) for i in range(min(most, len(dataset)))])


def test_there_are_as_many_datasets_as_there_should_be():
    assert set(ENTRIES) >= {"images/cats_dogs", "images/digits", "images/image_csv", "images/image_folder"}


def test_its_splits_are_known_ones_and_none_is_empty(opened: tuple[Entry, dict[str, Any]]):
    found = every_split(*opened)
    assert "train" in found
    assert set(found) <= {"train", "val", "test", "all"}
    assert all(len(dataset) > 0 for dataset in found.values())


def test_a_label_is_an_index_into_the_classes(opened: tuple[Entry, dict[str, Any]]):
    for dataset in every_split(*opened).values():
        labels = [int(dataset[i][1]) for i in range(min(40, len(dataset)))]
        assert set(labels) <= set(range(len(dataset.classes)))
        assert [int(label) for label in dataset.targets[: len(labels)]] == labels
        assert len(dataset.targets) == len(dataset)


def test_classes_are_names_each_once_and_training_has_all(opened: tuple[Entry, dict[str, Any]]):
    found = every_split(*opened)
    names = fixed_classes(found["train"])
    assert len(names) >= 2
    assert set(found["train"].targets) == set(range(len(names)))
    for dataset in found.values():
        assert all(isinstance(name, str) for name in dataset.classes)
        assert set(dataset.classes) <= set(names)


def test_it_is_the_same_each_time(opened: tuple[Entry, dict[str, Any]]):
    entry, _ = opened
    chans = entry.component.in_chans  # type: ignore[attr-defined]
    for one, other in zip(every_split(*opened).values(), every_split(*opened).values(), strict=True):
        assert len(one) == len(other)
        assert list(one.classes) == list(other.classes)
        assert list(one.targets) == list(other.targets)
        assert np.array_equal(pixels(one, chans), pixels(other, chans))
        assert np.array_equal(pixels(one, chans), pixels(one, chans))


def test_no_image_is_in_two_splits(opened: tuple[Entry, dict[str, Any]]):
    entry, params = opened
    seen: dict[bytes, str] = {}
    for split, dataset in every_split(entry, params).items():
        for picture in pixels(dataset, entry.component.in_chans, most=400):  # type: ignore[attr-defined]
            assert seen.setdefault(picture.tobytes(), split) == split


def test_it_can_be_sent_to_another_process(opened: tuple[Entry, dict[str, Any]]):
    chans = opened[0].component.in_chans  # type: ignore[attr-defined]
    for dataset in every_split(*opened).values():
        copy = pickle.loads(pickle.dumps(dataset))
        assert np.array_equal(pixels(copy, chans, 2), pixels(dataset, chans, 2))


def test_it_ends(opened: tuple[Entry, dict[str, Any]]):
    for dataset in every_split(*opened).values():
        with pytest.raises(IndexError):
            dataset[len(dataset)]


def test_what_it_says_of_itself_is_words(opened: tuple[Entry, dict[str, Any]]):
    for dataset in every_split(*opened).values():
        assert isinstance(dataset.source, str)
        assert dataset.source
        assert all(isinstance(text, str) and text for text in getattr(dataset, "notices", ()))
        if hasattr(dataset, "name_of"):
            names = [dataset.name_of(i) for i in range(len(dataset))]
            assert len(set(names)) == len(names)


def test_a_split_that_is_not_there_is_an_error_that_says_which_are(opened: tuple[Entry, dict[str, Any]]):
    entry, params = opened
    with pytest.raises(DataError, match=r"trian.*train"):
        entry.factory()(split="trian", **params)


def test_the_runner_makes_train_and_val_of_it(opened: tuple[Entry, dict[str, Any]]):
    entry, params = opened
    chans = entry.component.in_chans  # type: ignore[attr-defined]
    opener = Opener(entry, params, (16, chans, "squash"))
    train = opener.open("train")
    found = training_splits(opener, train, fixed_classes(train), 0.25, 0)
    assert {"train", "val"} <= set(found)
    for split in found.values():
        images = split.gather(np.arange(min(4, len(split))))
        assert images.shape[1:] == (16, 16, chans)
        assert images.dtype == np.uint8
        assert len(split.labels) == len(split.names) == len(split)


def test_a_dataset_can_be_opened_by_what_it_opens():
    registry: Registry = open_registry()
    assert registry.opener("folder") is not None
    assert registry.opener(".csv") is not None
