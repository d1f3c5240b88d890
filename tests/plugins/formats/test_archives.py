"""Zip and tar files of class folders, written by Python's own libraries and by GNU tar."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

KINDS = {"zip": ".zip", "tar": ".tar", "gztar": ".tar.gz", "bztar": ".tar.bz2", "xztar": ".tar.xz"}
SHADES = {"dark": 40, "light": 200}


def folder(root: Path, layout: dict[str, int], suffix: str = ".jpg") -> Path:
    """Class folders of small pictures; ``layout`` has the number of pictures of each folder."""
    for place, count in layout.items():
        (root / place).mkdir(parents=True)
        shade = SHADES[Path(place).name]
        for i in range(count):
            Image.fromarray(np.full((12, 10, 3), shade + i, np.uint8)).save(root / place / f"{i}{suffix}")
    return root


SPLITS = {"train/dark": 4, "train/light": 3, "valid/dark": 2, "valid/light": 2, "test/dark": 1, "test/light": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_its_folder(kind: str, tmp_path: Path, look: Any, runs: Any):
    root = folder(tmp_path / "photos", SPLITS)
    archive = shutil.make_archive(str(tmp_path / "photos"), kind, root)
    assert archive.endswith(KINDS[kind])
    found, same = look(archive), look(root)
    assert found.id == "formats/image_archive"
    assert found.labels == same.labels
    for split, data in found.splits.items():
        other = same.splits[split]
        again = pickle.loads(pickle.dumps(data))
        for i in range(len(data)):
            assert (np.asarray(again[i][0]) == np.asarray(other[i][0])).all()
            assert data.name_of(i).endswith(Path(other.name_of(i)).relative_to(root).as_posix())
    counted = {split: each["images"] for split, each in runs(archive)["splits"].items()}
    assert counted == {"train": 7, "val": 4, "test": 2}


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_a_folder_around_everything_is_no_class(kind: str, tmp_path: Path, look: Any):
    folder(tmp_path / "a" / "photos", {"dark": 3, "light": 3})
    (tmp_path / "a" / "photos" / "readme.txt").write_text("hello", "utf-8")
    (tmp_path / "a" / "photos" / "dark" / ".hidden.jpg").write_bytes(b"")
    (tmp_path / "a" / "__MACOSX").mkdir()
    (tmp_path / "a" / "__MACOSX" / "x.jpg").write_bytes(b"")
    found = look(shutil.make_archive(str(tmp_path / "b"), kind, tmp_path / "a"))
    data = found.splits["train"]
    assert data.classes == ["dark", "light"]
    assert len(data) == 6
    assert data.notices == [f"Not used: 1 of 7 files of b{KINDS[kind]}, which are no pictures in class folders."]


def test_gnu_tar_and_zip_with_deflation(tmp_path: Path, look: Any):
    folder(tmp_path / "photos", {"dark": 3, "light": 3})
    subprocess.run(["tar", "czf", tmp_path / "p.tgz", "-C", tmp_path / "photos", "."], check=True)
    assert look(tmp_path / "p.tgz").splits["train"].classes == ["dark", "light"]
    with zipfile.ZipFile(tmp_path / "p.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((tmp_path / "photos").rglob("*.jpg")):
            archive.write(path, path.relative_to(tmp_path))
    assert len(look(tmp_path / "p.zip").splits["train"]) == 6


def test_a_tar_file_of_class_folders_alone_stays_a_shard(tmp_path: Path, look: Any):
    folder(tmp_path / "photos", {"dark": 3, "light": 3})
    path = shutil.make_archive(str(tmp_path / "p"), "tar", tmp_path / "photos")
    assert look(path).id == "images/webdataset"


def test_a_compressed_tar_file_is_decompressed_once(tmp_path: Path, look: Any):
    from zoo.storage import cache_folder

    root = folder(tmp_path / "photos", {"dark": 3, "light": 3})
    path = Path(shutil.make_archive(str(tmp_path / "p"), "gztar", root))
    kept_before = set((cache_folder() / "archives").glob("*"))
    look(path)
    (kept,) = set((cache_folder() / "archives").iterdir()) - kept_before
    assert kept.suffix == ".tar"
    folder(tmp_path / "more", {"dark": 5, "light": 3})
    shutil.make_archive(str(tmp_path / "p"), "gztar", tmp_path / "more")
    assert len(look(path).splits["train"]) == 8, "another content is another file"


def test_the_same_picture_in_two_classes_is_said(tmp_path: Path, look: Any):
    root = folder(tmp_path / "photos", {"dark": 2, "light": 2})
    shutil.copy(root / "dark" / "0.jpg", root / "light" / "9.jpg")
    for kind in ("zip", "gztar"):
        path = shutil.make_archive(str(tmp_path / "p"), kind, root)
        (notice,) = look(path).splits["train"].notices
        assert "1 picture occurs more than once" in notice


def test_a_damaged_picture_is_counted_and_named(tmp_path: Path, runs: Any):
    root = folder(tmp_path / "photos", {"dark": 6, "light": 6}, ".png")
    (root / "dark" / "3.png").write_bytes(b"no picture")
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, file.relative_to(root))
    data = bytearray(path.read_bytes())
    begin = data.index((root / "light" / "2.png").read_bytes()[:8], data.index(b"light/2.png"))
    data[begin + 20 : begin + 60] = bytes(40)  # the checksum of the archive no longer holds
    path.write_bytes(data)
    skipped = " ".join(runs(path, "--set", "data.max_bad_fraction=0.5")["notices"])
    assert "3.png (not a readable image)" in skipped
    assert "2.png (damaged in the archive" in skipped


def packed(root: Path, names: list[str], kind: str = "zip") -> Path:
    """An archive with a small picture under each name."""
    folder(root / "one", {"dark": 1})
    picture = root / "one" / "dark" / "0.jpg"
    path = root / f"p{KINDS[kind]}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.write(picture, name)
    else:
        with tarfile.open(path, "w:gz") as tar:
            for name in names:
                tar.add(picture, name)
    return path


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_a_path_that_leads_out_is_refused(kind: str, tmp_path: Path, refused: Any):
    path = packed(tmp_path, ["dark/1.jpg", "light/1.jpg", "../light/2.jpg"], kind)
    assert "'../light/2.jpg', whose path leads out" in refused("run", "simple_cnn", path)


LAYOUTS = {
    "no pictures": (["a.txt", "b/c.txt"], "has no pictures (2 files)"),
    "no folders": (["1.jpg", "2.jpg"], "has 2 pictures outside of class folders"),
    "one class": (["dark/1.jpg", "dark/2.jpg"], "only the class 'dark'"),
    "two spellings": (["dark/1.jpg", "Dark/2.jpg"], "differ by case only"),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_another_layout_is_refused(case: str, tmp_path: Path, refused: Any):
    names, reason = LAYOUTS[case]
    assert reason in refused("run", "simple_cnn", packed(tmp_path, names))


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_archive_is_refused(kind: str, tmp_path: Path, refused: Any):
    root = folder(tmp_path / "photos", SPLITS)
    path = Path(shutil.make_archive(str(tmp_path / "p"), kind, root))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    text = refused("run", "simple_cnn", "image_archive", "--data", path)
    assert "is damaged" in text or "is truncated" in text


def test_an_encrypted_zip_is_refused(tmp_path: Path, refused: Any):
    path = packed(tmp_path, ["dark/1.jpg", "light/1.jpg"])
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of each entry
        begin = 0
        while (begin := data.find(mark, begin)) >= 0:
            data[begin + offset] |= 1
            begin += 4
    path.write_bytes(data)
    assert "is encrypted: dark/1.jpg needs a password" in refused("run", "simple_cnn", path)
    assert "is not an archive" in refused("run", "simple_cnn", "image_archive", "--data", tmp_path)
