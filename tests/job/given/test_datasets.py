"""Datasets given from Python: torch's, torchvision's and Hugging Face's, read as the zoo reads its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import ToTensor

from zoo.data.decode import Shape
from zoo.data.open import Opener, open_training, training_splits
from zoo.data.split import Split
from zoo.errors import ContractError, RequestError
from zoo.job.given import entry_of
from zoo.job.request import make_request

NAMES = ["cat", "dog"]
PIXELS = torch.arange(8 * 3 * 4 * 4, dtype=torch.uint8).reshape(8, 3, 4, 4)
LABELS = torch.tensor([0, 1] * 4)


def opener(value: Any, **more: Any) -> Opener:
    return Opener(entry_of("dataset", value, **more), {}, Shape(4, 3))


def decoded(value: Any, **more: Any) -> dict[str, Split]:
    own = opener(value, **more)
    return training_splits(own, *open_training(own), 0.25, 0)


def opened(value: Any, **more: Any) -> Any:
    return opener(value, **more).open("train")


class Named(Dataset):  # type: ignore[type-arg]
    """Images of floats, as ``ToTensor`` makes them."""

    classes = NAMES

    def __init__(self, scale: float = 1 / 255):
        self.scale = scale

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return PIXELS[index] * self.scale, int(LABELS[index])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.new("RGB", (4, 4), (i * 40, 0, 0)).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_tensors_are_images_whose_classes_are_named():
    splits = decoded(TensorDataset(PIXELS, LABELS), classes=NAMES)
    assert len(splits["train"].labels) == 6
    assert opened(TensorDataset(PIXELS, LABELS), classes=NAMES).targets == LABELS.tolist()


def test_a_subset_has_the_classes_of_its_whole_and_its_own_labels():
    found = opened(Subset(Subset(Named(), [7, 6, 1, 0]), [0, 1, 2]))
    assert found.classes == NAMES
    assert [found[i][1] for i in range(3)] == [1, 0, 1]
    whole = TensorDataset(PIXELS, LABELS)
    assert opened(Subset(whole, [1, 0]), classes=NAMES).targets == [1, 0]
    assert opened(ConcatDataset([Named(), Named()])).classes == NAMES


def test_floats_from_0_to_1_are_the_bytes_that_they_were():
    found = opened(Named())
    assert torch.equal(torch.as_tensor(np.asarray(found[5][0])), PIXELS[5])


def test_normalised_images_are_refused_with_the_remedy():
    with pytest.raises(ContractError, match=r"floats in .*leave out Normalize"):
        opened(Named(scale=1.0))[5]


def test_a_folder_of_torchvision_keeps_the_names_of_its_files(folder: Path):
    found = opened(ImageFolder(str(folder)))
    assert found.name_of(0) == str(folder / "cat" / "0.png")
    assert found.targets == [0] * 4 + [1] * 4
    part = opened(Subset(ImageFolder(str(folder), transform=ToTensor()), [4, 0]))
    assert part.name_of(0) == str(folder / "dog" / "0.png")
    assert len(decoded(ImageFolder(str(folder)))["train"].labels) == 6


class ClassLabel:
    """Like Hugging Face's feature of that name."""

    def __init__(self, names: list[str]):
        self.names = names


class Rows:
    """Like Hugging Face's ``Dataset``: columns by name, rows by number."""

    _fingerprint = "abc"

    def __init__(self, columns: dict[str, list[Any]], features: dict[str, Any] | None = None):
        self.columns, self.features = columns, features
        self.column_names = list(columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, key: Any) -> Any:
        return self.columns[key] if isinstance(key, str) else {name: each[key] for name, each in self.columns.items()}


def rows(**more: Any) -> Rows:
    images = [Image.fromarray(np.full((4, 4, 3), i, np.uint8)) for i in range(8)]
    return Rows({"id": list(range(8)), "img": images, "labels": LABELS.tolist()}, **more)


def test_columns_are_found_by_their_names_and_classes_by_their_feature():
    found = opened(rows(features={"id": 0, "img": 0, "labels": ClassLabel(NAMES)}))
    assert (found.classes, found.targets, found.fingerprint) == (NAMES, LABELS.tolist(), "abc ['cat', 'dog']")
    assert found[3][1] == 1
    assert len(decoded(rows(), classes=NAMES)["train"].labels) == 6


def test_words_as_labels_are_the_classes():
    found = opened(Rows({"image": [Image.new("RGB", (4, 4))] * 3, "label": ["dog", "cat", "dog"]}))
    assert (found.classes, found.targets, found[0][1]) == (["cat", "dog"], [1, 0, 1], 1)


def test_splits_have_the_names_of_the_zoo():
    features = {"id": 0, "img": 0, "labels": ClassLabel(NAMES)}
    own = opener({"train": rows(features=features), "validation": rows(features=features)})
    assert own.splits() == ("train", "val")


def test_the_real_library_is_read_the_same_way(tmp_path: Path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)})
    images = [Image.new("RGB", (4, 4), (i, 0, 0)) for i in range(8)]
    real = datasets.Dataset.from_dict({"image": images, "label": LABELS.tolist()}, features=features)
    found = datasets.DatasetDict({"train": real, "validation": real})
    splits = decoded(found)
    assert (len(splits["train"].labels), len(splits["val"].labels)) == (8, 8)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (TensorDataset(PIXELS, LABELS), r'TensorDataset, has no names of its classes.*classes=\["cat", "dog"\]'),
        (DataLoader(Named()), "Give: loader.dataset"),
        ([1, 2], r"an object of list, has no len\(\) and \[i\]"),
        (5, "The dataset given, 5, has no len"),
        (type("Stream", (IterableDataset,), {"__iter__": lambda self: iter(())})(), "Stream, has no len"),
        (Rows({"x": [1], "label": [0]}), "no column of images; its columns are x, label.*rename_column"),
    ],
)
def test_a_refusal_says_what_was_given_and_the_line_that_works(value: Any, said: str):
    with pytest.raises(RequestError, match=said):
        entry_of("dataset", value)


def test_classes_belong_to_an_object():
    with pytest.raises(RequestError, match="The dataset 'digits' has names of its own"):
        make_request({"architecture": "simple_cnn", "dataset": "digits", "classes": NAMES})
    with pytest.raises(RequestError, match="the class Named makes its own"):
        entry_of("dataset", Named, classes=NAMES)
