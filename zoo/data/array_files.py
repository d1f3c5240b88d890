"""Images in NumPy files: ``.npy``, and ``.npz`` with one array."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_array"]

_DAMAGED = (EOFError, ValueError, TypeError, SyntaxError, OverflowError, MemoryError, TokenError)


def read_array(source: str | Path) -> NDArray[Any]:
    """Read an array of an image, as it is.

    The array is (C, H, W), (H, W, C) or (H, W). With three dimensions, the smaller of the first and the last is the
    channel axis, the first where they are equal. Pickled data is never loaded.

    Args:
        source: path of the file.

    Returns:
        The numbers, (C, H, W).

    Raises:
        OSError: the file is missing, or not an array of real numbers of two or three dimensions.
    """
    array = _loaded(source)
    if (
        not isinstance(array, np.ndarray)
        or array.dtype.kind not in "buif"
        or array.ndim not in (2, 3)
        or not array.size
    ):
        form = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise OSError(f"not an array of numbers (C, H, W) or (H, W, C), but {form}")
    array = np.array(array)
    if array.ndim == 2:
        return array[None]
    return np.ascontiguousarray(array if array.shape[0] <= array.shape[2] else np.moveaxis(array, 2, 0))


def _loaded(source: str | Path) -> Any:
    try:
        if Path(source).suffix.lower() != ".npz":  # a memory map fails on truncated files before they are allocated
            return np.load(source, mmap_mode="r", allow_pickle=False)
        with np.load(source, allow_pickle=False) as file:
            if len(names := file.files) != 1:
                raise OSError(f"a .npz of {len(names)} arrays; one of an image has one")
            return file[names[0]]
    except _DAMAGED as error:
        raise OSError("not a NumPy array that can be read without pickle") from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise OSError("a damaged .npz") from error
