"""Labels of a dataset: integers, checked for every item; anything else is an error with dataset, item and value."""

from __future__ import annotations

import math
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.data.decode import Shape, read_item
from zoo.data.decoded_rows import labels_of
from zoo.data.labels import label_index, label_indices
from zoo.data.open import Opener
from zoo.errors import ContractError
from zoo.plugin import Dataset
from zoo.registry.entry import Entry, Origin

TWO = SimpleNamespace(classes=["a", "b"], multilabel=False)
WHOLE_FLOATS = [1.0, np.float32(1), np.float64(1), torch.tensor(1.0), np.array([1.0])]
BETWEEN = [0.7, np.float32(1.5), torch.tensor(-0.5), math.nan, math.inf]
BOOLS = [True, False, np.True_, torch.tensor(True), np.array([True])]
OTHERS = ["1", "1.5", "cat", None, [1], (1,), np.array([0, 1]), torch.tensor([0, 1])]


class Animal(IntEnum):
    CAT = 0
    DOG = 1


@pytest.mark.parametrize("label", [*WHOLE_FLOATS, *BETWEEN, *BOOLS, *OTHERS], ids=repr)
def test_a_label_that_is_no_integer_is_refused(label: Any):
    with pytest.raises(ContractError, match=r"a label must be an integer, an index into \.classes"):
        label_index(label)
    with pytest.raises(ContractError, match=r"^item 0: a label must be an integer"):
        read_item([(Image.new("L", (2, 2)), label)], 0)


@pytest.mark.parametrize("labels", [[0.0, 1.0], [0, 1.7], np.array([0.0, 1.0]), np.array([True, False]), ["0", "1"]])
def test_so_is_an_array_of_them(labels: Any):
    with pytest.raises(ContractError, match="a label must be an integer"):
        labels_of(TWO, labels)


@pytest.mark.parametrize(
    ("label", "advice"),
    [
        (1.0, "it is 1.0 (float). Convert it in the dataset: int(label)"),
        (True, "it is True (bool). Convert it in the dataset: int(label)"),
        ("1", "it is '1' (str). Convert it in the dataset: int(label)"),
        (torch.tensor(1.0), "it is tensor(1.) (Tensor of float32). Convert it in the dataset: int(label)"),
        (1.7, "it is 1.7 (float). Map it to a class in the dataset"),
        ("cat", "it is 'cat' (str). Convert it in the dataset: self.classes.index(label)"),
        (None, "it is None (NoneType)."),
    ],
)
def test_the_message_says_what_to_type(label: Any, advice: str):
    with pytest.raises(ContractError) as caught:
        label_index(label)
    assert str(caught.value).endswith(advice)


@pytest.mark.parametrize("label", [2, np.int8(2), np.array(2), np.array([2]), torch.tensor(2), torch.tensor([2])])
def test_an_integer_of_any_type_is_a_label(label: Any):
    assert label_index(label) == 2
    assert type(label_index(label)) is int


def test_arrays_of_integers_are_labels():
    assert label_index(Animal.DOG) == 1
    for rows in (np.array([0, 1], np.uint8), [0, 1], [torch.tensor(0), torch.tensor(1)]):
        found = labels_of(TWO, rows)
        assert (found.tolist(), found.dtype) == ([0, 1], np.int64)


@pytest.mark.parametrize(
    "label",
    [
        np.array([0, 0.7, 1]),
        np.array([0, 2, 1]),
        np.array([0, np.nan, 1]),
        torch.tensor([0.0, 0.5, 1.0]),
        torch.tensor([-1, 0, 1]),
        np.array([0, 1]),
        [0.0, 1.0],
        [True, False, True],
        [np.True_, np.False_, np.False_],
        [1, 0, 1],
        (0, 0, 1),
        ["1"],
        [3],
        1,
        None,
    ],
    ids=repr,
)
def test_a_multi_label_target_of_another_form_is_refused(label: Any):
    with pytest.raises(ContractError, match="a multi-label target must be a list of indices"):
        label_indices(label, 3)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ([], ()),
        ([2, 0], (0, 2)),
        ({1}, (1,)),
        ([np.int64(1)], (1,)),
        (np.array([0, 1, 1]), (1, 2)),
        (np.array([0.0, 1.0, 1.0]), (1, 2)),
        (torch.tensor([1.0, 0.0, 1.0]), (0, 2)),
        (np.array([True, False, False]), (0,)),
    ],
)
def test_indices_and_arrays_of_0_and_1_are_multi_label_targets(label: Any, expected: tuple[int, ...]):
    assert label_indices(label, 3) == expected


class Items:
    """Images of two classes, the third with another label."""

    def __init__(self, label: Any, *, multilabel: bool = False, names: bool = False):
        self.classes = ["cat", "dog"]
        self.label, self.multilabel = label, multilabel
        if names:
            self.name_of = lambda index: f"photos/{index}.png"

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = np.full((3, 4, 4), index, np.uint8)
        usual: Any = [index % 2] if self.multilabel else index % 2
        return image, self.label if index == 2 else usual


def decode(dataset: Items, split: str = "train") -> Any:
    entry = Entry(Dataset("scans", "m:Scans"), Origin("acme", "zoo-acme", "1.2"), given=lambda split: dataset)
    opener = Opener(entry, {}, Shape(4, 3))
    return opener.decode(opener.open(split), split, dataset.classes)


@pytest.mark.parametrize("label", [1.7, 1.0, "1", True, np.float32(1), torch.tensor(1.0)], ids=repr)
def test_the_dataset_the_item_and_the_value_are_named(label: Any):
    with pytest.raises(ContractError) as caught:
        decode(Items(label))
    text = str(caught.value)
    for word in ("dataset 'acme/scans'", "zoo-acme 1.2", "train split", "item 2", repr(label)):
        assert word in text
    assert decode(Items(1)).labels.tolist() == [0, 1, 1, 1]


def test_the_file_of_the_item_is_named_too():
    with pytest.raises(ContractError, match=r"item 2 \(photos/2.png\)"):
        decode(Items(0.5, names=True))


def test_so_are_those_of_a_multi_label_dataset():
    with pytest.raises(ContractError) as caught:
        decode(Items(np.array([0.2, 0.9]), multilabel=True))
    for word in ("dataset 'acme/scans'", "item 2", "[0.2, 0.9]"):
        assert word in str(caught.value)


def test_targets_that_give_the_labels_without_decoding_are_checked(tmp_path):
    class Files(Items):
        def __init__(self) -> None:
            super().__init__(0)
            self.targets = [0, 1, 1.7, 1]
            for index in range(4):
                Image.new("RGB", (4, 4), (index, 0, 0)).save(self.name_of(index))

        def name_of(self, index: int) -> str:
            return str(tmp_path / f"{index}.png")

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return Image.open(self.name_of(index)), index % 2

    with pytest.raises(ContractError) as caught:
        decode(Files())
    for word in ("dataset 'acme/scans'", "item 2", "2.png", ".targets", "1.7"):
        assert word in str(caught.value)
