"""The original files of MNIST and similar datasets: idx format, optionally gzipped, in a read-only folder."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from zoo.errors import DataError
from zoo_torchvision.sets import Source

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["IdxImages", "idx_files", "read_idx"]

_PARTS = {"train": "train", "test": "t10k"}
_KINDS = {"images": 3, "labels": 1}
"""Number of dimensions of each kind of file, which is part of the name: ``train-images-idx3-ubyte``."""
_BYTES = 0x08
"""Code of the value type uint8 in idx files."""
_LARGEST = 1 << 30
"""Maximum number of bytes of a file, to reject implausible headers."""


class IdxImages:
    """A split of MNIST or a dataset of the same format, with the attributes of torchvision's class.

    Args:
        data: images (N, H, W), uint8.
        targets: labels (N,), uint8.
    """

    def __init__(self, data: np.ndarray, targets: np.ndarray) -> None:
        self.data = data
        self.targets = targets

    def __getitem__(self, index: int) -> tuple[Image, int]:
        import PIL.Image

        return PIL.Image.fromarray(self.data[index]), int(self.targets[index])


def idx_files(folder: Path) -> list[Path]:
    """Files of both splits directly in a folder; unpacked files take precedence over gzipped ones."""
    found = (_find(folder, part, kind) for part in _PARTS.values() for kind in _KINDS)
    return [path for path in found if path is not None]


def _name(part: str, kind: str) -> str:
    return f"{part}-{kind}-idx{_KINDS[kind]}-ubyte"


def _find(folder: Path, part: str, kind: str) -> Path | None:
    plain = folder / _name(part, kind)
    return next((path for path in (plain, plain.with_name(f"{plain.name}.gz")) if path.is_file()), None)


def read_idx(source: Source, folder: Path, split: str) -> IdxImages:
    """Read a split from its two files in a folder.

    Raises:
        DataError: a file is missing, damaged or truncated, or the two don't match.
    """
    paths = {kind: _find(folder, _PARTS[split], kind) for kind in _KINDS}
    for kind, path in paths.items():
        if path is None:
            name = _name(_PARTS[split], kind)
            raise DataError(
                f"The {split} split of {source.name} is incomplete: {folder} has no {name}.gz and no {name}. "
                f"Download it from {source.site}, and run: zoo run ARCHITECTURE {source.name} --data {folder}"
            )
    images_file, labels_file = cast("list[Path]", [paths["images"], paths["labels"]])
    images, labels = _array(source, images_file, 3), _array(source, labels_file, 1)
    if len(images) != len(labels):
        raise _unreadable(
            source, labels_file, f"it has {len(labels):,} labels, and {images_file.name} {len(images):,} images"
        )
    if len(labels) and labels.max() > 9:
        raise _unreadable(source, labels_file, f"it has the label {labels.max()}, and the classes are 0 to 9")
    return IdxImages(images, labels)


def _array(source: Source, path: Path, dims: int) -> np.ndarray:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _parsed(cast(BinaryIO, file), dims)
    except (OSError, EOFError, zlib.error, ValueError) as error:  # gzip raises the first three for what is damaged
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise _unreadable(source, path, getattr(error, "strerror", None) or reason) from error


def _parsed(file: BinaryIO, dims: int) -> np.ndarray:
    """Parse a header of big-endian numbers (two zero bytes, type, dimensions, sizes) and the values after it.

    Raises:
        ValueError: the file has another format, or its size doesn't match its header.
    """
    header = file.read(4 + 4 * dims)
    if len(header) < 4 + 4 * dims or header[:4] != bytes([0, 0, _BYTES, dims]):
        raise ValueError(f"it does not start like an idx{dims} file")
    shape = tuple(int.from_bytes(header[4 * i : 4 * i + 4], "big") for i in range(1, dims + 1))
    size = math.prod(shape)
    if not 0 < size <= _LARGEST:
        raise ValueError(f"its header says {' x '.join(map(str, shape))} values")
    content = file.read(size + 1)
    if len(content) != size:
        few = f"it has {len(content):,}" if len(content) < size else "it is longer"
        raise ValueError(f"its header says {size:,} bytes, and {few}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _unreadable(source: Source, path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} can't be read: {reason}. Download the original file from {source.site}, and run: zoo run "
        f"ARCHITECTURE {source.name} --data {path.parent}"
    )
