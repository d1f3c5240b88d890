"""The group of each image: columns, files, and what is said about those that can't be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.data.attributes import Attributes
from zoo.data.split import Split
from zoo.errors import RequestError
from zoo_fairness.values import NO_VALUE, group_values


def split(names: list[str] | None = None, **attributes: list[Any]) -> Split:
    names = names or [f"/photos/{kind}/{i}.jpg" for kind in ("cats", "dogs") for i in (1, 2)]
    known = Attributes(attributes, np.arange(len(names)), len(names)) if attributes else None
    return Split("val", np.zeros((len(names), 2, 2, 3), np.uint8), np.zeros(len(names), int), names, attributes=known)


def refusal(images: Split, column: object) -> str:
    with pytest.raises(RequestError) as caught:
        group_values(images, str(column))
    return str(caught.value)


def test_a_column_of_the_dataset():
    images = split(camera=["north", " ", None, "south"], site=[1, 2, 1, float("nan")])
    assert group_values(images, "camera") == ["north", NO_VALUE, NO_VALUE, "south"]
    assert group_values(images, "site") == ["1", "2", "1", NO_VALUE]


def test_an_unknown_column_is_corrected():
    said = refusal(split(camera=["a", "b", "a", "b"], site=["x"] * 4), "camra")
    assert "no column 'camra'. Did you mean 'camera'?" in said
    assert "Their columns are: camera, site. Type: --group COLUMN" in said


def test_images_of_folders_have_no_columns():
    assert "The val images have no columns" in refusal(split(), "camera")
    assert "--group FILE.csv:COLUMN" in refusal(split(), "camera")


def test_a_column_of_one_value_or_none():
    assert "All val images have 'north' in the column 'camera'" in refusal(split(camera=["north"] * 4), "camera")
    assert "The column 'camera' is blank for all val images" in refusal(split(camera=[""] * 4), "camera")


def test_without_a_column():
    assert refusal(split(camera=["a"] * 4), "") == (
        "The analysis 'groups' needs a column. Type: --group COLUMN, or --group FILE.csv:COLUMN"
    )


def test_too_many_values():
    names = [f"{i}.jpg" for i in range(150)]
    said = refusal(split(names, age=[20 + i / 2 for i in range(150)]), "age")
    assert "has 150 values in the val images" in said
    assert "at most 100 groups can be reported. Its values are numbers: write their ranges into a column" in said
    assert "Its values are numbers" not in refusal(split(names, who=[f"p{i}" for i in range(150)]), "who")


def test_a_file_is_matched_by_the_end_of_the_paths(tmp_path: Path):
    file = tmp_path / "light.csv"
    file.write_text("\ufeffpath, light\n./cats/1.jpg,dark\ncats\\2.jpg,bright\n/photos/dogs/1.jpg, dark\n,none\n")
    assert group_values(split(), f"{file}:light") == ["dark", "bright", "dark", NO_VALUE]


def test_names_alone_are_enough_where_they_are_unique_or_agree(tmp_path: Path):
    file = tmp_path / "light.csv"
    file.write_text("file,light\n1.jpg,dark\n2.jpg,bright\n")
    assert group_values(split(), f"{file}:light") == ["dark", "bright", "dark", "bright"]
    file.write_text("file,light\n1.jpg,dark\n1.jpg,bright\n")
    assert "has several values for /photos/cats/1.jpg: bright, dark" in refusal(split(), f"{file}:light")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no file "),
        (
            "where,light\n1.jpg,dark\n",
            "has no column of paths, path, file, filename, image, name; it has: where, light",
        ),
        ("path,lihgt\n1.jpg,dark\n", "has no column 'light'. Did you mean 'lihgt'? It has: lihgt. Type: --group "),
        ("path,light\n", "has no rows. Each row is an image: path,light"),
        ("path,light\nx/9.jpg,dark\n", "names none of the images: its first path is x/9.jpg, that of an image /photos"),
    ],
)
def test_a_file_that_can_not_be_used(tmp_path: Path, content: str | None, said: str):
    file = tmp_path / "light.csv"
    if content is not None:
        file.write_text(content)
    assert said in refusal(split(), f"{file}:light")


def test_a_file_that_is_not_text(tmp_path: Path):
    (tmp_path / "light.csv").write_bytes(b"path,light\n\xff\xfe,dark\n")
    assert "can't be read as CSV in UTF-8" in refusal(split(), f"{tmp_path / 'light.csv'}:light")
