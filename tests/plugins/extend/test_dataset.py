"""The images of an extended run, as its job opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import JobError, UnknownName
from zoo_extend.dataset import ExtendedImages

Pictures = Callable[..., Path]
FOLDER = [{"name": "images/image_folder", "params": {}}]


def test_new_pictures_follow_the_old_ones_in_each_split(pair: Path, pictures: Pictures):
    added = [["blue", str(pictures("blue", 10))]]
    splits = {name: ExtendedImages(pair, name, FOLDER, added, 0.3, seed=1) for name in ("train", "val")}
    assert ExtendedImages.available_splits(pair, FOLDER, added) == ("train", "val")
    assert [len(each) for each in splits.values()] == [24 + 7, 16 + 3]
    for each in splits.values():
        assert each.classes == ["green", "red", "blue"]
        assert each.targets[-3:] == [2, 2, 2]
        assert each[len(each) - 1] == (Path(each.name_of(len(each) - 1)), 2)
    names = [{each.name_of(i) for i in range(len(each))} for each in splits.values()]
    assert not names[0] & names[1]


def test_the_division_is_a_function_of_the_seed(pair: Path, pictures: Pictures):
    added = [["blue", str(pictures("blue", 10))]]

    def names(seed: int) -> list[str]:
        return [path.name for path in ExtendedImages(pair, "val", FOLDER, added, 0.3, seed).new.paths]

    assert names(1) == names(1)
    assert len({tuple(names(seed)) for seed in range(6)}) > 1


def test_without_a_val_split_all_new_pictures_are_in_train(colours: Path, pictures: Pictures):
    added = [["white", str(pictures("white", 10))]]
    found = ExtendedImages(colours, "train", FOLDER, added)
    assert ExtendedImages.available_splits(colours, FOLDER, added) == ("train",)
    assert found.targets.count(3) == 10


class Arrays:
    """A dataset of arrays with a key of their content, and a patient for each."""

    classes, targets, fingerprint, groups = ("cat", "dog"), [0, 1, 1], "abc", ["x", "y", "y"]

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return np.full((3, 8, 8), index, np.uint8), self.targets[index]


class Arranged:
    """Opens the arrays in place of a component."""

    def open(self, split: str) -> Arrays:
        return Arrays()

    def splits(self) -> tuple[str, ...]:
        return ("train",)


def test_what_the_old_dataset_says_of_itself_is_kept(pictures: Pictures, monkeypatch: pytest.MonkeyPatch):
    """Images that are no files are decoded once only where their content has a key, which the new files are part of."""
    monkeypatch.setattr("zoo_extend.dataset._opener", lambda root, base: Arranged())
    folder = pictures("blue", 2)
    first = ExtendedImages(None, "train", None, [["blue", str(folder)]])
    assert first.targets == [0, 1, 1, 2, 2]
    assert first.groups == ["x", "y", "y", str(folder / "000.png"), str(folder / "001.png")]
    assert first[1][0].tolist() == np.full((3, 8, 8), 1).tolist()
    assert first.name_of(1) == "image 1"
    assert first.fingerprint == ExtendedImages(None, "train", None, [["blue", str(folder)]]).fingerprint
    (folder / "000.png").write_bytes((folder / "001.png").read_bytes())
    assert first.fingerprint != ExtendedImages(None, "train", None, [["blue", str(folder)]]).fingerprint


def test_an_unknown_dataset_and_a_wrong_parameter(pair: Path):
    with pytest.raises(UnknownName, match="image_foldr"):
        ExtendedImages(pair, "train", [{"name": "images/image_foldr", "params": {}}])
    with pytest.raises(JobError, match="has no parameter 'sise'"):
        ExtendedImages(pair, "train", [{"name": "images/image_folder", "params": {"sise": 3}}])
