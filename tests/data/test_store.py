"""The decode-once store: keyed by content, whole or not there, and honest about what can't be decoded."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from zoo.data.decode import DECODER, Shape, to_pixels
from zoo.data.store import Decoded, content_key, decode_split
from zoo.errors import ContractError, OutputError

SHAPE = Shape(8, 3, "squash")
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
    assert found.names == [str(path) for path in paths]
    assert found.skipped == []


def test_a_second_time_decodes_nothing(paths: list[Path], stores: Path):
    first, second = Files(paths), Files(paths)
    one = decode_split(first, SHAPE)
    two = decode_split(second, SHAPE)
    assert first.opened >= 6
    assert first_opened(second) == 0
    assert np.array_equal(one.images, two.images)
    assert (one.labels.tolist(), one.names, one.fingerprint) == (two.labels.tolist(), two.names, two.fingerprint)
    assert isinstance(two.images, np.memmap)
    assert not two.images.flags.writeable
    assert len(kept(stores)) == 1


def test_the_same_files_elsewhere_are_the_same_content(paths: list[Path], tmp_path: Path):
    paths[2].write_bytes(b"broken")
    decode_split(Files(paths), SHAPE)
    moved = Path(shutil.copytree(paths[0].parent, tmp_path / "moved"))
    dataset = Files([moved / path.name for path in paths])
    found = decode_split(dataset, SHAPE)
    assert first_opened(dataset) == 0
    assert found.names == [str(moved / path.name) for path in paths if path != paths[2]]
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


def test_a_store_from_before_there_was_a_choice_of_filter_stays_valid(paths: list[Path], stores: Path):
    """Its key had three words of the shape: side, channels, squash."""
    decode_split(Files(paths), SHAPE)
    old = f"{content_key(Files(paths))} {(8, 3, 'squash')} {DECODER} False"
    assert [folder.name for folder in kept(stores)] == [hashlib.sha256(old.encode()).hexdigest()[:32]]
    again = Files(paths)
    decode_split(again, Shape(8, 3, "squash", "bilinear", 0.5))
    assert first_opened(again) == 0, "nothing is cut of what is squashed"


def test_a_dataset_that_changes_its_files_pixels_is_not_known_by_their_bytes(paths: list[Path]):
    """The files are those of another dataset; what is made of them isn't."""

    class Mirrored(Files):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            image, label = super().__getitem__(index)
            return ImageOps.mirror(image), label

    plain, mirrored = decode_split(Files(paths), SHAPE), decode_split(Mirrored(paths), SHAPE)
    assert not np.array_equal(plain.images[np.arange(6)], mirrored.images[np.arange(6)])


def test_an_image_that_cannot_be_decoded_is_named_and_nothing_takes_its_place(paths: list[Path]):
    paths[0].write_text("a text")
    paths[4].unlink()
    for _ in range(2):  # decoded, and opened again
        found = decode_split(Files(paths), SHAPE)
        assert [Path(name).name for name in found.names] == ["1.png", "2.png", "3.png", "5.png"]
        assert found.labels.tolist() == [1, 0, 1, 1]
        assert len(found.images) == 4
        assert found.skipped == [
            {"name": str(paths[0]), "reason": "not an image that can be read"},
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

    with pytest.raises(ContractError, match="must be a PIL image or uint8"):
        decode_split(Wrong(paths), SHAPE)
    assert kept(stores) == []


def test_a_stream_gives_the_pixels_that_the_disk_does(paths: list[Path], stores: Path):
    paths[1].write_bytes(b"broken")
    dataset = Files(paths)
    disk, stream = decode_split(Files(paths), SHAPE, "disk"), decode_split(dataset, SHAPE, "stream")
    assert (stream.names, stream.labels.tolist(), stream.skipped) == (disk.names, disk.labels.tolist(), disk.skipped)
    before = dataset.opened
    for rows in (np.array([3, 0, 3]), np.arange(5)):
        assert np.array_equal(stream.images[rows], disk.images[rows])
    assert dataset.opened == before + 8, "decoded whenever they are asked for"
    assert sorted((folder / "images.npy").exists() for folder in kept(stores)) == [False, True]


def test_a_stream_is_checked_once(paths: list[Path]):
    decode_split(Files(paths), SHAPE, "stream")
    again = Files(paths)
    decode_split(again, SHAPE, "stream")
    assert first_opened(again) == 0


def test_auto_streams_what_does_not_fit_in_half_of_the_free_disk(paths: list[Path], monkeypatch: pytest.MonkeyPatch):
    def free(space: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, space))  # type: ignore[attr-defined]

    need = 6 * 8 * 8 * 3
    free(2 * need + 2)
    assert isinstance(decode_split(Files(paths), SHAPE).images, np.ndarray)
    free(2 * need)
    assert not isinstance(decode_split(Files(paths), SHAPE).images, np.ndarray)


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


def test_two_jobs_at_once_make_one_store(paths: list[Path], stores: Path):
    """Each decodes, the first to be done wins, and both go on."""
    barrier = threading.Barrier(2)

    class Meeting(Files):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            if index == 5:
                barrier.wait(timeout=20)  # neither is done before both have begun
            return super().__getitem__(index)

    results: list[Decoded] = []
    jobs = [threading.Thread(target=lambda: results.append(decode_split(Meeting(paths), SHAPE))) for _ in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert len(results) == 2
    assert np.array_equal(results[0].images, results[1].images)
    assert len(kept(stores)) == 1


def test_a_cache_that_cannot_be_written_is_named(paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file" / "cache"))
    for store in ("auto", "disk"):
        with pytest.raises(OutputError, match="ZOO_CACHE") as caught:
            decode_split(Files(paths), SHAPE, store)
        assert str(tmp_path / "file") in str(caught.value)


@pytest.mark.parametrize("lost", ["images.npy", "store.json"])
def test_what_a_cleaner_of_caches_left_of_a_store_is_built_again(paths: list[Path], stores: Path, lost: str):
    wanted = np.array(decode_split(Files(paths), SHAPE).images)
    (kept(stores)[0] / lost).unlink()
    assert np.array_equal(decode_split(Files(paths), SHAPE).images, wanted)
    assert {file.name for file in kept(stores)[0].iterdir()} == {"images.npy", "store.json"}
