"""Pictures whose classes differ in the low bits alone, in every format, and DICOM files of any kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SIDE = 16
Values = Any


def low_bits(kind: str, seed: int) -> Values:
    """12-bit values (SIDE, SIDE): stripes of a direction, 12 steps high, in noise; the 8 high bits are the same."""
    down, across = np.mgrid[:SIDE, :SIDE]
    stripes = ((across if kind == "upright" else down) // 4 % 2) * 12
    noise = np.random.default_rng([seed, kind == "upright"]).integers(0, 16, (SIDE, SIDE))
    return (2048 + stripes + noise).astype(np.uint16)


def write_dicom(path: Path, values: Values, **fields: Any) -> None:
    """Write a DICOM file of grey or RGB values; fields replace those of its header."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = SecondaryCaptureImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Rows, data.Columns = values.shape[:2]
    data.SamplesPerPixel = 3 if values.ndim == 3 else 1
    data.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    data.BitsAllocated = 8 * values.dtype.itemsize
    data.BitsStored, data.HighBit = data.BitsAllocated, data.BitsAllocated - 1
    data.PixelRepresentation = int(values.dtype.kind == "i")
    if values.ndim == 3:
        data.PlanarConfiguration = 0
    for name, value in fields.items():
        setattr(data, name, value)
    data.PixelData = np.ascontiguousarray(values).tobytes()
    data.save_as(path, enforce_file_format=True)


def _tiff(path: Path, values: Values) -> None:
    import tifffile

    tifffile.imwrite(path, values)


WRITERS: dict[str, Callable[[Path, Values], None]] = {
    ".png": lambda path, values: Image.fromarray(values).save(path),
    ".tif": _tiff,
    ".npy": lambda path, values: np.save(path, values),
    ".dcm": lambda path, values: write_dicom(path, values, BitsStored=12, HighBit=11),
}


@pytest.fixture
def stripes(tmp_path: Path) -> Callable[..., Path]:
    """A folder of two classes of low bits: ``stripes(".dcm")``."""

    def write(suffix: str, count: int = 60) -> Path:
        root = tmp_path / suffix.strip(".")
        for kind in ("upright", "lying"):
            (root / kind).mkdir(parents=True)
            for number in range(count):
                WRITERS[suffix](root / kind / f"{number:03}{suffix}", low_bits(kind, number))
        return root

    return write


@pytest.fixture
def dicom() -> Callable[..., None]:
    return write_dicom


@pytest.fixture(autouse=True)
def _with_readers() -> None:
    """The readers of the installed plugins, which every command and function of the zoo finds."""
    from zoo.host.loader import open_registry

    open_registry()
