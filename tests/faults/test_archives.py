"""Archives that claim other sizes than they have, or more than the disk holds: nothing of them is written."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zoo.errors import DataError
from zoo.storage.downloads import unpacking

Zoo = Callable[..., tuple[int, str, str]]
LARGE = 40_000_000


def shared_zip(path: Path, weights: bytes, claimed: int) -> Path:
    """A shared model whose manifest says of its weights what it likes."""
    card, none = b"{}", "0" * 64
    files = {
        "model.safetensors": {"bytes": claimed, "sha256": none},
        "zoo.json": {"bytes": len(card), "sha256": none},
    }
    said = {"schema": 1, "name": "bomb", "architecture": "simple/simple_cnn", "classes": 2, "files": files}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.safetensors", weights)
        archive.writestr("zoo.json", card)
        archive.writestr("zoo-manifest.json", json.dumps(said))
    return path


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes of shared files are written."""
    from zoo_hub import sources

    counts: list[int] = []
    copy = sources._copy

    def counted(file: Any, path: Path, most: int) -> None:
        copy(file, path, most)
        counts.append(path.stat().st_size)

    monkeypatch.setattr(sources, "_copy", counted)
    return counts


@pytest.mark.parametrize("claimed", [100, 10 * LARGE], ids=["less", "more"])
def test_a_zip_whose_manifest_claims_another_size(zoo: Zoo, tmp_path: Path, written: list[int], claimed: int):
    path = shared_zip(tmp_path / "bomb.zip", bytes(LARGE), claimed)
    assert path.stat().st_size < 100_000
    code, _, err = zoo("models", "pull", path)
    assert code != 0
    assert f"{LARGE:,} bytes, not {claimed:,}" in err
    assert written == []
    assert not Path("models").exists()


def test_a_zip_that_the_disk_does_not_hold(zoo: Zoo, tmp_path: Path, written: list[int], monkeypatch: Any):
    path = shared_zip(tmp_path / "bomb.zip", bytes(LARGE), LARGE)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=LARGE))
    code, _, err = zoo("models", "pull", path)
    assert code != 0
    assert "are free on the disk" in err
    assert written == []
    assert not Path("models").exists()


def by_torchvision(path: Path, folder: Path) -> None:
    from torchvision.datasets.utils import extract_archive

    extract_archive(str(path), str(folder))


UNPACK: dict[str, Callable[[Path, Path], object]] = {
    "all": lambda path, folder: zipfile.ZipFile(path).extractall(folder),
    "one": lambda path, folder: zipfile.ZipFile(path).extract("large", folder),
    "torchvision": by_torchvision,
}


@pytest.mark.parametrize("unpack", UNPACK.values(), ids=UNPACK)
def test_a_zip_of_images_that_the_disk_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unpack: Callable[[Path, Path], object]
):
    path, inside = tmp_path / "data.zip", tmp_path / "inside"
    inside.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small.txt", b"small")
        archive.writestr("large", bytes(LARGE))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=LARGE))
    with pytest.raises(DataError, match="not enough space"), unpacking(inside):
        unpack(path, inside)
    assert list(inside.iterdir()) == []


def test_a_harmless_zip_comes_out_whole(tmp_path: Path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cats/1.txt", b"a cat")
    before = zipfile.ZipFile.extractall, zipfile.ZipFile.extract
    with unpacking(tmp_path), zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    assert (tmp_path / "cats" / "1.txt").read_text() == "a cat"
    assert (zipfile.ZipFile.extractall, zipfile.ZipFile.extract) == before, "as it was"
