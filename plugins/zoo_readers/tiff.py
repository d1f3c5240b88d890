"""TIFF files by tifffile: any number of bands, pages and bits, GeoTIFF among them; other compressions by rasterio."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile

from zoo.api.formats import FormatNotInstalled
from zoo.plugin import PictureValues
from zoo_readers.limits import check_size

__all__ = ["read"]


def read(file: IO[bytes]) -> PictureValues:
    """Read the bands of a TIFF file, or its pages, as channels, in the order of the file.

    Pages of reduced size, as overviews and thumbnails are, are left out.

    Returns:
        The numbers (C, H, W), as they are in the file.

    Raises:
        FormatNotInstalled: the file has a compression that nothing installed decodes.
        OSError: the file has images of different sizes, or is too large.
    """
    with TiffFile(file) as tiff:
        series: list[Any] = [each for each in tiff.series if not each.keyframe.is_reduced]
        if len(series) != 1:
            raise OSError(f"a TIFF of {len(series)} images of different sizes; one is needed")
        check_size(int(np.prod(series[0].shape)))
        compression = series[0].keyframe.compression.name
        try:
            array, axes = series[0].asarray(), series[0].axes
        except (ValueError, ImportError) as error:
            if not isinstance(error, ImportError) and "imagecodecs" not in str(error):
                raise
            return PictureValues(_by_rasterio(file, compression))
    height, width = axes.index("Y"), axes.index("X")
    planes = np.moveaxis(array, (height, width), (-2, -1))
    return PictureValues(planes.reshape(-1, *planes.shape[-2:]))


def _by_rasterio(file: IO[bytes], compression: str) -> NDArray[Any]:
    """The bands (C, H, W) of a file whose compression tifffile leaves to another package: LZW, ZSTD, LERC …"""
    if not find_spec("rasterio"):
        raise FormatNotInstalled(
            f"{compression} compression, which rasterio decodes. Type: pip install 'visionzoo[geotiff]'"
        )
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile(file.read()) as memory, memory.open() as bands:
            found: NDArray[Any] = bands.read()
    return found
