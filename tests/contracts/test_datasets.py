"""What the zoo's own datasets owe beyond what ``zoo.testing`` asks of anyone's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.data.decode import Shape, to_pixels
from zoo.data.open import Opener, training_splits
from zoo.data.splits import available, fixed_classes
from zoo.errors import DataError
from zoo.host.loader import open_registry
from zoo.plugin import Dataset
from zoo.registry.entry import Entry
from zoo.registry.registry import Registry
from zoo.registry.signature import check
from zoo.testing.pictures import ARCHIVE, TABLE, write_archive, write_folder, write_table

# These need files: tests/plugins/test_torchvision_data.py tries them on tiny copies, tests/plugins/formats on files of
# other programs.
NEED_FILES = ("torchvision", "formats")
NEEDS_NO_FILES = "torchvision/fake_data"
ENTRIES = {
    entry.id: entry
    for entry in open_registry().entries("dataset")
    if entry.origin.bundled and (entry.origin.plugin not in NEED_FILES or entry.id == NEEDS_NO_FILES)
}


@pytest.fixture(params=ENTRIES, ids=str)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Entry, dict[str, Any]]:
    """Each dataset with parameters with which it needs no network: its example, or small pictures."""
    entry = ENTRIES[request.param]
    factory, component = entry.factory(), entry.component
    assert isinstance(component, Dataset)
    root = write_folder(tmp_path) if component.opens else None
    written = {(TABLE,): write_table, (ARCHIVE,): write_archive}.get(component.opens)
    given = {"root": written(tmp_path) if written else root, **component.example}
    values, problems = check("dataset", factory, given, "dataset")
    assert problems == []
    return entry, values


def splits_of(entry: Entry, params: dict[str, Any]) -> tuple[str, ...]:
    return available(entry.factory(), entry.component.splits, params)  # type: ignore[attr-defined]


def every_split(entry: Entry, params: dict[str, Any]) -> dict[str, Any]:
    return {split: entry.factory()(split=split, **params) for split in splits_of(entry, params)}


def pixels(dataset: Any, chans: int, most: int = 8) -> np.ndarray:
    return np.stack([to_pixels(dataset[i][0], 16, chans) for i in range(min(most, len(dataset)))])


def test_training_has_every_class(opened: tuple[Entry, dict[str, Any]]):
    found = every_split(*opened)
    assert set(found["train"].targets) == set(range(len(fixed_classes(found["train"]))))


def test_no_image_is_in_two_splits(opened: tuple[Entry, dict[str, Any]]):
    entry, params = opened
    seen: dict[bytes, str] = {}
    for split, dataset in every_split(entry, params).items():
        for picture in pixels(dataset, entry.component.in_chans, most=400):  # type: ignore[attr-defined]
            assert seen.setdefault(picture.tobytes(), split) == split


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
    opener = Opener(entry, params, Shape(16, chans))
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
