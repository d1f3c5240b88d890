"""cats_dogs: each of its four sources, their order, and that drawings are never passed off as photos."""

from __future__ import annotations

import pickle
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from zoo.errors import DataError
from zoo_images import oxford
from zoo_images.cats_dogs import CatsDogs, cache_folder, choose
from zoo_images.folders import ImageFolder

unreachable = oxford.unreachable
TRAINVAL = "Abyssinian_1 1 1 1\nbeagle_10 5 2 1\nbeagle_2 5 2 1\n"
TEST = "Abyssinian_2 1 1 1\nbeagle_3 5 2 1\n"


def put(path: Path, colour: tuple[int, int, int] = (90, 60, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 5), colour).save(path)


def photos(root: Path) -> Path:
    for name in ("train/cats/1.jpg", "train/dogs/2.jpg", "val/cats/3.jpg", "val/dogs/4.jpg"):
        put(root / name)
    return root


def oxford_copy(root: Path, whole: bool = True) -> Path:
    """A tiny Oxford-IIIT Pet in its own format."""
    base = root / "oxford-iiit-pet"
    (base / "annotations").mkdir(parents=True)
    (base / "annotations" / "trainval.txt").write_text(TRAINVAL)
    (base / "annotations" / "test.txt").write_text(TEST)
    for i, line in enumerate((TRAINVAL + TEST).splitlines()):
        put(base / "images" / f"{line.split()[0]}.jpg", (40 * i, 0, 0))
    if whole:
        (base / "complete").touch()
    return base


def not_to_be_called(*args: object) -> str:
    raise AssertionError(f"the network was tried: {args}")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a network that may be tried only where a test says so."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    monkeypatch.setattr(oxford, "unreachable", not_to_be_called)
    return tmp_path / "cache" / "datasets"


# --- a folder ---------------------------------------------------------------------------------------------


def test_a_folder_is_read_as_image_folder_reads_it(tmp_path: Path) -> None:
    root = photos(tmp_path / "mine")
    assert CatsDogs.available_splits(root) == ImageFolder.available_splits(root) == ("train", "val")
    data, same = CatsDogs(root, "val"), ImageFolder(root, "val")
    assert (data.classes, data.targets, len(data)) == (same.classes, same.targets, 2)
    assert data.name_of(1) == same.name_of(1) == str(root / "val" / "dogs" / "4.jpg")
    assert data[1][0].size == (6, 5)
    assert data.notices == []
    assert data.source == f"photos in {root}"
    with pytest.raises(DataError, match="There is no folder"):
        CatsDogs(tmp_path / "none", "train")


@pytest.mark.parametrize("source", ["drawn", "download"])
def test_a_folder_that_would_not_be_read_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(DataError, match="can't use both"):
        CatsDogs(photos(tmp_path / "mine"), "train", source=source)  # type: ignore[arg-type]


# --- the cache --------------------------------------------------------------------------------------------


def test_cache_folder_is_zoo_cache_or_the_users(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    from platformdirs import user_cache_path

    assert cache_folder() == cache / "cats_dogs"
    monkeypatch.delenv("ZOO_CACHE")
    assert cache_folder() == user_cache_path("visionzoo") / "datasets" / "cats_dogs"


@pytest.mark.parametrize("source", ["auto", "photos"])
def test_photos_in_the_cache_come_first(cache: Path, source: str) -> None:
    photos(cache / "cats_dogs")
    oxford_copy(cache)
    data = CatsDogs(None, "train", source=source)  # type: ignore[arg-type]
    assert data.source == f"photos in {cache / 'cats_dogs'}"
    assert len(data) == 2


@pytest.mark.parametrize("source", ["auto", "photos", "download"])
def test_a_finished_download_is_read_from_the_cache(cache: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    oxford_copy(cache)
    (cache / "cats_dogs").mkdir()
    assert CatsDogs.available_splits(None, source=source) == ("train", "test")  # type: ignore[arg-type]
    data = CatsDogs(None, "test", source=source)  # type: ignore[arg-type]
    assert data.classes == ["cats", "dogs"]
    assert data.targets == [0, 1]
    assert data.source.startswith("Oxford-IIIT Pet")
    assert "CC BY-SA" in data.licence
    assert data.notices == []
    with pytest.raises(DataError, match="no split 'val'"):
        CatsDogs(None, "val", source=source)  # type: ignore[arg-type]


@pytest.mark.parametrize(("split", "theirs"), [("train", "trainval"), ("test", "test")])
def test_oxford_is_read_as_torchvision_reads_it(cache: Path, split: str, theirs: str) -> None:
    from torchvision.datasets import OxfordIIITPet

    oxford_copy(cache)
    expected = OxfordIIITPet(cache, split=theirs, target_types="binary-category", download=False)
    data = oxford.read(cache, split)
    assert len(data) == len(expected)
    assert [name[:-1].title() for name in data.classes] == expected.bin_classes
    for (image, label), (same_image, same_label) in zip((data[i] for i in range(len(data))), expected, strict=True):
        assert label == same_label
        assert image.convert("RGB").tobytes() == same_image.tobytes()


def test_an_unfinished_download_is_not_taken_for_a_whole_one(cache: Path) -> None:
    base = oxford_copy(cache, whole=False)
    data = CatsDogs(None, "train")
    assert "drawn" in data.source
    assert f"{base} exists, but is not a complete download" in data.notices[0]
    assert base.exists()


# --- the download -----------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that has the two archives of a tiny Oxford-IIIT Pet."""
    base = oxford_copy(tmp_path / "origin", whole=False)
    for name in ("images", "annotations"):
        with tarfile.open(tmp_path / "origin" / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(base / name, name)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "origin"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def serve(monkeypatch: pytest.MonkeyPatch, origin: str, md5: str | None) -> None:
    """Point torchvision at ``origin``; the zoo's own probe too."""
    from torchvision.datasets import OxfordIIITPet

    resources = [(f"{origin}/{name}.tar.gz", md5) for name in ("images", "annotations")]
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", resources)
    monkeypatch.setattr(oxford, "URL", f"{origin}/annotations.tar.gz")
    monkeypatch.setattr(oxford, "unreachable", unreachable)


def test_a_download_appears_whole_and_is_not_repeated(
    cache: Path, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    serve(monkeypatch, origin, md5=None)
    assert CatsDogs.available_splits(None) == ("train", "test")
    monkeypatch.setattr(oxford, "unreachable", not_to_be_called)
    data = CatsDogs(None, "train", source="download")
    assert data.targets == [0, 1, 1]
    assert sorted(p.name for p in cache.iterdir()) == ["oxford-iiit-pet"]
    assert sorted(p.name for p in (cache / "oxford-iiit-pet").iterdir()) == ["annotations", "complete", "images"]
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize(("missing", "why"), [(True, "the download failed"), (False, "the download failed (File not")])
def test_a_download_that_fails_leaves_nothing_and_is_said(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str, missing: bool, why: str
) -> None:
    serve(monkeypatch, origin, md5="0" * 32)
    if missing:
        (tmp_path / "origin" / "images.tar.gz").unlink()
    data = CatsDogs(None, "train")
    assert why in data.notices[0]
    assert list(cache.iterdir()) == []


# --- drawings ---------------------------------------------------------------------------------------------


def test_without_a_network_drawings_are_said_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oxford, "unreachable", lambda _url: "example.org can't be reached (no route)")
    assert CatsDogs.available_splits(None) == ("train", "val")
    data = CatsDogs(None, "val", drawn_images=40)
    assert (data.classes, len(data)) == (["cats", "dogs"], 10)
    assert data[0][0].size == (160, 160)
    assert "drawn" in data.source
    (notice,) = data.notices
    assert notice.startswith("The images are DRAWINGS rendered by the zoo, not photos")
    assert "example.org can't be reached (no route)" in notice
    assert "says nothing about photos" in notice
    assert "zoo run simple_cnn cats_dogs --data FOLDER" in notice


def test_the_source_does_not_change_within_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oxford, "unreachable", lambda _url: "down")
    assert CatsDogs.available_splits(None) == ("train", "val")
    monkeypatch.setattr(oxford, "unreachable", not_to_be_called)
    assert "drawn" in CatsDogs(None, "train").source


@pytest.mark.parametrize(
    ("variable", "params", "why"), [("1", {}, "ZOO_OFFLINE"), ("", {"download": False}, "download=false")]
)
def test_nothing_is_downloaded_when_that_is_forbidden(
    monkeypatch: pytest.MonkeyPatch, variable: str, params: dict[str, bool], why: str
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", variable)
    data = CatsDogs(None, "train", **params)  # type: ignore[arg-type]
    assert "drawn" in data.source
    assert why in data.notices[0]
    with pytest.raises(DataError, match=why):
        CatsDogs(None, "train", source="download", **params)


def test_drawings_that_were_asked_for() -> None:
    data = CatsDogs(None, "train", source="drawn", drawn_images=12)
    assert len(data) == 12
    assert "DRAWINGS" in data.notices[0]
    assert "No photos were found" not in data.notices[0]
    again = pickle.loads(pickle.dumps(data))
    assert again[3][0].tobytes() == data[3][0].tobytes()


def test_photos_are_never_replaced_by_drawings_unasked(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    with pytest.raises(DataError, match="does not download") as caught:
        choose(None, "photos")
    assert str(cache / "cats_dogs") in str(caught.value)
    monkeypatch.setattr(oxford, "unreachable", lambda _url: "no route")
    with pytest.raises(DataError, match="no route"):
        choose(None, "download")


def test_unknown_source() -> None:
    with pytest.raises(ValueError, match="'auto', 'photos', 'download', 'drawn'"):
        choose(None, "web")  # type: ignore[arg-type]


# --- the probe --------------------------------------------------------------------------------------------


def test_a_host_that_does_not_answer_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        start = time.monotonic()
        assert "127.0.0.1" in unreachable(address, timeout_s=0.3)
        assert time.monotonic() - start < 2
    assert "can't be reached" in unreachable(address, timeout_s=2.0)


def test_a_host_that_answers_is_reached(origin: str) -> None:
    assert unreachable(f"{origin}/annotations.tar.gz") == ""
    assert "(File not found)" in unreachable(f"{origin}/none.tar.gz")
