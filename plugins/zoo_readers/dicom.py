"""DICOM files by pydicom: stored values become those of the unit that the file states.

Source: DICOM PS3.3 2024, C.7.6.3 (image pixel), C.11.1 (modality LUT) and C.11.2 (VOI LUT).
"""

from __future__ import annotations

import hashlib
from typing import IO, Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from zoo.plugin import PictureValues
from zoo_readers.limits import check_size

__all__ = ["read"]

_GROUPS = ("PatientID", "StudyInstanceUID")
"""What images have in common, the most comprehensive first."""


def read(file: IO[bytes]) -> PictureValues:
    """Read the values of a DICOM image, in the unit after its rescaling, such as Hounsfield units.

    Inverted images (MONOCHROME1) are inverted back, so that a larger value is brighter; a palette and the YBR forms
    become RGB. The frames of a file are channels. Of the header, only the window and a digest of the patient's
    identifier, or of the study's, are returned.

    Raises:
        OSError: the file is not a DICOM image, is damaged, or has a compression that no installed library decodes.
    """
    try:
        data = pydicom.dcmread(file)
    except InvalidDicomError as error:
        raise OSError("not a DICOM file: it lacks the header") from error
    _check(data)
    try:
        stored = data.pixel_array
    except (RuntimeError, NotImplementedError) as error:  # no handler is installed, or all of them have failed
        raise OSError(f"pixels that no installed library decodes ({_syntax(data)})") from error
    if data.PhotometricInterpretation == "PALETTE COLOR":
        stored = apply_color_lut(stored, data)
    if data.get("SamplesPerPixel", 1) > 1 or data.PhotometricInterpretation == "PALETTE COLOR":
        return PictureValues(_colours(stored), group=_group(data))
    return _greys(stored, data)


def _check(data: Any) -> None:
    if not any(name in data for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise OSError("a DICOM file without an image")
    if getattr(data.file_meta, "TransferSyntaxUID", None) is None:
        raise OSError("a DICOM file that does not state its transfer syntax")
    count = int(data.get("NumberOfFrames", 1) or 1) * int(data.get("SamplesPerPixel", 1))
    check_size(int(data.get("Rows", 0)) * int(data.get("Columns", 0)) * count)


def _syntax(data: Any) -> str:
    return str(data.file_meta.TransferSyntaxUID.name)


def _colours(stored: NDArray[Any]) -> NDArray[Any]:
    if stored.ndim != 3:
        raise OSError(f"{len(stored)} frames of colour; an image has one")
    return np.ascontiguousarray(np.moveaxis(stored, 2, 0))


def _greys(stored: NDArray[Any], data: Any) -> PictureValues:
    """Grey values (frames, H, W) in the unit of the file, and their window."""
    values = apply_modality_lut(_narrow(stored), data)
    window, inverted = _window(data), data.PhotometricInterpretation == "MONOCHROME1"
    if inverted:
        ends = np.array(_ends(data))
        total = float(apply_modality_lut(ends, data).astype(np.float64).sum())
        values = (total - values.astype(np.float64)).astype(_type_of(values))
        window = None if window is None else (total - window[1], total - window[0])
    return PictureValues(values[None] if values.ndim == 2 else values, window, _group(data))


def _narrow(stored: NDArray[Any]) -> NDArray[Any]:
    """The values in this machine's order of bytes."""
    return stored.astype(stored.dtype.newbyteorder("="), copy=False)


def _type_of(values: NDArray[Any]) -> Any:
    return values.dtype if values.dtype.kind == "u" else np.float64


def _ends(data: Any) -> tuple[int, int]:
    """Smallest and largest value that the stored bits can have."""
    bits = int(data.BitsStored)
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if data.PixelRepresentation else (0, 2**bits - 1)


def _window(data: Any) -> tuple[float, float] | None:
    """Values that the first window of the file shows as black and as white; None without a linear window."""
    centers, widths = data.get("WindowCenter"), data.get("WindowWidth")
    function = str(data.get("VOILUTFunction") or "LINEAR")
    if centers is None or widths is None or "VOILUTSequence" in data or function not in ("LINEAR", "LINEAR_EXACT"):
        return None
    center, width = (float(np.atleast_1d(each)[0]) for each in (centers, widths))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    return (center - width / 2, center + width / 2) if width > 0 else None


def _group(data: Any) -> str | None:
    """Digest of what identifies the patient, or else the study: the same for their images, and not the identifier."""
    known = next((str(data.get(name)) for name in _GROUPS if str(data.get(name) or "").strip()), None)
    return None if known is None else hashlib.sha256(known.encode()).hexdigest()[:12]
