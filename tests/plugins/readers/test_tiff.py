"""TIFF files that Pillow can't read: many bands, other types of number, GeoTIFF."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from zoo.data.decode import full_size, opened
from zoo.errors import BadImage
from zoo.runs import read_result

BANDS = np.random.default_rng(0).integers(0, 10_000, (12, 20, 16)).astype(np.uint16)


@pytest.mark.parametrize(
    ("how", "bands"),
    [
        ({"planarconfig": "separate"}, 12),
        ({"planarconfig": "contig"}, 12),
        ({"planarconfig": "separate", "compression": "zlib", "tile": (16, 16)}, 12),
    ],
)
def test_bands_are_channels(tmp_path: Path, how: dict[str, Any], bands: int):
    values = BANDS if how["planarconfig"] == "separate" else np.moveaxis(BANDS, 0, 2)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", **how)
    found = full_size(opened(tmp_path / "a.tif"), bands, "own")
    assert (np.moveaxis(found, 2, 0) == BANDS).all()


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32", "uint32"])
def test_numbers_of_other_types(tmp_path: Path, dtype: str):
    tifffile.imwrite(tmp_path / "a.tif", BANDS[0].astype(dtype))
    found = full_size(opened(tmp_path / "a.tif"), 1, "own")
    assert found.dtype == np.float32
    assert (found[..., 0] == BANDS[0].astype(dtype)).all()


def test_a_geotiff_that_rasterio_wrote(tmp_path: Path):
    rasterio = pytest.importorskip("rasterio")
    profile = {"driver": "GTiff", "width": 16, "height": 20, "count": 12, "dtype": "uint16", "crs": "EPSG:32633"}
    transform = rasterio.transform.from_origin(500_000, 5_000_000, 10, 10)
    with rasterio.open(tmp_path / "scene.tif", "w", transform=transform, **profile) as file:
        file.write(BANDS)
    found = full_size(opened(tmp_path / "scene.tif"), 12, "own")
    assert (np.moveaxis(found, 2, 0) == BANDS).all()


@pytest.mark.parametrize("compression", ["lzw", "zstd", "lerc"])
def test_compressions_that_tifffile_does_not_decode(tmp_path: Path, compression: str):
    rasterio = pytest.importorskip("rasterio")
    profile = {"driver": "GTiff", "width": 16, "height": 20, "count": 12, "dtype": "uint16"}
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(tmp_path / "scene.tif", "w", compress=compression, predictor=1, **profile) as file,
    ):
        file.write(BANDS)
    found = full_size(opened(tmp_path / "scene.tif"), 12, "own")
    assert (np.moveaxis(found, 2, 0) == BANDS).all()
    content = (tmp_path / "scene.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadImage):
        opened(tmp_path / "cut.tif")


def test_a_compression_that_nothing_installed_decodes_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rasterio = pytest.importorskip("rasterio")
    profile = {"driver": "GTiff", "width": 16, "height": 20, "count": 12, "dtype": "uint16"}
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(tmp_path / "scene.tif", "w", compress="lerc", **profile) as file,
    ):
        file.write(BANDS)
    monkeypatch.setattr("zoo_readers.tiff.find_spec", lambda name: None)
    with pytest.raises(BadImage, match=r"LERC compression, which rasterio decodes. Type: pip install .*geotiff"):
        opened(tmp_path / "scene.tif")


def test_a_run_on_bands_keeps_them(zoo: Callable[..., Any], tmp_path: Path):
    for kind, shift in (("forest", 0), ("water", 3000)):
        (tmp_path / "scenes" / kind).mkdir(parents=True)
        for number in range(10):
            values = (BANDS + np.random.default_rng(number).integers(0, 99, BANDS.shape) + shift).astype(np.uint16)
            tifffile.imwrite(tmp_path / "scenes" / kind / f"{number}.tif", values, photometric="minisblack")
    how = ("--epochs", "1", "--image-size", "16", "--set", "architecture.channels=[4]")
    code, _, err = zoo("run", "simple_cnn", tmp_path / "scenes", "--name", "s", *how)
    assert code == 0, err
    job = read_result(Path("runs/s")).job.document()
    assert job["data"]["in_chans"] == 12
    assert job["data"]["window"][1] > 10_000


def test_files_that_are_no_single_image_are_refused(tmp_path: Path):
    with tifffile.TiffWriter(tmp_path / "two.tif") as file:
        file.write(np.zeros((5, 20, 16), np.uint16), photometric="minisblack", planarconfig="separate")
        file.write(np.zeros((5, 10, 10), np.uint16), photometric="minisblack", planarconfig="separate")
    with pytest.raises(BadImage, match="a TIFF of 2 images of different sizes"):
        opened(tmp_path / "two.tif")
    tifffile.imwrite(tmp_path / "a.tif", BANDS, photometric="minisblack", planarconfig="separate")
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadImage):
        opened(tmp_path / "cut.tif")
    (tmp_path / "head.tif").write_bytes(content[:20])
    with pytest.raises(BadImage):
        opened(tmp_path / "head.tif")


def test_overviews_are_left_out(tmp_path: Path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(BANDS, photometric="minisblack", planarconfig="separate")
        file.write(BANDS[:, ::2, ::2], photometric="minisblack", planarconfig="separate", subfiletype=1)
    assert full_size(opened(tmp_path / "a.tif"), 12, "own").shape == (20, 16, 12)


def test_an_image_with_a_value_that_is_not_a_number_is_refused(tmp_path: Path):
    values = BANDS[:5].astype(np.float32)
    values[2, 3, 4] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", planarconfig="separate")
    with pytest.raises(BadImage, match="1 of its 1,600 values is NaN or infinite"):
        full_size(opened(tmp_path / "a.tif"), 5, "own")
