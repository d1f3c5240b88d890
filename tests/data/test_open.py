"""From a dataset to decoded splits: one class list for all, val never from test, and what breaks the contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.data.decode import Shape
from zoo.data.open import ALL, Opener, evaluation_split, open_training, training_splits
from zoo.errors import ContractError, DataError, RequestError
from zoo.job.request import entry_of


class Squares:
    """Squares of one shade a class, without files."""

    def __init__(self, labels: list[str], classes: list[str] | None = None):
        self.classes = classes or sorted(set(labels))
        self.targets = [self.classes.index(label) for label in labels]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        label = self.targets[index]
        return np.full((3, 4, 4), ord(self.classes[label][0]), np.uint8), label


def opener(splits: Any, **more: Any) -> Opener:
    return Opener(entry_of("dataset", splits), {}, Shape(4, 3), **more)


def shades(split: Any) -> list[str]:
    """The class that each image shows."""
    return [chr(image[0, 0, 0]) for image in split.gather(np.arange(len(split)))]


def names(split: Any, classes: list[str]) -> list[str]:
    return [classes[label][0] for label in split.labels]


def opened(splits: dict[str, Squares], fraction: float = 0.25, seed: int = 0) -> tuple[dict[str, Any], list[str]]:
    mine = opener(splits)
    train, classes = open_training(mine)
    return training_splits(mine, train, classes, fraction, seed), classes


def test_labels_are_the_jobs_by_name_whatever_order_a_split_has_them_in():
    train = Squares(list("abcabcabc"), ["c", "a", "b"])
    val = Squares(["b", "c"], ["b", "c"])
    found, classes = opened({"train": train, "val": val})
    assert classes == ["a", "b", "c"]
    for split in found.values():
        assert names(split, classes) == shades(split)
    assert names(found["val"], classes) == ["b", "c"], "a class that val lacks is no error"


def test_a_class_that_training_lacks_is_an_error():
    with pytest.raises(DataError, match=r"The val split has a class missing from training: 'd'"):
        opened({"train": Squares(list("abab")), "val": Squares(["a", "d"])})


def test_without_val_a_part_of_train_is_held_out():
    found, classes = opened({"train": Squares(list("aaaabbbb"))})
    assert set(found) == {"train", "val"}
    assert (len(found["train"]), len(found["val"])) == (6, 2)
    assert sorted(names(found["val"], classes)) == ["a", "b"]
    for split in found.values():
        assert names(split, classes) == shades(split)


def test_val_never_comes_from_test():
    found, _ = opened({"train": Squares(list("aaaabbbb")), "test": Squares(list("ab"))})
    assert {name: len(split) for name, split in found.items()} == {"train": 6, "val": 2, "test": 2}
    assert set(found["val"].names).isdisjoint(found["train"].names)


def test_one_class_and_no_train_split_are_errors():
    with pytest.raises(DataError, match=r"There is only one class \(a\)"):
        opened({"train": Squares(["a", "a"])})
    with pytest.raises(DataError, match="has no train split, only val"):
        opened({"val": Squares(["a", "b"])})


def test_a_class_of_which_nothing_is_left_to_train_on_is_named():
    with pytest.raises(DataError, match=r"No training image of 'c' is left"):
        opened({"train": Squares(list("aabb"), ["a", "b", "c"]), "val": Squares(list("ab"))})


def test_an_empty_split_is_named():
    with pytest.raises(DataError, match="The val split of 'Squares' has no images"):
        opened({"train": Squares(list("abab")), "val": Squares([], ["a", "b"])})


@pytest.mark.parametrize("missing", ["__len__", "__getitem__", "classes"])
def test_what_is_no_dataset_breaks_the_contract(missing: str):
    parts = {"__len__": lambda self: 2, "__getitem__": lambda self, i: None, "classes": ["a", "b"]}
    broken = type("Broken", (), {key: value for key, value in parts.items() if key != missing})
    with pytest.raises(ContractError, match=f"gave Broken, which has no {missing}"):
        opener(lambda split: broken()).open("train")


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_outside_the_classes_breaks_the_contract(label: int):
    class Odd(Squares):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            return super().__getitem__(index)[0], label if index == 2 else 0

    dataset = Odd(list("abab"))
    with pytest.raises(ContractError, match=rf"gave the label {label} with 2 classes"):
        opened({"train": dataset})


def test_parameters_that_a_dataset_refuses_are_told():
    def picky(split: str) -> Any:
        raise ValueError("size must be odd")

    with pytest.raises(RequestError, match="dataset 'python/picky' rejects its parameters: size must be odd"):
        opener(picky).open("train")


def test_decoding_is_told_with_the_splits_name():
    told: list[tuple[str, int, int]] = []
    mine = opener({"train": Squares(list("abab"))}, preparing=lambda *what: told.append(what))
    train, classes = open_training(mine)
    training_splits(mine, train, classes, 0.5, 0)
    assert told == [("decoding train images", i, 4) for i in range(1, 5)]


@pytest.mark.parametrize(
    ("splits", "asked", "used"),
    [
        (("train", "val", "test"), None, "test"),
        (("train", "val"), None, "val"),
        (("train",), None, ALL),
        (("test",), None, "test"),
        (("train", "val"), "train", "train"),
        (("train", "val"), ALL, ALL),
    ],
)
def test_the_split_to_evaluate_is_the_one_asked_for_or_the_most_telling(splits: Any, asked: str | None, used: str):
    assert evaluation_split(opener({split: Squares(list("ab")) for split in splits}), asked) == used


def test_a_split_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(RequestError, match=r"There is no split 'tset'; there are: train, test"):
        evaluation_split(opener({"train": Squares(list("ab")), "test": Squares(list("ab"))}), "tset")
