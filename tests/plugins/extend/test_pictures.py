"""Folders of new classes: which pictures count, and which folders are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.errors import RequestError
from zoo_extend.pictures import class_folders, pictures_below

KNOWN = ["cats", "dogs"]


def test_a_folder_gives_its_name_and_its_pictures(pictures: Callable[..., Path]):
    folder = pictures("blue", 3)
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "more").mkdir()
    (folder / "000.png").rename(folder / "more" / "000.png")
    found = class_folders([folder, f"{pictures('white', 2)}/"], KNOWN)
    assert list(found) == ["blue", "white"]
    assert [path.relative_to(folder).as_posix() for path in found["blue"]] == ["001.png", "002.png", "more/000.png"]
    assert all(path.is_absolute() for path in found["blue"])


def test_the_working_folder_has_its_own_name(pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(pictures("blue", 2))
    assert list(class_folders(["."], KNOWN)) == ["blue"]


def refusal(*folders: str | Path) -> str:
    with pytest.raises(RequestError) as raised:
        class_folders(folders, KNOWN)
    return str(raised.value)


def test_a_folder_that_is_not_there():
    assert "There is no folder birds. Give a folder of pictures for each new class" in refusal("birds")


def test_a_file(pictures: Callable[..., Path]):
    file = pictures("blue", 2) / "000.png"
    assert refusal(file) == f"{file} is a file. Give the folder with the pictures of the new class: {file.parent}"


def test_a_class_of_the_run(pictures: Callable[..., Path]):
    """Names that differ by case only are one folder on some disks."""
    said = refusal(pictures("blue", 2, name="Cats"))
    assert "The run has the class 'cats' already" in said
    assert "rename the folder if 'Cats' is another class" in said
    assert "--weights RUN" in said


def test_two_folders_of_one_name(pictures: Callable[..., Path], tmp_path: Path):
    folder = pictures("blue", 2)
    assert "Two of the folders are named 'blue'" in refusal(folder, folder)


def test_a_folder_without_pictures(tmp_path: Path):
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds" / "notes.txt").write_text("none")
    assert "has no pictures (.jpg, .png, .webp, .tif, …)" in refusal(tmp_path / "birds")


def test_one_picture(pictures: Callable[..., Path]):
    assert "has one picture. A new class needs 2 or more" in refusal(pictures("blue", 1))


def test_a_folder_of_class_folders(pictures: Callable[..., Path], tmp_path: Path):
    pictures("blue", 2, name="all/blue")
    pictures("white", 2, name="all/white")
    folder = tmp_path / "all"
    said = refusal(folder)
    assert f"zoo extend RUN {folder}/blue {folder}/white" in said


def test_a_folder_that_cannot_be_read(pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    folder = pictures("blue", 2)

    def walk(top: Path, onerror: Callable[[OSError], None]) -> list[object]:
        onerror(PermissionError(13, "Permission denied", str(top)))
        return []

    monkeypatch.setattr("zoo_extend.pictures.os.walk", walk)
    with pytest.raises(RequestError, match=r"can't be read: Permission denied\. Fix its permissions"):
        pictures_below(folder)
