"""Attributes of images: of a part of a split, of images that could be decoded, and from any dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import Subset

from zoo.data.attributes import Attributes, attributes_of
from zoo.data.store import decode_split
from zoo.errors import ContractError, DataError
from zoo.job.given.items import Items
from zoo_images.tables import ImageCsv


class Squares:
    """Grey squares with a camera each; the second one can't be decoded."""

    classes = ("dark", "light")

    def __init__(self, attributes: Any):
        self.attributes = attributes

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if index == 1:
            raise OSError("truncated")
        return np.full((3, 4, 4), 60 * index, np.uint8), index % 2


def test_they_belong_to_the_decoded_images_and_their_parts():
    decoded = decode_split(Squares({"camera": ["a", "b", None, 4]}), (4, 3))  # type: ignore[arg-type]
    assert decoded.attributes is not None
    assert list(decoded.attributes) == ["camera"]
    assert decoded.attributes["camera"] == ["a", "", "4"]
    assert decoded.attributes.part(np.array([2, 0]))["camera"] == ["4", "a"]
    assert decoded.attributes.part(np.array([2, 0])).part(np.array([1]))["camera"] == ["a"]


def test_a_dataset_without_any():
    assert attributes_of(Squares(None), np.arange(4)) is None


def test_what_breaks_the_contract_is_said():
    with pytest.raises(ContractError, match="must map names to values, not be list"):
        attributes_of(Squares(["a", "b", "c", "d"]), np.arange(4))
    with pytest.raises(ContractError, match=r"must have a value for each of its 4 images, not 3"):
        Attributes({"camera": ["a", "b", "c"]}, np.arange(4), 4)["camera"]


def test_a_dataset_from_python_and_a_subset_of_it_keep_theirs():
    squares: Any = Squares({"camera": ["a", "b", "c", "d"]})
    given: Any = Items(Subset(squares, [3, 0]), ["dark", "light"])
    assert given.attributes == {"camera": ["d", "a"]}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for i in range(4):
        Image.new("RGB", (4, 4), (60 * i,) * 3).save(tmp_path / f"{i}.png")
    lines = ["path,label,split,camera,group", "0.png,a,train,north,p1", "", "1.png,b,train, south ,p2"]
    (tmp_path / "list.csv").write_text("\n".join([*lines, "2.png,a,val,,p3", "3.png,b,val"]))
    return tmp_path / "list.csv"


def test_further_columns_of_a_csv_file(table: Path):
    images, held = ImageCsv(table, "train"), ImageCsv(table, "val")
    assert isinstance(images.attributes, Mapping)
    assert list(images.attributes) == ["camera", "group"]
    assert images.attributes["camera"] == ["north", "south"]
    assert held.attributes["camera"] == ["", ""]
    assert held.attributes["group"] == ["p3", ""]
    with pytest.raises(KeyError):
        images.attributes["label"]


def test_columns_of_classes_are_no_attributes(tmp_path: Path):
    (tmp_path / "list.csv").write_text("file,cat,dog,site\n0.png,1,0,x\n1.png,0,1,y\n")
    images = ImageCsv(tmp_path / "list.csv", "train", path_column="file", class_columns=["cat", "dog"])
    assert dict(images.attributes) == {"site": ["x", "y"]}


def test_a_file_that_was_shortened_meanwhile(table: Path):
    images = ImageCsv(table, "train")
    table.write_text("path,label,split,camera,group\n0.png,a,train,north,p1\n")
    with pytest.raises(DataError, match=r"list.csv was changed while it was read"):
        images.attributes["camera"]
