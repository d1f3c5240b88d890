"""DICOM: pydicom's own test files, what their header says of the values, and damaged ones."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
import pytest

from zoo.data.decode import open_image, opened, to_pixels
from zoo.errors import BadImage
from zoo.plugin import PictureValues
from zoo.runs import read_result

FILES = Path(pydicom.data.__file__).parent / "test_files"
Dicom = Callable[..., None]
RNG = np.random.default_rng(0)
VALUES = RNG.integers(0, 4096, (6, 5), np.uint16)


def read(path: Path) -> PictureValues:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydicom, about headers
        found: PictureValues = open_image(path)
    assert isinstance(found, PictureValues)
    return found


@pytest.mark.parametrize(
    ("name", "shape", "ends", "window"),
    [
        ("CT_small.dcm", (1, 128, 128), (-896, 1167), None),
        ("MR_small.dcm", (1, 64, 64), (127, 2145), (-200, 1399)),
        ("MR_small_RLE.dcm", (1, 64, 64), (127, 2145), (-200, 1399)),
        ("MR_small_bigendian.dcm", (1, 64, 64), (127, 2145), (-200, 1399)),
        ("MR_small_jp2klossless.dcm", (1, 64, 64), (127, 2145), (-200, 1399)),
        ("SC_rgb_rle_16bit.dcm", (3, 100, 100), (0, 65535), None),
        ("SC_ybr_full_422_uncompressed.dcm", (3, 100, 100), (0, 255), None),
        ("examples_palette.dcm", (3, 350, 800), (0, 65280), None),
        ("image_dfl.dcm", (1, 512, 512), (0, 255), None),
        ("rtdose.dcm", (15, 10, 10), (795_000, 1_254_000), None),
    ],
)
def test_pydicoms_own_files(name: str, shape: tuple[int, ...], ends: tuple[float, float], window: Any):
    """CT and MR, colour, YBR and palettes, frames; uncompressed, RLE, deflated and JPEG 2000."""
    found = read(FILES / name)
    values = np.asarray(found)
    assert values.shape == shape
    assert (values.min(), values.max()) == ends
    assert found.window == window
    assert found.group is not None
    assert to_pixels(found, 8, shape[0], values="own").shape == (8, 8, shape[0])


def test_jpeg_ls_without_a_patient():
    pytest.importorskip("jpeg_ls")
    found = read(FILES / "JPEGLSNearLossless_16.dcm")
    assert (found.values[0] == pydicom.dcmread(FILES / "JPEGLSNearLossless_16.dcm").pixel_array).all()
    assert found.group is None


def test_the_values_of_a_ct_are_hounsfield_units():
    data = pydicom.dcmread(FILES / "CT_small.dcm")
    assert (data.RescaleSlope, data.RescaleIntercept) == (1, -1024)
    pixels = to_pixels(read(FILES / "CT_small.dcm"), 128, 1, values="own")
    assert pixels.dtype == np.float32
    assert (pixels[..., 0] == data.pixel_array.astype(np.float64) - 1024).all()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("MR_truncated.dcm", r"not a readable DICOM file \(The number of bytes of pixel data is less than"),
        ("rtplan.dcm", "a DICOM file without an image"),
        ("no_meta.dcm", "not a DICOM file: it lacks the header"),
        ("meta_missing_tsyntax.dcm", "does not state its transfer syntax"),
        ("SC_rgb_rle_2frame.dcm", "2 frames of colour; an image has one"),
        ("badVR.dcm", "not a readable DICOM file"),
    ],
)
def test_a_file_without_a_readable_image_says_so(name: str, reason: str):
    with pytest.raises(BadImage, match=reason):
        opened(FILES / name)


def test_a_compression_that_no_library_decodes_is_named(tmp_path: Path):
    data = pydicom.dcmread(FILES / "MR_small_jp2klossless.dcm")
    data.file_meta.TransferSyntaxUID = pydicom.uid.HTJ2KLossless
    data.save_as(tmp_path / "a.dcm")
    with pytest.raises(BadImage, match=r"pixels that no installed library decodes \(High-Throughput JPEG 2000"):
        opened(tmp_path / "a.dcm")


def test_unsigned_values_without_a_rescaling_stay_as_they_are(dicom: Dicom, tmp_path: Path):
    dicom(tmp_path / "a.dcm", VALUES, BitsStored=12, HighBit=11)
    found = read(tmp_path / "a.dcm")
    assert found.values.dtype == np.uint16
    assert (found.values[0] == VALUES).all()


@pytest.mark.parametrize("slope", [1, 0.5])
def test_an_inverted_image_is_inverted_back_with_its_window(dicom: Dicom, tmp_path: Path, slope: float):
    """MONOCHROME1: the smallest value is the brightest. A window shows the same values as before."""
    scale = {} if slope == 1 else {"RescaleSlope": slope, "RescaleIntercept": 10}
    header = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 500, "WindowWidth": 101, **scale}
    dicom(tmp_path / "plain.dcm", VALUES, **header)
    dicom(tmp_path / "inverted.dcm", VALUES, PhotometricInterpretation="MONOCHROME1", **header)
    plain, inverted = read(tmp_path / "plain.dcm"), read(tmp_path / "inverted.dcm")
    ends = (0, 4095) if slope == 1 else (10, 4095 / 2 + 10)
    assert np.allclose(np.asarray(plain, np.float64) + np.asarray(inverted, np.float64), sum(ends))
    seen = [to_pixels(each, 6, 1, values="dicom") for each in (plain, inverted)]
    assert np.allclose(seen[0], 1 - seen[1], atol=1e-5)


def test_signed_values_are_inverted_within_their_bits(dicom: Dicom, tmp_path: Path):
    values = np.array([[-2048, -5, 0, 2047]], np.int16)
    dicom(tmp_path / "a.dcm", values, BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1")
    assert np.asarray(read(tmp_path / "a.dcm")).tolist() == [[[2047, 4, -1, -2048]]]


@pytest.mark.parametrize(
    ("header", "window"),
    [
        ({"WindowCenter": 40, "WindowWidth": 401}, (-160.5, 239.5)),
        ({"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "LINEAR_EXACT"}, (-160, 240)),
        ({"WindowCenter": [40, 300], "WindowWidth": [401, 2000]}, (-160.5, 239.5)),
        ({"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "SIGMOID"}, None),
        ({"WindowCenter": 40, "WindowWidth": 1}, None),
        ({}, None),
    ],
)
def test_the_window_that_a_file_states(dicom: Dicom, tmp_path: Path, header: dict[str, Any], window: Any):
    dicom(tmp_path / "a.dcm", VALUES, **header)
    assert read(tmp_path / "a.dcm").window == window


def test_patients_are_groups_and_are_not_named(zoo: Callable[..., Any], dicom: Dicom, tmp_path: Path):
    """Images of one patient are held out together; neither the run nor the store has the identifier."""
    for kind in ("a", "b"):
        (tmp_path / "scans" / kind).mkdir(parents=True)
        for number in range(12):
            patient = f"SMITH-{kind}-{number // 3}"
            values = RNG.integers(0, 4096, (16, 16), np.uint16)
            dicom(tmp_path / "scans" / kind / f"{number:02}.dcm", values, PatientID=patient, PatientName="Smith^Jane")
    how = ("--epochs", "1", "--image-size", "16", "--set", "data.in_chans=1", "--set", "architecture.channels=[4]")
    code, _, err = zoo("run", "simple_cnn", tmp_path / "scans", "--name", "p", *how)
    assert code == 0, err
    result = read_result(Path("runs/p"))
    assert {name: split.groups for name, split in result.splits.items()} == {"train": 6, "val": 2}
    written = b"".join(path.read_bytes() for path in Path("runs/p").rglob("*") if path.is_file())
    assert b"SMITH" not in written
    assert b"Jane" not in written


def test_the_study_is_the_group_where_no_patient_is_known(dicom: Dicom, tmp_path: Path):
    groups = []
    for number, header in enumerate(({"PatientID": "p", "StudyInstanceUID": "1.2"}, {"StudyInstanceUID": "1.2"}, {})):
        dicom(tmp_path / f"{number}.dcm", VALUES, **header)
        groups.append(read(tmp_path / f"{number}.dcm").group)
    assert groups[0] != groups[1]
    assert groups[2] is None
    assert all(group is None or len(group) == 12 for group in groups)


def test_damaged_scans_are_skipped_counted_and_named(zoo: Callable[..., Any], dicom: Dicom, tmp_path: Path):
    for kind in ("a", "b"):
        (tmp_path / "ct" / kind).mkdir(parents=True)
        for number in range(10):
            dicom(tmp_path / "ct" / kind / f"{number}.dcm", RNG.integers(0, 4096, (16, 16), np.uint16))
    cut = tmp_path / "ct" / "a" / "3.dcm"
    cut.write_bytes(cut.read_bytes()[:-200])
    how = ("--epochs", "1", "--image-size", "16", "--set", "data.in_chans=1", "--set", "architecture.channels=[4]")
    code, _, err = zoo("run", "simple_cnn", tmp_path / "ct", "--name", "x", *how)
    assert code == 2
    assert "1 of 20 train images can't be decoded" in err
    assert "3.dcm (not a readable DICOM file" in err
    code, out, err = zoo(
        "run", "simple_cnn", tmp_path / "ct", "--name", "x", *how, "--set", "data.max_bad_fraction=0.1"
    )
    assert code == 0, err
    assert "3.dcm" in out + err
    code, _, err = zoo("predict", "x", cut, FILES / "rtplan.dcm")
    assert code == 2
    assert "a DICOM file without an image" in err


def test_without_pydicom_the_extra_is_named(
    zoo: Callable[..., Any], dicom: Dicom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import importlib.util

    for kind in ("a", "b"):
        (tmp_path / "ct" / kind).mkdir(parents=True)
        dicom(tmp_path / "ct" / kind / "0.dcm", VALUES)
    found = importlib.util.find_spec
    for place in ("zoo.data.picture_formats", "zoo.registry.picture_readers"):
        monkeypatch.setattr(f"{place}.find_spec", lambda name: None if name == "pydicom" else found(name))
    with pytest.raises(BadImage, match=r"pip install 'visionzoo\[dicom\]'"):
        opened(tmp_path / "ct" / "a" / "0.dcm")
    from zoo.data.picture_formats import install_hint

    assert install_hint([".dcm"]) == "pip install 'visionzoo[dicom]'"


def test_a_file_is_known_by_its_first_bytes(dicom: Dicom, tmp_path: Path):
    dicom(tmp_path / "IM0001", VALUES)
    assert (read(tmp_path / "IM0001").values[0] == VALUES).all()
    content = io.BytesIO((tmp_path / "IM0001").read_bytes())
    assert (open_image(content).values[0] == VALUES).all()


def test_a_size_beyond_the_limit_is_refused_before_it_is_decoded(
    dicom: Dicom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    dicom(tmp_path / "a.dcm", VALUES)
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 10)
    with pytest.raises(BadImage, match="30 values in an image; the limit is 20"):
        opened(tmp_path / "a.dcm")
