"""Images in arrays: idx files, of Debian's Fashion-MNIST too, and MedMNIST's npz."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Folder of Debian's package dataset-fashion-mnist."""


def idx(array: np.ndarray, kind: int = 0x08) -> bytes:
    """An idx file, as LeCun describes the format."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.tobytes()


def images(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, *(shape or (9, 8))), dtype=np.uint8)


def labels(count: int) -> np.ndarray:
    return (np.arange(count) % 3).astype(np.uint8)


def mnist(root: Path, *, packed: bool = True, shape: tuple[int, ...] = (9, 8)) -> Path:
    """The four files of MNIST, or of colours where the shape has three sides."""
    root.mkdir(exist_ok=True)
    for part, count in (("train", 12), ("t10k", 6)):
        kinds = {f"images-idx{len(shape) + 1}": images(count, *shape), "labels-idx1": labels(count)}
        for kind, array in kinds.items():
            path = root / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return root


@pytest.mark.slow
@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_debians_fashion_mnist(tmp_path: Path, look: Any):
    from torchvision.datasets.mnist import read_image_file

    found = look(DEBIAN)
    assert found.id == "formats/idx"
    assert {split: len(data) for split, data in found.splits.items()} == {"train": 60_000, "test": 10_000}
    train = found.splits["train"]
    assert np.bincount(train.targets).tolist() == [6000] * 10
    assert train.classes == [str(i) for i in range(10)]
    assert "name them in order with dataset.class_names" in train.notices[0]
    plain = tmp_path / "train-images-idx3-ubyte"
    plain.write_bytes(gzip.decompress((DEBIAN / f"{plain.name}.gz").read_bytes()))
    theirs = read_image_file(str(plain)).numpy()
    assert np.array_equal(np.stack([train[i][0][0] for i in range(0, 60_000, 999)]), theirs[::999])


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_of_idx_files(packed: bool, tmp_path: Path, look: Any, runs: Any):
    root = mnist(tmp_path / "m", packed=packed)
    found = look(root, class_names=["a", "b", "c"])
    assert found.id == "formats/idx"
    assert found.labels["test"] == ["a", "b", "c"] * 2
    assert np.array_equal(found.splits["train"][5][0], images(12)[5][None])
    result = runs(root, "--set", "dataset.class_names=[a,b,c]")
    assert result["splits"]["test"]["images"] == 6
    assert result["classes"] == ["a", "b", "c"]


def test_colours_in_a_fourth_dimension_and_one_file_alone(tmp_path: Path, look: Any):
    root = mnist(tmp_path / "m", shape=(9, 8, 3))
    data = look(root).splits["train"]
    assert np.array_equal(data[2][0], np.moveaxis(images(12, 9, 8, 3)[2], 2, 0))
    alone = look(root / "t10k-images-idx4-ubyte.gz")
    assert {split: len(each) for split, each in alone.splits.items()} == {"train": 6}


def test_the_same_image_with_two_labels_is_said(tmp_path: Path, look: Any):
    root = mnist(tmp_path / "m", packed=False)
    same = images(12)
    same[1] = same[0]
    (root / "train-images-idx3-ubyte").write_bytes(idx(same))
    assert "1 picture occurs more than once" in look(root, class_names=["a", "b", "c"]).splits["train"].notices[0]


IDX_BROKEN = {
    "truncated": ("train-images-idx3-ubyte", idx(images(12))[:-5], "its header says 864 bytes, and it has 859"),
    "too long": ("train-images-idx3-ubyte", idx(images(12)) + b"x", "and it is longer"),
    "header alone": ("train-images-idx3-ubyte", b"\0\0\x08\x03\0\0", "its header says"),
    "another file": ("train-labels-idx1-ubyte", b"hello world", "it does not begin like an idx file"),
    "other numbers": ("train-images-idx3-ubyte", idx(images(12), 0x0D), "its values are of the type 0x0d"),
    "fewer labels": ("train-labels-idx1-ubyte", idx(labels(11)), "has 11 labels, and train-images-idx3-ubyte 12"),
    "unknown class": ("train-labels-idx1-ubyte", idx(labels(12) + 1), "has the label 3, but there are 3 names"),
}


@pytest.mark.parametrize("case", IDX_BROKEN)
def test_a_broken_idx_file_is_refused(case: str, tmp_path: Path, refused: Any):
    root = mnist(tmp_path / "m", packed=False)
    file, data, reason = IDX_BROKEN[case]
    (root / file).write_bytes(data)
    assert reason in refused("run", "simple_cnn", root, "--set", "dataset.class_names=[a,b,c]")


def test_a_broken_gzip_and_missing_labels_are_refused(tmp_path: Path, refused: Any):
    root = mnist(tmp_path / "m")
    file = root / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-20])
    assert f"{file} can't be read: " in refused("run", "simple_cnn", root)
    (root / "train-labels-idx1-ubyte.gz").unlink()
    assert "but neither train-labels-idx1-ubyte nor" in refused("run", "simple_cnn", root)
    assert "There are no idx files of images in" in refused("run", "simple_cnn", "idx", "--data", tmp_path)


def medmnist(path: Path, shape: tuple[int, ...] = (9, 8, 3), columns: int = 1, **changes: Any) -> Path:
    """The arrays of MedMNIST: images, and labels (N, 1) or (N, K) of 0 and 1."""
    arrays: dict[str, Any] = {}
    for split, count in (("train", 12), ("val", 6), ("test", 3)):
        arrays[f"{split}_images"] = images(count, *shape)
        arrays[f"{split}_labels"] = (
            labels(count)[:, None] if columns == 1 else (np.arange(count)[:, None] >> np.arange(columns)) & 1
        ).astype(np.uint8)
    arrays.update(changes)
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_a_file_of_medmnist(tmp_path: Path, look: Any, runs: Any):
    path = medmnist(tmp_path / "retinamnist_64.npz")
    found = look(path)
    assert found.id == "formats/medmnist"
    assert {split: len(data) for split, data in found.splits.items()} == {"train": 12, "val": 6, "test": 3}
    assert np.array_equal(found.splits["val"][4][0], np.moveaxis(images(6, 9, 8, 3)[4], 2, 0))
    result = runs(path)
    assert result["splits"]["test"]["images"] == 3


def test_names_of_classes_are_medmnists_own_or_given(tmp_path: Path, look: Any):
    own = look(medmnist(tmp_path / "octmnist.npz", (9, 8))).splits["train"]
    assert own.classes == ["choroidal neovascularization", "diabetic macular edema", "drusen"]
    assert own.notices == []
    other = look(medmnist(tmp_path / "mine.npz", (9, 8)))
    assert "have numbers but no names" in other.splits["train"].notices[0]
    assert look(tmp_path / "mine.npz", class_names=["a", "b", "c"]).splits["train"].classes == ["a", "b", "c"]


def test_columns_of_labels_are_multi_label(tmp_path: Path, look: Any, runs: Any):
    path = medmnist(tmp_path / "chestmnist.npz", (9, 8), columns=14)
    found = look(path)
    assert found.splits["train"].multilabel
    assert found.labels["train"][:4] == [(), ("atelectasis",), ("cardiomegaly",), ("atelectasis", "cardiomegaly")]
    changed = medmnist(tmp_path / "mine.npz", (9, 8), columns=2)
    assert runs(changed)["splits"]["val"]["images"] == 6


def test_the_file_of_keras(tmp_path: Path, look: Any):
    parts = {"x_train": images(12), "y_train": labels(12), "x_test": images(6), "y_test": labels(6)}
    np.savez(tmp_path / "mnist.npz", **parts)
    found = look(tmp_path / "mnist.npz")
    assert {split: len(data) for split, data in found.splits.items()} == {"train": 12, "test": 6}


NPZ_BROKEN = {
    "no labels": ({"val_labels": None}, "has val_images, but no val_labels"),
    "other numbers": ({"train_images": images(12).astype(np.float32)}, "has values of float32"),
    "volumes": ({"train_images": images(12, 9, 8, 7)}, "Volumes are not read"),
    "decimal labels": ({"train_labels": labels(12).astype(float)}, "has labels of float64"),
    "fewer labels": ({"train_labels": labels(11)}, "has 12 train_images, and 11 train_labels"),
    "unknown class": ({"train_labels": labels(12) + 1}, "has the label 3, but there are 3 names"),
    "pickles": ({"train_labels": np.array([{}] * 12)}, "train_labels in"),
    "no 0 and 1": ({"train_labels": np.full((12, 3), 2)}, "which have to be 0 or 1"),
}


@pytest.mark.parametrize("case", NPZ_BROKEN)
def test_a_broken_npz_is_refused(case: str, tmp_path: Path, refused: Any):
    changes, reason = NPZ_BROKEN[case]
    path = medmnist(tmp_path / "a.npz", (9, 8), **changes)
    assert reason in refused("run", "simple_cnn", path, "--set", "dataset.class_names=[a,b,c]")


def test_a_truncated_npz_is_refused(tmp_path: Path, refused: Any):
    path = medmnist(tmp_path / "a.npz")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "can't be read as a .npz file" in refused("run", "simple_cnn", "medmnist", "--data", path)
    damaged = bytearray(data)
    damaged[200:260] = bytes(60)
    path.write_bytes(damaged)
    assert "train_images in" in refused("run", "simple_cnn", path)
    np.savez(tmp_path / "b.npz", other=labels(3))
    assert "is not recognised by the datasets for .npz" in refused("run", "simple_cnn", tmp_path / "b.npz")
    assert "has no train_images" in refused("run", "simple_cnn", "medmnist", "--data", tmp_path / "b.npz")
