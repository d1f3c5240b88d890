"""Tables as competitions write them, and torchvision's layout of folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.errors import DataError
from zoo_images.folders import ImageFolder
from zoo_images.tables import ImageCsv

pandas = pytest.importorskip("pandas", reason="pandas writes the tables")

IDS = ["000bec18", "001513df", "0021f9ce", "00214f31"]
BREEDS = ["boxer", "pug", "boxer", "pug"]


def pictures(folder: Path, suffix: str = ".jpg") -> Path:
    folder.mkdir(parents=True)
    for number, name in enumerate(IDS):
        Image.fromarray(np.full((8, 8, 3), 50 * number, np.uint8)).save(folder / f"{name}{suffix}")
    return folder


def table(path: Path, /, **columns: Any) -> Path:
    """A file that pandas writes."""
    pandas.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("folder", ["train", "images", "train_images"])
def test_ids_without_suffix_in_a_folder_beside_the_table(folder: str, tmp_path: Path):
    """The layouts of the competitions dog-breed-identification and plant-pathology."""
    pictures(tmp_path / folder)
    data = ImageCsv(table(tmp_path / "train.csv", id=IDS, breed=BREEDS), "train")
    assert data.paths == [str(tmp_path / folder / f"{name}.jpg") for name in IDS]
    assert [data.classes[target] for target in data.targets] == BREEDS
    assert data.notices == [
        "The column id of train.csv names the pictures.",
        "The column breed of train.csv has the labels.",
        f"The pictures of train.csv are listed without a suffix, and found in {folder}/.",
    ]
    assert list(data.attributes) == []
    assert ImageCsv.peek(tmp_path / "train.csv")["first"] == tmp_path / folder / f"{IDS[0]}.jpg"
    assert data[3][0].size == (8, 8)


def test_names_with_suffix_in_another_folder(tmp_path: Path):
    pictures(tmp_path / "photos", ".png")
    path = table(tmp_path / "a.csv", image=[f"{name}.png" for name in IDS], label=BREEDS, camera=["x", "y", "x", "x"])
    data = ImageCsv(path, "train", images="photos")
    assert data.paths[0] == str(tmp_path / "photos" / f"{IDS[0]}.png")
    assert data.attributes["camera"] == ["x", "y", "x", "x"]
    (tmp_path / "photos").rename(tmp_path / "images")
    assert ImageCsv(path, "train").notices[-1] == "The pictures of a.csv are in images/."
    with pytest.raises(DataError, match=r"There is no folder .*photo with the pictures of .*a\.csv"):
        ImageCsv(path, "train", images="photo")


def test_columns_of_one_label_each_are_single_label(tmp_path: Path):
    pictures(tmp_path / "images")
    flags = {"healthy": [1, 0, 0, 0], "rust": [0, 1, 0, 1], "scab": [0, 0, 1, 0]}
    data = ImageCsv(table(tmp_path / "train.csv", image_id=IDS, **flags), "train")
    assert not data.multilabel
    assert [data.classes[target] for target in data.targets] == ["healthy", "rust", "scab", "rust"]
    assert "3 columns of 0 and 1 of train.csv are the classes, one of an image: healthy, rust, scab." in data.notices


def test_columns_of_several_labels_are_multi_label(tmp_path: Path, zoo: Any, monkeypatch: pytest.MonkeyPatch):
    pictures(tmp_path / "images")
    flags = {"rust": [0.0, 1.0, 1.0, 0.0], "scab": [0, 0, 1, 1]}
    path = table(tmp_path / "train.csv", image_id=IDS, age=[3, 4, 5, 6], **flags)
    data = ImageCsv(path, "train")
    assert data.targets == [(), (0,), (0, 1), (1,)]
    assert list(data.attributes) == ["age"]
    assert "2 columns of 0 and 1 of train.csv are the classes, several of an image: rust, scab." in data.notices
    monkeypatch.chdir(tmp_path)
    small = ("--recipe", "none", "--epochs", "1", "--image-size", "16", "--set", "architecture.channels=[4]")
    assert zoo("run", "simple_cnn", path, *small)[0] == 0


def test_named_columns_are_taken_as_they_are_named(tmp_path: Path):
    """What a user or the usual header says is never guessed."""
    pictures(tmp_path / "images")
    path = table(tmp_path / "a.csv", id=[1, 2, 3, 4], path=[f"images/{n}.jpg" for n in IDS], label=BREEDS, tail=[0] * 4)
    data = ImageCsv(path, "train")
    assert data.notices == []
    assert sorted(data.attributes) == ["id", "tail"]
    with pytest.raises(DataError, match="no column 'label'"):
        ImageCsv(table(tmp_path / "b.csv", path=IDS, colour=BREEDS), "train")
    with pytest.raises(DataError, match="no column 'path'"):
        ImageCsv(table(tmp_path / "c.csv", photo=IDS, label=BREEDS), "train")


def test_an_id_of_two_pictures_is_refused(tmp_path: Path, refused: Callable[..., str]):
    folder = pictures(tmp_path / "train")
    Image.new("RGB", (8, 8)).save(folder / f"{IDS[1]}.png")
    path = table(tmp_path / "train.csv", id=IDS, breed=BREEDS)
    assert f"The id '{IDS[1]}' is {IDS[1]}.jpg and {IDS[1]}.png" in refused("run", "simple_cnn", path)


def test_an_id_without_a_picture_is_counted_and_named(tmp_path: Path, zoo: Any, monkeypatch: pytest.MonkeyPatch):
    pictures(tmp_path / "train")
    path = table(tmp_path / "train.csv", id=[*IDS, "ffffffff"], breed=[*BREEDS, "pug"])
    monkeypatch.chdir(tmp_path)
    small = ("--recipe", "none", "--epochs", "1", "--image-size", "16", "--set", "architecture.channels=[4]")
    code, out, err = zoo("run", "simple_cnn", path, *small, "--set", "data.max_bad_fraction=0.5")
    assert code == 0, err
    assert "ffffffff (no such file)" in " ".join(out.split())


def test_a_picture_with_two_labels_is_said(tmp_path: Path):
    pictures(tmp_path / "images")
    path = table(tmp_path / "a.csv", path=[f"images/{IDS[0]}.jpg"] * 2 + [f"images/{IDS[1]}.jpg"], label=BREEDS[:3])
    (notice,) = ImageCsv(path, "train").notices
    assert notice == f"1 picture is listed more than once in a.csv with different labels: images/{IDS[0]}.jpg."


def test_a_folder_of_torchvisions_layout_is_the_same(tmp_path: Path):
    torchvision = pytest.importorskip("torchvision")
    for kind in ("boxer", "pug"):
        pictures(tmp_path / kind)
    theirs, ours = torchvision.datasets.ImageFolder(str(tmp_path)), ImageFolder(tmp_path, "train")
    assert ours.classes == theirs.classes
    assert list(zip(ours.paths, ours.targets, strict=True)) == theirs.samples
