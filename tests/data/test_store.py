"""The decode-once store: keyed by content, whole or not there, and honest about what can't be decoded."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from zoo.data.batches import Batches, Normalize
from zoo.data.decode import Shape, to_pixels
from zoo.data.samplers import Sampling
from zoo.data.split import Split
from zoo.data.store import Decoded, content_key, decode_split
from zoo.errors import ContractError, OutputError
from zoo_images.folders import ImageFolder
from zoo_samplers.samplers import shuffle

SHAPE = Shape(8, 3, "squash")
STORES = ("disk", "stream")
FILES = ("images.npy", "labels.npy", "kept.npy", "store.json")
SHAPES = {
    "size": Shape(9, 3),
    "channels": Shape(8, 1),
    "resize": Shape(8, 3, "crop"),
    "interpolation": Shape(8, 3, "squash", "bicubic"),
    "crop_pct": Shape(8, 3, "crop", "bilinear", 0.5),
}


class Files:
    """Labelled files that count how often they are opened."""

    classes = ("a", "b")

    def __init__(self, paths: list[Path], labels: list[int] | None = None):
        self.paths = paths
        self.targets = labels or [i % 2 for i in range(len(paths))]
        self.opened = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        with self._lock:
            self.opened += 1
        return Image.open(self.paths[index]), self.targets[index]

    def name_of(self, index: int) -> str:
        return str(self.paths[index])


class Arrays:
    """Labelled arrays, which have no files."""

    classes = ("a", "b")

    def __init__(self, count: int = 5, seed: int = 0, fingerprint: str | None = None):
        self.images = np.random.default_rng(seed).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)
        self.opened = 0
        if fingerprint is not None:
            self.fingerprint = fingerprint

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        self.opened += 1
        return self.images[index], index % 2


@pytest.fixture(autouse=True)
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for each test; where its stores lie."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "images"
    folder.mkdir()
    found = []
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 256, (12, 10, 3), dtype=np.uint8)
        found.append(folder / f"{i}.png")
        Image.fromarray(pixels).save(found[-1])
    return found


def kept(stores: Path) -> list[Path]:
    return sorted(stores.iterdir()) if stores.is_dir() else []


def first_opened(dataset: Files) -> int:
    """How many files were opened by opening a split: beyond a look at the first, none if it was decoded before."""
    return max(0, dataset.opened - 1)


def test_pixels_labels_and_names_are_the_datasets(paths: list[Path]):
    found = decode_split(Files(paths), SHAPE)
    wanted = np.stack([to_pixels(Image.open(path), *SHAPE) for path in paths])
    assert np.array_equal(found.images[np.arange(6)], wanted)
    assert found.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert found.labels.dtype == np.int64
    assert list(found.names) == [str(path) for path in paths]
    assert found.skipped == []


def test_a_second_time_decodes_nothing(paths: list[Path], stores: Path):
    first, second = Files(paths), Files(paths)
    one = decode_split(first, SHAPE)
    two = decode_split(second, SHAPE)
    assert first.opened >= 6
    assert first_opened(second) == 0
    assert np.array_equal(one.images, two.images)
    assert (one.labels.tolist(), one.fingerprint) == (two.labels.tolist(), two.fingerprint)
    assert list(one.names) == list(two.names)
    assert isinstance(two.images, np.memmap)
    assert not two.images.flags.writeable
    assert len(kept(stores)) == 1


@pytest.mark.parametrize("store", ["auto", "disk", "stream"])
def test_a_second_time_no_file_is_read_as_a_picture(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
):
    """Not even the first: one that is opened and no more is its file, as a look at its header tells."""
    folder = tmp_path / "folder"
    for path, word in zip(paths, ["red", "blue"] * 3, strict=True):
        (folder / word).mkdir(parents=True, exist_ok=True)
        path.rename(folder / word / path.name)
    read: list[str] = []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: read.append(self.filename) or load(self))
    first = decode_split(ImageFolder(folder, "train"), SHAPE, store)
    assert len(set(read)) == 6
    read.clear()
    second = decode_split(ImageFolder(folder, "train"), SHAPE, store)
    assert read == []
    assert second.labels.tolist() == first.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_store_that_is_there_is_opened_where_nothing_can_be_written(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
):
    """As a colleague's, on a disk that is read-only here."""
    wanted = np.array(decode_split(Files(paths), SHAPE).images)

    def refused(*given: Any, **more: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", refused)
    monkeypatch.setattr(os, "open", refused)
    assert np.array_equal(decode_split(Files(paths), SHAPE).images, wanted)
    with pytest.raises(OutputError, match="Read-only"):
        decode_split(Files(paths[1:]), SHAPE)


def test_a_store_may_be_read_by_whom_the_umask_lets(paths: list[Path], stores: Path):
    before = os.umask(0o022)
    try:
        decode_split(Files(paths), SHAPE)
    finally:
        os.umask(before)
    (folder,) = kept(stores)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o644}


def test_several_labels_an_image_come_back_as_they_were(paths: list[Path]):
    class Several(Files):
        classes = ("a", "b", "c")
        multilabel = True

    paths[3].write_bytes(b"broken")
    given = [(0,), (), (0, 2), (1,), (1, 2), (0, 1, 2)]
    for store in ("disk", "disk", "stream", "stream"):
        found = decode_split(Several(paths, given), SHAPE, store)  # type: ignore[arg-type]
        assert found.labels.dtype == np.float32
        assert found.labels.tolist() == [[1, 0, 0], [0, 0, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]]


def test_the_same_files_elsewhere_are_the_same_content(paths: list[Path], tmp_path: Path):
    paths[2].write_bytes(b"broken")
    decode_split(Files(paths), SHAPE)
    moved = Path(shutil.copytree(paths[0].parent, tmp_path / "moved"))
    dataset = Files([moved / path.name for path in paths])
    found = decode_split(dataset, SHAPE)
    assert first_opened(dataset) == 0
    assert list(found.names) == [str(moved / path.name) for path in paths if path != paths[2]]
    assert [s["name"] for s in found.skipped] == [str(moved / paths[2].name)], "named as they are called now"


@pytest.mark.parametrize("change", ["bytes", "label", "order", "fewer", *SHAPES])
def test_any_change_of_content_or_shape_is_another_store(paths: list[Path], stores: Path, change: str):
    before = decode_split(Files(paths), SHAPE)
    labels = [i % 2 for i in range(6)]
    if change == "bytes":
        Image.new("RGB", (10, 12), "red").save(paths[3])
    if change == "label":
        labels[0] = 1
    if change == "order":
        paths = paths[::-1]
    if change == "fewer":
        paths, labels = paths[:-1], labels[:-1]
    changed = Files(paths, labels)
    after = decode_split(changed, SHAPES.get(change, SHAPE))
    assert changed.opened >= len(paths)
    assert len(kept(stores)) == 2
    assert (after.fingerprint == before.fingerprint) == (change in SHAPES)
    if change == "bytes":
        assert (after.images[3] == (255, 0, 0)).all()


def test_crops_of_different_kinds_are_different_stores(paths: list[Path], stores: Path):
    crops = [Shape(8, 3, "crop", *how) for how in [("bilinear", 1.0), ("bilinear", 0.5), ("bicubic", 0.5)]]
    found = [np.array(decode_split(Files(paths), shape).images) for shape in crops]
    assert len(kept(stores)) == 3
    assert not any(np.array_equal(a, b) for a, b in itertools.pairwise(found))


def test_how_much_would_be_cut_of_what_is_squashed_makes_no_other_store(paths: list[Path], stores: Path):
    decode_split(Files(paths), SHAPE)
    again = Files(paths)
    decode_split(again, Shape(8, 3, "squash", "bilinear", 0.5))
    assert first_opened(again) == 0
    assert len(kept(stores)) == 1


@pytest.mark.parametrize("constant", ["zoo.data.store_writer.FORMAT", "zoo.data.store_writer.DECODER"])
def test_a_store_of_another_format_or_decoder_is_built_anew(
    paths: list[Path], stores: Path, constant: str, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as before:
        before.setattr(constant, 0)
        decode_split(Files(paths), SHAPE)
    after = Files(paths)
    decode_split(after, SHAPE)
    assert first_opened(after) == 6
    assert len(kept(stores)) == 2


def test_a_dataset_that_changes_its_files_pixels_is_not_known_by_their_bytes(paths: list[Path]):
    """The files are those of another dataset; what is made of them isn't."""

    class Mirrored(Files):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            image, label = super().__getitem__(index)
            return ImageOps.mirror(image), label

    plain, mirrored = decode_split(Files(paths), SHAPE), decode_split(Mirrored(paths), SHAPE)
    assert not np.array_equal(plain.images[np.arange(6)], mirrored.images[np.arange(6)])


def test_a_dataset_that_has_its_pictures_drafted_is_not_known_by_their_bytes(tmp_path: Path):
    """Such a picture is not read yet either, but it will be read otherwise."""
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)

    class Drafted(Files):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            image, label = super().__getitem__(index)
            image.draft("L", (16, 16))
            return image, label

    assert content_key(Files([path])) is not None
    assert content_key(Drafted([path])) is None


def test_paths_are_the_files_that_they_name(paths: list[Path]):
    class Paths(Files):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            return self.paths[index], self.targets[index]

    class Another(Paths):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            return self.paths[-1], self.targets[index]

    assert content_key(Paths(paths)) == content_key(Files(paths)) is not None
    assert content_key(Another(paths)) is None


def test_an_image_that_cannot_be_decoded_is_named_and_nothing_takes_its_place(paths: list[Path]):
    paths[0].write_text("a text")
    paths[4].unlink()
    for _ in range(2):  # decoded, and opened again
        found = decode_split(Files(paths), SHAPE)
        assert [Path(name).name for name in found.names] == ["1.png", "2.png", "3.png", "5.png"]
        assert found.labels.tolist() == [1, 0, 1, 1]
        assert len(found.images) == 4
        assert found.skipped == [
            {"name": str(paths[0]), "reason": "not a readable image"},
            {"name": str(paths[4]), "reason": "no such file"},
        ]
    wanted = np.stack([to_pixels(Image.open(paths[i]), *SHAPE) for i in (1, 2, 3, 5)])
    assert np.array_equal(found.images, wanted)


def test_a_mended_image_is_decoded_again(paths: list[Path]):
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[:60])
    assert len(decode_split(Files(paths), SHAPE).skipped) == 1
    paths[0].write_bytes(whole)
    assert decode_split(Files(paths), SHAPE).skipped == []


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()])
def test_a_crash_while_decoding_leaves_no_store(paths: list[Path], stores: Path, error: BaseException):
    class Crashing(Files):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            if index == 4:
                raise error
            return super().__getitem__(index)

    with pytest.raises(type(error)):
        decode_split(Crashing(paths), SHAPE)
    assert kept(stores) == []
    assert len(decode_split(Files(paths), SHAPE).names) == 6


def test_something_that_is_no_image_is_the_datasets_fault(paths: list[Path], stores: Path):
    class Wrong(Files):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            return [1, 2, 3], 0

    with pytest.raises(ContractError, match="must be a Path, a PIL image or an array of numbers"):
        decode_split(Wrong(paths), SHAPE)
    assert kept(stores) == []


def test_a_stream_gives_the_pixels_that_the_disk_does(paths: list[Path], stores: Path):
    paths[1].write_bytes(b"broken")
    dataset = Files(paths)
    disk, stream = decode_split(Files(paths), SHAPE, "disk"), decode_split(dataset, SHAPE, "stream")
    assert (stream.labels.tolist(), stream.skipped) == (disk.labels.tolist(), disk.skipped)
    assert list(stream.names) == list(disk.names)
    before = dataset.opened
    for rows in (np.array([3, 0, 3]), np.arange(5)):
        assert np.array_equal(stream.images[rows], disk.images[rows])
    assert dataset.opened == before + 8, "decoded whenever they are asked for"
    assert sorted((folder / "images.npy").exists() for folder in kept(stores)) == [False, True]


@given(batch_size=st.integers(1, 7), seed=st.integers(0, 2**32), bad=st.integers(0, 5))
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_training_on_a_stream_sees_what_it_sees_of_the_disk(paths: list[Path], batch_size: int, seed: int, bad: int):
    """Bit for bit, in the first epoch's order and in the second's, whichever file is broken."""
    whole = paths[bad].read_bytes()
    paths[bad].write_bytes(b"broken")
    try:
        disk, stream = (batches(decode_split(Files(paths), SHAPE, store), batch_size, seed) for store in STORES)
        orders = []
        for epoch in range(2):
            disk.epoch = stream.epoch = epoch
            for (images, labels), (streamed, as_streamed) in zip(disk, stream, strict=True):
                assert torch.equal(images, streamed)
                assert torch.equal(labels, as_streamed)
            orders.append(np.concatenate(stream.indices(epoch)).tolist())
        assert sorted(orders[0]) == sorted(orders[1]) == [0, 1, 2, 3, 4]
    finally:
        paths[bad].write_bytes(whole)


def batches(decoded: Decoded, batch_size: int, seed: int) -> Batches:
    cpu = torch.device("cpu")
    split = Split("train", decoded.images, decoded.labels, decoded.names)
    return Batches(
        split,
        batch_size,
        Normalize([0.5] * 3, [0.3] * 3, cpu),
        sampling=Sampling(lambda part, ranks: shuffle(len(part), seed, part.shards, ranks)),
    )


def test_a_stream_is_checked_once(paths: list[Path]):
    decode_split(Files(paths), SHAPE, "stream")
    again = Files(paths)
    decode_split(again, SHAPE, "stream")
    assert first_opened(again) == 0


def test_auto_streams_what_does_not_fit_in_half_of_the_free_disk(paths: list[Path], monkeypatch: pytest.MonkeyPatch):
    def free(space: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, space))  # type: ignore[attr-defined]

    need = 6 * 8 * 8 * 3
    free(2 * need)
    assert not isinstance(decode_split(Files(paths), SHAPE).images, np.ndarray)
    free(2 * need + 2)
    assert isinstance(decode_split(Files(paths), SHAPE).images, np.ndarray)
    free(2 * need)
    again = Files(paths)
    assert isinstance(decode_split(again, SHAPE).images, np.ndarray), "the disk has them already: it is no matter"
    assert first_opened(again) == 0


def test_items_without_files_are_decoded_into_memory_each_time(stores: Path):
    first, second = Arrays(), Arrays()
    one, two = decode_split(first, SHAPE), decode_split(second, SHAPE)
    assert first.opened == second.opened == 5
    assert kept(stores) == []
    assert one.fingerprint == two.fingerprint != decode_split(Arrays(seed=1), SHAPE).fingerprint
    assert one.names[2] == "image 2"
    assert np.array_equal(one.images, first.images.transpose(0, 2, 3, 1))
    streamed = decode_split(Arrays(), SHAPE, "stream")
    assert np.array_equal(streamed.images[np.arange(5)], one.images)


def test_a_datasets_own_fingerprint_is_believed(stores: Path):
    decode_split(Arrays(fingerprint="v1"), SHAPE)
    again, newer = Arrays(fingerprint="v1"), Arrays(fingerprint="v2")
    decode_split(again, SHAPE)
    decode_split(newer, SHAPE)
    assert (again.opened, newer.opened) == (0, 5)
    assert len(kept(stores)) == 2
    assert content_key(Arrays(4, fingerprint="v1")) != content_key(Arrays(5, fingerprint="v1"))


@pytest.mark.parametrize("store", ["disk", "stream"])
def test_progress_is_told_for_each_image_up_to_all_of_them(paths: list[Path], store: str):
    paths[2].write_bytes(b"broken")
    told: list[tuple[int, int]] = []
    decode_split(Files(paths), SHAPE, store, lambda done, total: told.append((done, total)))
    assert told == [(i, 6) for i in range(1, 7)]


def test_a_cache_that_cannot_be_written_is_named(paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file" / "cache"))
    for store in ("auto", "disk"):
        with pytest.raises(OutputError, match="ZOO_CACHE") as caught:
            decode_split(Files(paths), SHAPE, store)
        assert str(tmp_path / "file") in str(caught.value)


@pytest.mark.parametrize("lost", FILES)
def test_what_a_cleaner_of_caches_left_of_a_store_is_built_again(paths: list[Path], stores: Path, lost: str):
    wanted = np.array(decode_split(Files(paths), SHAPE).images)
    (kept(stores)[0] / lost).unlink()
    assert np.array_equal(decode_split(Files(paths), SHAPE).images, wanted)
    assert {file.name for file in kept(stores)[0].iterdir()} == set(FILES)
