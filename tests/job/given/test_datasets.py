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


# -- values -------------------------------------------------------------------------------------------

AGES = torch.linspace(1, 8, 8) + 0.25
POINTS = torch.stack([AGES, -AGES], 1)


class Aged(Named):
    """Floats for labels, with class names that mean something else."""

    def __init__(self, labels: Any = AGES):
        super().__init__()
        self.labels = labels

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return PIXELS[index], self.labels[index]


@pytest.mark.parametrize(
    ("value", "more", "names"),
    [
        (TensorDataset(PIXELS, AGES), {}, ["value"]),
        (TensorDataset(PIXELS, AGES), {"classes": ["age"]}, ["age"]),
        (TensorDataset(PIXELS, POINTS), {"task": "regression"}, ["value 1", "value 2"]),
        (TensorDataset(PIXELS, POINTS), {"classes": ["x", "y"], "task": "auto"}, ["x", "y"]),
        (TensorDataset(PIXELS, AGES.round()), {"task": "regression"}, ["value"]),
        (TensorDataset(PIXELS, LABELS), {"task": "regression"}, ["value"]),
        (Subset(TensorDataset(PIXELS, AGES), range(8)), {}, ["value"]),
        (Aged(), {"task": "regression"}, ["value"]),
        (Aged(AGES.numpy()), {"task": "regression"}, ["value"]),
        (Aged(POINTS.tolist()), {"task": "regression"}, NAMES),
        (Rows({"image": [Image.new("RGB", (4, 4))] * 8, "value": AGES.tolist()}), {}, ["value"]),
    ],
)
def test_floats_are_values(value: Any, more: dict[str, Any], names: list[str]):
    entry = entry_of("dataset", value, **more)
    assert entry.factory().peek()["task"] == "regression"
    found = opened(value, **more)
    assert (found.task, found.classes) == ("regression", names)
    splits = decoded(value, **more)
    assert splits["train"].labels.dtype.kind == "f"
    assert len(splits["train"].labels) == 6
    assert splits["train"].labels.shape[1] == len(names)


def test_an_object_that_states_its_task_is_given_on_as_it_is():
    class Own(Aged):
        task, classes = "regression", ["age"]

    own = Own()
    assert opened(own) is own


def test_splits_of_values_share_their_names():
    both = {"train": TensorDataset(PIXELS, AGES), "validation": TensorDataset(PIXELS, AGES + 1)}
    assert {split: opener(both).open(split).classes for split in ("train", "val")} == {
        "train": ["value"],
        "val": ["value"],
    }


def test_integers_with_class_names_stay_classes():
    """The core reads their names as numbers, where the job asks for it."""
    found = opened(TensorDataset(PIXELS, LABELS), classes=["10", "20"], task="regression")
    assert getattr(found, "task", None) is None
    assert found.classes == ["10", "20"]


@pytest.mark.parametrize(
    ("value", "more", "said"),
    [
        (TensorDataset(PIXELS, AGES.round()), {}, r'labels that are floats. .*zoo.run\(…, task="regression"\)'),
        (TensorDataset(PIXELS, POINTS), {"classes": ["x"], "task": "regression"}, "1 names, and a label .* 2 values"),
        (TensorDataset(PIXELS, LABELS), {}, "no names of its classes"),
    ],
)
def test_what_may_be_either_is_refused_with_what_to_say(value: Any, more: dict[str, Any], said: str):
    with pytest.raises(RequestError, match=said):
        entry_of("dataset", value, **more)


def test_several_labels_as_floats_are_no_values():
    class Several(Aged):
        multilabel = True

    found = opened(Several(torch.eye(8)[:, :2]))
    assert found.multilabel
    assert entry_of("dataset", Several(torch.eye(8)[:, :2])).factory().peek()["task"] is None


def test_a_run_is_asked_for_a_regression_in_one_word():
    from zoo.host.loader import open_registry
    from zoo.job.resolve import resolve

    asked = {"architecture": "simple_cnn", "dataset": TensorDataset(PIXELS, AGES), "task": "regression"}
    job = resolve(make_request(asked), open_registry()).job
    assert (job.task, job.loss.name, job.train.monitor) == ("regression", "mse", "val/mae")
