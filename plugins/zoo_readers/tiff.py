"""TIFF files by tifffile: any number of bands, pages and bits, GeoTIFF among them."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from tifffile import TiffFile

from zoo.plugin import PictureValues
from zoo_readers.limits import check_size

__all__ = ["read"]


def read(file: IO[bytes]) -> PictureValues:
    """Read the bands of a TIFF file, or its pages, as channels, in the order of the file.

    Pages of reduced size, as overviews and thumbnails are, are left out.

    Returns:
        The numbers (C, H, W), as they are in the file.

    Raises:
        OSError: the file has images of different sizes, or is too large.
    """
    with TiffFile(file) as tiff:
        series: list[Any] = [each for each in tiff.series if not each.keyframe.is_reduced]
        if len(series) != 1:
            raise OSError(f"a TIFF of {len(series)} images of different sizes; one is needed")
        check_size(int(np.prod(series[0].shape)))
        array, axes = series[0].asarray(), series[0].axes
    height, width = axes.index("Y"), axes.index("X")
    planes = np.moveaxis(array, (height, width), (-2, -1))
    return PictureValues(planes.reshape(-1, *planes.shape[-2:]))
