"""The dataset ``idx``: files of the format of MNIST (LeCun, 1998), gzipped or not."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from zoo.api.jobs import listing
from zoo.errors import DataError
from zoo_formats.glimpse import entries
from zoo_formats.labelled import LabelledImages, ListedImages
from zoo_formats.paths import need_root
from zoo_formats.splits import split_in, splits_among

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_formats.arrays import ArrayPictures

__all__ = ["IdxFiles", "recognises"]

_WHAT = "a folder of idx files, such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz"
_IMAGES = re.compile(r"(?P<part>.*?)[-_.]?images[-_.]idx(?P<dims>[34])[-_.]ubyte(\.gz)?", re.IGNORECASE)
_UINT8 = 0x08
_LARGEST = 1 << 33
_NAMELESS = "The classes have numbers but no names: name them in order with dataset.class_names."


def recognises(path: Path) -> bool:
    """Check for a file of images with such a name, or a folder of them."""
    if path.is_file():
        return _IMAGES.fullmatch(path.name) is not None
    return any(_IMAGES.fullmatch(each.name) for each in entries(path))


class _Pair(NamedTuple):
    """Files of the images and labels of a split."""

    split: str | None
    images: Path
    labels: Path


class IdxFiles(LabelledImages[int]):
    """Images and labels in pairs of idx files, as MNIST and its relatives are distributed.

    Files are called ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, with any words before ``images`` and
    ``labels``; ``t10k`` and ``test`` are the test split. Unpacked files go before gzipped ones. Images are of 8 bits,
    grey, or of four dimensions with the colours last.

    Args:
        root: the folder, or one file of images.
        split: one of ``available_splits(root)``; ``"all"`` too where there are no splits.
        class_names: names of the classes 0, 1, 2, …; None for the numbers.

    Raises:
        DataError: a file is missing, damaged or truncated, or the two don't match; a label has no name; the training
            images are of one class only; there is no such split.
    """

    def __init__(self, root: Path | None, split: str, class_names: list[str] | None = None) -> None:
        path = need_root(root, "idx", _WHAT)
        pairs = _pairs(path)
        pair = next((each for each in pairs if each.split in (None, split)), pairs[0])
        found = _read(pair, tuple(class_names or ()), tuple(each.split or "" for each in pairs), str(path))
        super().__init__(found[0], split, found[1], f"idx files in {path}")

    @staticmethod
    def available_splits(root: Path | None, class_names: list[str] | None = None) -> tuple[str, ...]:
        """Splits among train, val and test.

        Raises:
            DataError: see the class.
        """
        del class_names
        pairs = _pairs(need_root(root, "idx", _WHAT))
        return splits_among(None if pairs[0].split is None else {str(pair.split) for pair in pairs})

    @staticmethod
    def peek(root: Path | None, class_names: list[str] | None = None) -> dict[str, object]:
        """``in_chans``, from the header.

        Raises:
            DataError: see the class.
        """
        del class_names
        shape = _header(_pairs(need_root(root, "idx", _WHAT))[0].images)
        return {"in_chans": 1 if len(shape) == 3 else shape[3]}


def _pairs(root: Path) -> list[_Pair]:
    """Files of each split.

    Raises:
        DataError: there are none, one is without its labels, or several are of one split.
    """
    folder = root.parent if root.is_file() else root
    names = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
    found: dict[str, _Pair] = {}
    for name, path in names.items():
        match = _IMAGES.fullmatch(name)
        if match is None or (root.is_file() and path != root):
            continue
        stem = name.removesuffix(".gz")
        labels = re.sub("images", "labels", re.sub("idx[34]", "idx1", stem), count=1)
        other = names.get(labels) or names.get(f"{labels}.gz")
        if other is None:
            raise DataError(f"{folder} has {name}, but neither {labels} nor {labels}.gz. Download the labels as well.")
        if stem not in found or not name.endswith(".gz"):
            found[stem] = _Pair(_split(match["part"]), path, other)
    pairs = list(found.values())
    if not pairs:
        raise DataError(f"There are no idx files of images in {folder}. idx reads {_WHAT}.")
    if root.is_file():
        return [pairs[0]._replace(split=None)]
    if len(pairs) == 1:
        return [pairs[0]._replace(split=None)]
    if len({pair.split for pair in pairs}) < len(pairs) or None in {pair.split for pair in pairs}:
        raise DataError(
            f"{folder} has several files of images without a split of its own for each: "
            f"{listing([pair.images.name for pair in pairs])}. Give one of them: --data {pairs[0].images}"
        )
    return pairs


def _split(part: str) -> str | None:
    return "test" if "t10k" in part.casefold() else split_in(part)


def _read(
    pair: _Pair, names: tuple[str, ...], splits: tuple[str, ...], where: str
) -> tuple[ListedImages[int], ArrayPictures]:
    stamps = tuple((path.stat().st_size, path.stat().st_mtime_ns) for path in (pair.images, pair.labels))
    return _read_once(pair, names, splits, where, stamps)


@lru_cache(maxsize=2)
def _read_once(
    pair: _Pair, names: tuple[str, ...], splits: tuple[str, ...], where: str, stamps: object
) -> tuple[ListedImages[int], ArrayPictures]:
    """Read a split once, as long as its files are the same.

    Raises:
        DataError: see :class:`IdxFiles`.
    """
    from zoo_formats.arrays import ArrayPictures, contents_of, label_names, need_images

    del stamps
    images = need_images(_array(pair.images), str(pair.images))
    labels = _array(pair.labels)
    if len(images) != len(labels):
        raise DataError(
            f"{pair.labels} has {len(labels):,} labels, and {pair.images.name} {len(images):,} images. Download both "
            "again."
        )
    contents = contents_of(images)
    listed = ListedImages(
        where,
        range(len(images)),
        label_names(labels, names or None, str(pair.labels)),
        splits=None if pair.split is None else [pair.split] * len(images),
        others=[split for split in splits if split],
        contents=contents,
        notices=[] if names else [_NAMELESS],
    )
    return listed, ArrayPictures(images, pair.images.name, contents)


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _header(path: Path) -> tuple[int, ...]:
    """Shape of the values of a file.

    Raises:
        DataError: the file is not an idx file of bytes, or is damaged.
    """
    try:
        with _open(path) as file:
            return _shape(file)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise _damaged(path, error) from error


def _array(path: Path) -> NDArray[Any]:
    """Values of a file, uint8."""
    import numpy as np

    try:
        with _open(path) as file:
            shape = _shape(file)
            size = math.prod(shape)
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise _damaged(path, error) from error
    if len(content) != size:
        few = f"it has {len(content):,}" if len(content) < size else "it is longer"
        raise _damaged(path, ValueError(f"its header says {size:,} bytes, and {few}"))
    return cast("NDArray[Any]", np.frombuffer(content, np.uint8).reshape(shape))


def _shape(file: Any) -> tuple[int, ...]:
    """Parse a header of big-endian numbers: two zero bytes, type, dimensions, sizes."""
    begin = file.read(4)
    if len(begin) < 4 or begin[:2] != b"\0\0" or not 1 <= begin[3] <= 4:
        raise ValueError("it does not begin like an idx file")
    if begin[2] != _UINT8:
        raise ValueError(f"its values are of the type {begin[2]:#04x}; bytes (0x08) are read")
    sizes = file.read(4 * begin[3])
    shape = tuple(int.from_bytes(sizes[4 * i : 4 * i + 4], "big") for i in range(begin[3]))
    if len(sizes) < 4 * begin[3] or not 0 < math.prod(shape) <= _LARGEST:
        raise ValueError(f"its header says {' x '.join(map(str, shape))} values")
    return shape


def _damaged(path: Path, error: BaseException) -> DataError:
    reason = str(error).strip().rstrip(".") or type(error).__name__
    return DataError(f"{path} can't be read: {reason}. Download the original file again.")
